//! Places of boxes, and lanes between them for what passes.

use super::super::link::Link;
use super::column::{Order, columns};
use super::inner::{Column, Inner};
use super::{Pair, Plan};

/// Between columns: there lines bend.
pub(super) const BEND: i64 = 70;
const MARGIN: i64 = 20;
const BETWEEN_BOXES: i64 = 18;
const LANE: i64 = 10;

/// Which column each box is in, and in which order.
#[derive(Debug)]
pub(super) struct Outer {
    /// By frame.
    pub(super) column_of: Vec<usize>,
    order: Order,
    /// By frame: the links that touch it.
    touching: Vec<Vec<usize>>,
    /// By item: its place in its column.
    places: Vec<usize>,
}

/// Where boxes and lanes are.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) size: Pair,
    /// By frame.
    pub(super) corners: Vec<Pair>,
    pub(super) columns: Vec<Column>,
    /// By item: its column, and the height of its middle.
    pub(super) middles: Vec<(usize, i64)>,
}

impl Outer {
    pub(super) fn of(plan: &Plan, links: &[Link]) -> Self {
        let pairs: Vec<(usize, usize)> =
            links.iter().map(|link| (plan.frame_of(link.from), plan.frame_of(link.to))).collect();
        let column_of = columns(plan.frames.len(), &pairs);
        let order = Order::of(&column_of, &pairs, |_| false);
        let mut touching = vec![Vec::new(); plan.frames.len()];
        for (at, (from, to)) in pairs.iter().enumerate() {
            touching[*from].push(at);
            if from != to {
                touching[*to].push(at);
            }
        }
        let items = order.columns.iter().flatten().max().map_or(0, |most| most + 1);
        let mut places = vec![0; items];
        for (place, item) in order.columns.iter().flat_map(|column| column.iter().enumerate()) {
            places[*item] = place;
        }
        Outer { column_of, order, touching, places }
    }

    /// The links that touch a frame, in their order.
    pub(super) fn touching(&self, frame: usize) -> &[usize] {
        &self.touching[frame]
    }

    /// The items of a link from left to right.
    pub(super) fn chain(&self, link: usize) -> &[usize] {
        &self.order.chains[link]
    }

    /// The place of what a link meets next to a frame.
    pub(super) fn beside(&self, frame: usize, link: usize) -> (usize, usize) {
        let chain = self.chain(link);
        let next = match chain {
            [first, next, ..] if *first == frame => Some(*next),
            [.., next, last] if *last == frame => Some(*next),
            _ => None,
        };
        (next.map_or(0, |item| self.places[item]), link)
    }

    /// Gives boxes of these sizes their places.
    pub(super) fn place(&self, plan: &Plan, inners: &[Inner]) -> Places {
        let height = |item: usize| inners.get(item).map_or(LANE, |inner| inner.size.1 + BETWEEN_BOXES);
        let total = |column: &[usize]| column.iter().map(|item| height(*item)).sum::<i64>();
        let most = self.order.columns.iter().map(|column| total(column)).max().unwrap_or(0);
        let mut places = Places {
            size: (0, most + 2 * MARGIN),
            corners: vec![(0, 0); plan.frames.len()],
            columns: Vec::new(),
            middles: vec![(0, 0); self.places.len()],
        };
        let mut x = MARGIN;
        for (at, column) in self.order.columns.iter().enumerate() {
            let width = column
                .iter()
                .filter_map(|item| inners.get(*item))
                .map(|inner| inner.size.0)
                .max()
                .unwrap_or(0);
            let mut y = MARGIN + (most - total(column)) / 2;
            for item in column {
                let own = height(*item);
                places.middles[*item] = (at, y + own / 2);
                if let Some(corner) = places.corners.get_mut(*item) {
                    *corner = (x + (width - inners[*item].size.0) / 2, y + BETWEEN_BOXES / 2);
                }
                y += own;
            }
            places.columns.push(Column { enter: x, leave: x + width });
            x += width + BEND;
        }
        places.size.0 = (x - BEND).max(MARGIN) + MARGIN;
        places
    }
}
