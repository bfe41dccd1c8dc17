//! The lines of a text, and which of them the items of a block sequence take.

use std::ops::Range;

use super::node::Node;

/// The lines of a text by their places.
#[derive(Clone, Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// The lines of one item of a block sequence, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ItemLines {
    /// The first comment right above its dash, in the dash's column; the dash's line without any.
    pub lead: usize,
    /// The line of its dash.
    pub first: usize,
    /// Its last line with content.
    pub last: usize,
    /// The last comment right below that, indented deeper than the dash.
    pub tail: usize,
}

/// The items of a block sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The column of the dashes.
    pub column: usize,
    /// The items.
    pub items: Vec<ItemLines>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let starts = [0].into_iter().chain(ends.filter(|end| *end < text.len())).collect();
        Lines { text, starts }
    }

    /// The line break that the text uses.
    pub(super) fn line_break(&self) -> &'static str {
        let first = self.text.find('\n').map(|at| self.text[..at].ends_with('\r'));
        if first == Some(true) { "\r\n" } else { "\n" }
    }

    /// The line of a byte.
    pub(super) fn of(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// The bytes of a line, its break included.
    pub(super) fn bytes(&self, line: usize) -> Range<usize> {
        let start = self.starts.get(line).copied().unwrap_or(self.text.len());
        start..self.starts.get(line + 1).copied().unwrap_or(self.text.len())
    }

    /// A line without its break.
    pub(super) fn text(&self, line: usize) -> &'a str {
        self.text[self.bytes(line)].trim_end_matches(['\n', '\r'])
    }

    /// The column of the first character of a node.
    pub(super) fn column(&self, node: &Node) -> usize {
        node.start - self.bytes(self.of(node.start)).start
    }

    /// Some bytes.
    pub(super) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// The last line with content of a block mapping whose keys stand in `column`.
    pub(super) fn last_of(&self, mapping: &Node, column: usize) -> Option<usize> {
        let first = self.of(mapping.start);
        let inside = |line: &usize| {
            self.is_blank(*line) || self.is_comment(*line) || indent(self.text(*line)) >= column
        };
        let end = (first + 1..self.starts.len()).find(|line| !inside(line)).unwrap_or(self.starts.len());
        (first..end).rev().find(|line| !self.is_blank(*line) && !self.is_comment(*line))
    }

    fn is_comment(&self, line: usize) -> bool {
        self.text(line).trim_start().starts_with('#')
    }

    fn is_blank(&self, line: usize) -> bool {
        self.text(line).trim().is_empty()
    }

    /// Whether the line begins with a dash, and in which column.
    fn dash(&self, line: usize) -> Option<usize> {
        let column = indent(self.text(line));
        let rest = self.text(line).get(column..)?.strip_prefix('-')?;
        (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some(column)
    }

    /// The lines of the items of a block sequence; `None` when they cannot be told apart.
    pub(super) fn block(&self, sequence: &Node) -> Option<Block> {
        let first_item = sequence.items().first()?;
        let mut line = self.of(first_item.start);
        let column = loop {
            match self.dash(line) {
                Some(column) => break column,
                // Between a dash and its content there may be comments.
                None if line > 0 => line -= 1,
                None => return None,
            }
        };
        let mut dashes = vec![line];
        let mut end = line + 1;
        while end < self.starts.len() {
            if !self.is_blank(end) && !self.is_comment(end) && indent(self.text(end)) <= column {
                if self.dash(end) != Some(column) {
                    break;
                }
                dashes.push(end);
            }
            end += 1;
        }
        if dashes.len() != sequence.items().len() {
            return None;
        }
        let ends = dashes.iter().skip(1).copied().chain([end]);
        let items = dashes.iter().zip(ends).map(|(first, end)| self.item(*first, end, column)).collect();
        Some(Block { column, items })
    }

    /// The lines of the item whose dash is on `first`, before line `end`.
    fn item(&self, first: usize, end: usize, column: usize) -> ItemLines {
        let has_content = |line: &usize| !self.is_blank(*line) && !self.is_comment(*line);
        let last = (first..end).rev().find(has_content).unwrap_or(first);
        let is_own = |line: &usize| self.is_comment(*line) && indent(self.text(*line)) > column;
        let tail = (last + 1..end).take_while(is_own).last().unwrap_or(last);
        let is_lead = |line: &usize| self.is_comment(*line) && indent(self.text(*line)) == column;
        let lead = (0..first).rev().take_while(is_lead).last().unwrap_or(first);
        ItemLines { lead, first, last, tail }
    }
}

/// The spaces that a line begins with.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
