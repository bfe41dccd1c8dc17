//! The objects of a document that is not one object a line: lists, envelopes of lists, objects over
//! several lines and objects without anything between them.
//!
//! Between objects nearly everything is passed over. An object that cannot be is given up, and the
//! next one is looked for where it must begin: behind the seam of two objects on the same line, or
//! on a line that is indented like the one where the bad one began.

use super::scan::{Found, Scan};

/// Lists and envelopes inside one another that are remembered.
const MAX_LEVELS: usize = 16;

/// What is at the front of the octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// More octets are needed.
    More,
    /// So many octets are structure.
    Pass(usize),
    /// An object of so many octets.
    Object(usize),
    /// An object that cannot be; so many octets are passed to the next one, or to where it is to be looked for.
    Broken { passed: usize },
    /// So many octets are no JSON.
    Other(usize),
}

#[derive(Clone, Debug)]
enum Mode {
    /// Between objects.
    Between,
    /// In an object.
    Object(Scan),
    /// In what follows the list of an envelope.
    Rest(Scan),
    /// Looking for a line that begins like that of the object that was given up.
    Line,
    /// Looking for where two objects meet, up to the end of the line.
    Seam,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    List,
    Envelope,
}

/// Where in a document we are.
#[derive(Clone, Debug)]
pub struct Walk {
    mode: Mode,
    levels: Vec<Level>,
    /// White space since the line began; `None` when something else came.
    indent: Option<usize>,
    /// That of the object that is being followed.
    wanted: usize,
}

impl Walk {
    /// At the beginning of a document, or of a line.
    pub fn new() -> Self {
        Walk { mode: Mode::Between, levels: Vec::new(), indent: Some(0), wanted: 0 }
    }

    /// Whether octets that come to an end here end in the middle of something.
    pub fn is_inside(&self) -> bool {
        matches!(self.mode, Mode::Object(_) | Mode::Rest(_))
    }

    /// Looks at the front of `data`, which begins behind what the last step passed.
    pub fn step(&mut self, data: &[u8]) -> Step {
        match &mut self.mode {
            Mode::Between => self.between(data),
            Mode::Object(scan) => {
                let found = scan.step(data);
                self.object(found, data)
            }
            Mode::Rest(scan) => {
                let found = scan.step(data);
                self.rest(found, data)
            }
            Mode::Line => self.seek_line(data),
            Mode::Seam => self.seek_seam(data),
        }
    }

    /// Gives up the object that is being followed: it is longer than one may be, or the input ends.
    pub fn give_up(&mut self, data: &[u8]) -> Step {
        self.broken(data, data.len())
    }

    fn between(&mut self, data: &[u8]) -> Step {
        let mut at = 0;
        while let Some(octet) = data.get(at).copied() {
            match octet {
                b'\n' => self.indent = Some(0),
                b' ' | b'\t' => self.indent = self.indent.map(|n| n + 1),
                // A record separator begins a text of RFC 7464, three octets are a byte order mark.
                b'\r' | b',' | 0x1e | 0xef | 0xbb | 0xbf => {}
                b'[' if next_of(data, at).is_none_or(|next| !b"{[]\"".contains(&next)) => {
                    // A list of something else, if the octet that tells is there.
                    return match (at, next_of(data, at)) {
                        (0, None) => Step::More,
                        (0, Some(_)) => self.other(data),
                        _ => Step::Pass(at),
                    };
                }
                b'[' => {
                    self.indent = None;
                    if self.levels.len() < MAX_LEVELS {
                        self.levels.push(Level::List);
                    }
                }
                b']' => {
                    self.levels.pop();
                    self.indent = None;
                    if self.levels.last() == Some(&Level::Envelope) {
                        self.mode = Mode::Rest(Scan::rest());
                        return Step::Pass(at + 1);
                    }
                }
                b'}' => self.indent = None,
                b'{' => {
                    self.mode = Mode::Object(Scan::new());
                    self.wanted = self.indent.unwrap_or(0);
                    self.indent = None;
                    return Step::Pass(at);
                }
                _ if at > 0 => return Step::Pass(at),
                _ => return self.other(data),
            }
            at += 1;
        }
        if at == 0 { Step::More } else { Step::Pass(at) }
    }

