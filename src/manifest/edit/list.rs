//! A list in which some items stay, go, or become others.

use super::lines::Lines;
use super::node::Node;
use super::render::Entries;
use super::splice::Splice;

/// What becomes of one item.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate<'a> {
    /// Byte for byte as it is.
    Stays,
    /// It goes, and the comments that are its own.
    Goes,
    /// Others stand in its place, below the comments that were above it.
    Becomes(Entries<'a>),
    /// It stays, or was edited in itself, and others follow it.
    IsFollowedBy(Entries<'a>),
}

/// The splices for a list of which at least one item is left; `None` when its lines are not
/// understood.
pub(super) fn edit(lines: &Lines<'_>, list: &Node, fates: &[Fate<'_>]) -> Option<Vec<Splice>> {
    if fates.len() != list.items().len() {
        return None;
    }
    if list.is_flow { Some(flow(list, fates)) } else { block(lines, list, fates) }
}

fn block(lines: &Lines<'_>, list: &Node, fates: &[Fate<'_>]) -> Option<Vec<Splice>> {
    let block = lines.block(list)?;
    let line_break = lines.line_break();
    let mut splices = Vec::new();
    for (item, fate) in block.items.iter().zip(fates) {
        let whole = |first: usize, last: usize| lines.bytes(first).start..lines.bytes(last).end;
        match fate {
            Fate::Stays => {}
            Fate::Goes => splices.push(Splice::remove(whole(item.lead, item.tail))),
            Fate::Becomes(entries) => {
                let range = whole(item.first, item.tail);
                let text = at_end(lines, range.end, entries.block(block.column, line_break));
                splices.push(Splice { range, text });
            }
            Fate::IsFollowedBy(entries) => {
                let text = entries.block(block.column, line_break);
                splices.push(below(lines, item.tail, text));
            }
        }
    }
    Some(splices)
}

/// Lines below a line, which may be the last and without a break.
pub(super) fn below(lines: &Lines<'_>, line: usize, text: String) -> Splice {
    let range = lines.bytes(line);
    if lines.text(line).len() < range.len() {
        return Splice::insert(range.end, text);
    }
    let line_break = lines.line_break();
    Splice::insert(range.end, format!("{line_break}{}", text.trim_end_matches(['\n', '\r'])))
}

/// A text that ends without a break goes on doing so.
fn at_end(lines: &Lines<'_>, end: usize, text: String) -> String {
    let last = lines.of(end.saturating_sub(1));
    let has_break = lines.text(last).len() < lines.bytes(last).len();
    if has_break { text } else { text.trim_end_matches(['\n', '\r']).to_owned() }
}

/// Items are cut up to the next one, and at the end from the one before, so that commas stand
/// between what is left.
fn flow(list: &Node, fates: &[Fate<'_>]) -> Vec<Splice> {
    let items = list.items();
    let goes = |at: usize| matches!(fates.get(at), Some(Fate::Goes));
    let last_left = (0..items.len()).rev().find(|at| !goes(*at)).unwrap_or(0);
    let mut splices = Vec::new();
    for (at, (item, fate)) in items.iter().zip(fates).enumerate() {
        match (fate, items.get(at + 1)) {
            (Fate::Goes, Some(next)) if at < last_left => {
                splices.push(Splice::remove(item.start..next.start));
            }
            (Fate::Stays | Fate::Goes, _) => {}
            (Fate::Becomes(entries), _) => {
                splices.push(Splice { range: item.start..item.end, text: entries.flow_items() });
            }
            (Fate::IsFollowedBy(entries), _) => {
                splices.push(Splice::insert(item.end, format!(", {}", entries.flow_items())));
            }
        }
    }
    if let (Some(last), Some(end)) = (items.get(last_left), items.last())
        && last.end < end.end
    {
        splices.push(Splice::remove(last.end..end.end));
    }
    splices
}
