//! How large things are, in pixels.

use super::super::link::{Link, title};
use super::super::{GraphReport, NodeRow};

/// Width of a character of a name, about.
const CHARACTER: i64 = 7;
/// Of a label, which is smaller.
const LABEL_CHARACTER: i64 = 6;
const NODE_HEIGHT: i64 = 30;
/// What each link adds to a box, at the side that has more: room for its label.
const LINK_HEIGHT: i64 = 15;
/// Longer names are cut, and whole in the tooltip.
const MAX_CHARACTERS: usize = 44;
/// The zone beside a column where no label stands: for the head of an arrow.
pub(super) const BARE_ZONE: i64 = 16;

/// Sizes of what a picture shows.
pub(super) struct Sizes {
    /// By node.
    pub(super) widths: Vec<i64>,
    /// By link: the width that its label takes, with room on both sides.
    pub(super) labels: Vec<i64>,
}

pub(super) fn sizes(report: &GraphReport, links: &[Link]) -> Sizes {
    Sizes {
        widths: report.nodes.iter().map(|node| width(&title_of(node)).max(60)).collect(),
        labels: links.iter().map(|link| LABEL_CHARACTER * length(&link.short) + BARE_ZONE).collect(),
    }
}

/// Of a box with so many links at one side.
pub(super) fn height(links: i64) -> i64 {
    NODE_HEIGHT.max(LINK_HEIGHT * (links + 1))
}

/// Of a name with some room on both sides.
pub(super) fn width(text: &str) -> i64 {
    CHARACTER * length(text) + 20
}

/// Characters of East Asian scripts take two places.
fn length(text: &str) -> i64 {
    i64::try_from(unicode_width::UnicodeWidthStr::width(text)).unwrap_or(0)
}

/// What a box says.
pub(in super::super) fn title_of(node: &NodeRow) -> String {
    short(&title(node))
}

/// A name as a box shows it.
pub(in super::super) fn short(name: &str) -> String {
    if name.chars().count() <= MAX_CHARACTERS {
        return name.to_owned();
    }
    name.chars().take(MAX_CHARACTERS - 1).chain(['…']).collect()
}
