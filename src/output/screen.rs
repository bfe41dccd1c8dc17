//! What a writer may know of where its lines are read.

use std::io::IsTerminal as _;

use super::safe;

/// How wide lines may be, and of which characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns.
    pub width: usize,
    /// Whether everything is said in ASCII.
    pub ascii: bool,
}

impl Screen {
    /// Where nobody says how wide it is.
    pub const WIDTH: usize = 100;
    /// Less is no screen: names would be cut to nothing.
    const LEAST: usize = 40;

    /// As wide as `COLUMNS` says, else as the terminal that reads, else [`Screen::WIDTH`].
    pub fn of_terminal(ascii: bool) -> Self {
        let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
        let terminal = || {
            let out = std::io::stdout();
            let size = out.is_terminal().then(|| terminal_size::terminal_size_of(out)).flatten();
            size.map(|(width, _)| usize::from(width.0))
        };
        let width = said.filter(|width| *width > 0).or_else(terminal).unwrap_or(Self::WIDTH);
        Screen { width: width.max(Self::LEAST), ascii }
    }

    /// Text from outside as this screen shows it.
    pub fn text(self, text: &str) -> String {
        let clean = safe::line(text);
        if self.ascii { clean.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect() } else { clean }
    }
}

impl Default for Screen {
    fn default() -> Self {
        Screen { width: Self::WIDTH, ascii: false }
    }
}

/// Columns that a text takes: East Asian characters take two.
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The beginning of a text that takes no more than `room` columns, with a mark where something is left out.
pub fn cut(text: &str, room: usize, screen: Screen) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mark = if screen.ascii { '~' } else { '…' };
    let mut out = String::new();
    let mut taken = 1;
    for c in text.chars() {
        taken += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if taken > room {
            break;
        }
        out.push(c);
    }
    out.push(mark);
    out
}

/// Words in lines of no more than `room` columns; a longer word is broken.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(8);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        let mut rest = word.to_owned();
        loop {
            let gap = usize::from(!line.is_empty());
            if width(&line) + gap + width(&rest) <= room {
                line.push_str(if gap == 1 { " " } else { "" });
                line.push_str(&rest);
                break;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                continue;
            }
            let mut taken = 0;
            let end = rest.char_indices().find_map(|(at, c)| {
                taken += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
                (taken > room).then_some(at)
            });
            let tail = rest.split_off(end.unwrap_or(rest.len()));
            lines.push(std::mem::replace(&mut rest, tail));
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_wrapped_by_the_columns_that_it_takes() {
        let screen = Screen::default();
        assert_eq!(cut("deployment", 6, screen), "deplo…");
        assert_eq!(cut("日本語テキスト", 7, screen), "日本語…");
        assert_eq!(cut("web", 3, Screen { ascii: true, ..screen }), "web");
        assert_eq!(cut("website", 3, Screen { ascii: true, ..screen }), "we~");
        assert_eq!(wrap("aaaa bbbb cccc", 9), ["aaaa bbbb", "cccc"]);
        assert_eq!(wrap("aaaaaaaaaabb", 10), ["aaaaaaaaaa", "bb"]);
        assert_eq!(Screen { ascii: true, width: 80 }.text("é\u{1b}[1m"), "?[1m");
    }
}