    /// Something that is no object, to the end of its line or to where one may begin.
    fn other(&mut self, data: &[u8]) -> Step {
        self.indent = None;
        let end = memchr::memchr2(b'\n', b'{', data).unwrap_or(data.len());
        Step::Other(end)
    }

    fn object(&mut self, found: Found, data: &[u8]) -> Step {
        match found {
            Found::More => Step::More,
            Found::End(length) => {
                self.mode = Mode::Between;
                Step::Object(length)
            }
            Found::List { at, levels } => self.descend(at, levels),
            Found::Broken(at) => self.broken(data, at),
        }
    }

    fn rest(&mut self, found: Found, data: &[u8]) -> Step {
        match found {
            Found::More => Step::More,
            Found::End(length) => {
                self.levels.pop();
                self.mode = if self.levels.last() == Some(&Level::Envelope) {
                    Mode::Rest(Scan::rest())
                } else {
                    Mode::Between
                };
                Step::Pass(length)
            }
            // The envelope itself is a level already.
            Found::List { at, levels } => self.descend(at, levels.saturating_sub(1)),
            Found::Broken(at) => {
                self.levels.pop();
                self.broken(data, at)
            }
        }
    }

    /// Into the list of an envelope. All its levels but the list are objects.
    fn descend(&mut self, at: usize, levels: u32) -> Step {
        if self.levels.len() < MAX_LEVELS {
            self.levels.extend((1..levels).map(|_| Level::Envelope));
            self.levels.push(Level::List);
        }
        self.mode = Mode::Between;
        self.indent = None;
        Step::Pass(at)
    }

    /// An object is given up that is broken at `at`.
    fn broken(&mut self, data: &[u8], at: usize) -> Step {
        let line = memchr::memchr(b'\n', data).filter(|line| *line < at);
        self.mode = if line.is_some() { Mode::Line } else { Mode::Seam };
        Step::Broken { passed: line.unwrap_or(at.max(1)).min(data.len()) }
    }

    fn seek_seam(&mut self, data: &[u8]) -> Step {
        let end = memchr::memchr(b'\n', data);
        let line = data.get(..end.unwrap_or(data.len())).unwrap_or_default();
        if let Some(at) = seam(line).or(end) {
            (self.mode, self.indent) = (Mode::Between, None);
            return Step::Pass(at);
        }
        // The brace of a seam may be here and the other one still to come.
        let open = line.iter().rposition(|c| !b" \t,".contains(c)).filter(|at| line.get(*at) == Some(&b'}'));
        match open.unwrap_or(line.len()) {
            0 => Step::More,
            at => Step::Pass(at),
        }
    }

    /// Passes lines until one begins like that of the object that was given up.
    fn seek_line(&mut self, data: &[u8]) -> Step {
        let Some(line) = memchr::memchr(b'\n', data) else {
            return if data.is_empty() { Step::More } else { Step::Pass(data.len()) };
        };
        let next = data.get(line + 1..).unwrap_or_default();
        let begin = next.iter().position(|c| !b" \t".contains(c));
        match begin.and_then(|begin| Some((begin, next.get(begin)?))) {
            None if next.len() <= self.wanted => Step::More,
            Some((begin, b'{')) if begin == self.wanted => {
                (self.mode, self.indent) = (Mode::Between, Some(0));
                Step::Pass(line + 1)
            }
            _ => Step::Pass(line + 1 + begin.unwrap_or(next.len())),
        }
    }
}

/// What stands behind the octet at `at`, but for white space.
fn next_of(data: &[u8], at: usize) -> Option<u8> {
    data.get(at + 1..)?.iter().copied().find(|octet| !octet.is_ascii_whitespace())
}

/// Where, behind the end of one object, another one begins on the same line.
fn seam(line: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(b'}', line.get(from..)?)?;
        let rest = line.get(end + 1..)?;
        let gap = rest.iter().position(|c| !b" \t,".contains(c))?;
        if rest.get(gap) == Some(&b'{') {
            return Some(end + 1 + gap);
        }
        from = end + 1;
    }
}

#[cfg(test)]
mod tests;
