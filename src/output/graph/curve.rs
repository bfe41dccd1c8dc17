//! How links run: each leaves and reaches its boxes at a place of its own, so that labels stand apart.

use std::collections::BTreeMap;

use super::layout::{Pair, Rect};
use super::link::Link;

/// A link of a picture, from box to box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Curve {
    pub(super) start: Pair,
    pub(super) end: Pair,
    /// Whether it leaves to the right, 1, or to the left, -1.
    pub(super) leaves: i64,
    /// On which side it comes to the other box, likewise.
    pub(super) comes: i64,
}

/// A curve leaves a box at a right angle, at least so far.
const LEAST_REACH: i64 = 40;

impl Curve {
    /// The points of a cubic curve.
    pub(super) fn points(self) -> [Pair; 4] {
        let reach = ((self.end.0 - self.start.0).abs() / 2).max(LEAST_REACH);
        let out = (self.start.0 + self.leaves * reach, self.start.1);
        let back = (self.end.0 + self.comes * reach, self.end.1);
        [self.start, out, back, self.end]
    }
}

/// The curves of links between boxes, in their order. Those at one side of a box are in the order of the
/// boxes at their other ends.
pub(super) fn curves(boxes: &[Rect], links: &[Link]) -> Vec<Curve> {
    let rect = |at: usize| boxes.get(at).copied().unwrap_or_default();
    let mut curves = Vec::with_capacity(links.len());
    // By box and side: the height of the other end, the link, and whether it begins here.
    let mut sides: BTreeMap<(usize, i64), Vec<(i64, usize, bool)>> = BTreeMap::new();
    for (at, link) in links.iter().enumerate() {
        let (from, to) = (rect(link.from), rect(link.to));
        let (leaves, comes) = if from.x + from.width <= to.x {
            (1, -1)
        } else if to.x + to.width <= from.x {
            (-1, 1)
        } else {
            // One above the other, or itself.
            (1, 1)
        };
        sides.entry((link.from, leaves)).or_default().push((to.y, at, true));
        sides.entry((link.to, comes)).or_default().push((from.y, at, false));
        curves.push(Curve { leaves, comes, ..Curve::default() });
    }
    for ((node, side), mut ends) in sides {
        ends.sort_unstable();
        let rect = rect(node);
        let x = if side > 0 { rect.x + rect.width } else { rect.x };
        let count = i64::try_from(ends.len()).unwrap_or(i64::MAX - 1);
        for (place, (_, link, begins)) in (1..).zip(ends) {
            let Some(curve) = curves.get_mut(link) else { continue };
            let point = (x, rect.y + rect.height * place / (count + 1));
            if begins {
                curve.start = point;
            } else {
                curve.end = point;
            }
        }
    }
    curves
}

#[cfg(test)]
mod tests {
    use super::super::link::Standing;
    use super::*;

    fn link(from: usize, to: usize) -> Link {
        Link { from, to, standing: Standing::Allowed, label: String::new() }
    }

    #[test]
    fn every_link_has_a_place_of_its_own_at_its_box() {
        let rect = |x, y| Rect { x, y, width: 60, height: 40 };
        let boxes = [rect(0, 0), rect(200, 0), rect(200, 100)];
        let curves = curves(&boxes, &[link(0, 2), link(0, 1), link(1, 0), link(1, 2), link(1, 1)]);
        assert_eq!((curves[1].start, curves[0].start), ((60, 20), (60, 30)), "{curves:?}");
        let starts: std::collections::BTreeSet<_> = curves.iter().map(|curve| curve.start).collect();
        assert_eq!(starts.len(), curves.len());
        assert_eq!((curves[3].leaves, curves[3].comes), (1, 1), "one above the other");
    }
}
