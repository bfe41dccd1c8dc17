//! Places within a box: the workloads of a namespace in columns, and lanes for what passes them.

use super::super::link::Link;
use super::column::{Order, columns};
use super::outer::Outer;
use super::size::{self, Sizes};
use super::{Pair, Plan};

/// Room above the workloads of a namespace for its name.
const HEAD: i64 = 26;
const MARGIN: i64 = 12;
const BETWEEN_BOXES: i64 = 14;
/// The height of a lane.
const LANE: i64 = 10;

/// A column of a box, from its corner.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Column {
    /// Where lines of it begin to be straight.
    pub(super) enter: i64,
    /// Where they may bend again.
    pub(super) leave: i64,
}

/// The inside of a box. Coordinates are from its corner.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) size: Pair,
    /// Sizes of the nodes, in the frame's order.
    pub(super) boxes: Vec<Pair>,
    /// And where they stand.
    pub(super) corners: Vec<Pair>,
    pub(super) columns: Vec<Column>,
    /// By item: its column, and the height of its middle.
    pub(super) middles: Vec<(usize, i64)>,
    /// The items of each link that has any here, by link: sorted.
    pub(super) chains: Vec<(usize, Vec<usize>)>,
}

/// What a link does in a box.
enum Way {
    Within(usize, usize),
    /// Between this node and what is on the left; and whether it begins at the node.
    Left(usize, bool),
    Right(usize, bool),
}

impl Inner {
    pub(super) fn of(frame: usize, plan: &Plan, links: &[Link], outer: &Outer, sizes: &Sizes) -> Self {
        let nodes = &plan.frames[frame].nodes;
        let count = nodes.len();
        let ways = ways(frame, plan, links, outer);
        let own = ways.iter().filter_map(|(_, way)| match way {
            Way::Within(from, to) => Some((*from, *to)),
            Way::Left(..) | Way::Right(..) => None,
        });
        let mut column_of: Vec<usize> =
            columns(count, &own.collect::<Vec<_>>()).iter().map(|at| at + 1).collect();
        let last = column_of.iter().max().copied().unwrap_or(1);
        let heights = heights(count, &column_of, &ways);
        // Where links come in and go out is an item too, at the border, in the order of what is outside.
        let mut inside = vec![(0, 0); ways.len()];
        let mut by_place: Vec<usize> = (0..ways.len()).collect();
        by_place.sort_by_key(|at| outer.beside(frame, ways[*at].0));
        for at in by_place {
            let border = column_of.len();
            inside[at] = match ways[at].1 {
                Way::Within(from, to) => (from, to),
                Way::Left(node, _) => {
                    column_of.push(0);
                    (border, node)
                }
                Way::Right(node, _) => {
                    column_of.push(last + 1);
                    (node, border)
                }
            };
        }
        let order = Order::of(&column_of, &inside, |column| column == 0 || column == last + 1);
        let mut made = Inner {
            size: (0, 0),
            boxes: nodes.iter().zip(heights).map(|(node, height)| (sizes.widths[*node], height)).collect(),
            corners: vec![(0, 0); count],
            columns: Vec::new(),
            middles: Vec::new(),
            chains: Vec::new(),
        };
        let has_name = plan.frames[frame].namespace.is_some();
        made.across(&column_of, last, &zones(last, &column_of, &ways, sizes), has_name);
        made.down(&order, last, has_name);
        if let Some(name) = &plan.frames[frame].namespace {
            made.size.0 = made.size.0.max(size::width(&size::short(name)));
        }
        let is_inside =
            |item: &usize| *item < count || made.middles.get(*item).is_some_and(|(column, _)| *column > 0);
        made.chains = ways
            .iter()
            .zip(&order.chains)
            .map(|((link, _), chain)| (*link, chain.iter().copied().filter(is_inside).collect()))
            .collect();
        made
    }

    /// The items of a link, from left to right.
    pub(super) fn chain(&self, link: usize) -> &[usize] {
        let found = self.chains.binary_search_by_key(&link, |(at, _)| *at).ok();
        found.and_then(|at| self.chains.get(at)).map_or(&[], |(_, chain)| chain.as_slice())
    }

    /// Widths: a zone for labels, the boxes, another zone; room to bend between columns.
    fn across(&mut self, column_of: &[usize], last: usize, zones: &[(i64, i64)], has_name: bool) {
        let mut x = if has_name { MARGIN } else { 0 };
        self.columns.push(Column::default());
        for (column, (before, after)) in zones.iter().copied().enumerate().take(last + 1).skip(1) {
            let here: Vec<usize> =
                (0..self.boxes.len()).filter(|place| column_of[*place] == column).collect();
            let width = here.iter().map(|place| self.boxes[*place].0).max().unwrap_or(0);
            for place in here {
                self.corners[place].0 = x + before + (width - self.boxes[place].0) / 2;
            }
            self.columns.push(Column { enter: x, leave: x + before + width + after });
            x += before + width + after + if column < last { super::outer::BEND } else { 0 };
        }
        self.size.0 = x + if has_name { MARGIN } else { 0 };
    }

    /// Heights: what is in a column stands below one another, in the middle.
    fn down(&mut self, order: &Order, last: usize, has_name: bool) {
        let (top, bottom) = if has_name { (HEAD, MARGIN) } else { (0, 0) };
        let items = order.columns.iter().flatten().max().map_or(0, |most| most + 1);
        self.middles = vec![(0, 0); items];
        let boxes = self.boxes.clone();
        let height = |item: usize| boxes.get(item).map_or(LANE, |(_, height)| height + BETWEEN_BOXES);
        let total = |column: &[usize]| column.iter().map(|item| height(*item)).sum::<i64>();
        let within = || order.columns.iter().enumerate().filter(|(at, _)| (1..=last).contains(at));
        let most = within().map(|(_, column)| total(column)).max().unwrap_or(0);
        for (at, column) in within() {
            let mut y = top + (most - total(column)) / 2;
            for item in column {
                let own = height(*item);
                self.middles[*item] = (at, y + own / 2);
                if let Some(corner) = self.corners.get_mut(*item) {
                    corner.1 = y + BETWEEN_BOXES / 2;
                }
                y += own;
            }
        }
        self.size.1 = top + most + bottom;
    }
}

/// What each link that touches a box does there, by link.
fn ways(frame: usize, plan: &Plan, links: &[Link], outer: &Outer) -> Vec<(usize, Way)> {
    let mut ways = Vec::new();
    for at in outer.touching(frame) {
        let link = &links[*at];
        let (from, to) = (plan.frame_of(link.from), plan.frame_of(link.to));
        if from == to {
            ways.push((*at, Way::Within(plan.place_of(link.from), plan.place_of(link.to))));
            continue;
        }
        let (own, other) = if from == frame { (link.from, to) } else { (link.to, from) };
        let (place, begins) = (plan.place_of(own), from == frame);
        let is_left = outer.column_of[other] < outer.column_of[frame];
        ways.push((*at, if is_left { Way::Left(place, begins) } else { Way::Right(place, begins) }));
    }
    ways
}

/// So that there is room for every link, and its label, at the side of a node that has more.
fn heights(count: usize, column_of: &[usize], ways: &[(usize, Way)]) -> Vec<i64> {
    let mut sides = vec![(0_i64, 0_i64); count];
    for (_, way) in ways {
        match *way {
            Way::Within(from, to) if from == to => sides[from].1 += 2,
            Way::Within(from, to) => {
                let (left, right) = if column_of[from] < column_of[to] { (from, to) } else { (to, from) };
                sides[left].1 += 1;
                sides[right].0 += 1;
            }
            Way::Left(node, _) => sides[node].0 += 1,
            Way::Right(node, _) => sides[node].1 += 1,
        }
    }
    sides.into_iter().map(|(left, right)| size::height(left.max(right))).collect()
}

/// How wide the zones before and after each column are: as the widest label of the links that begin there.
fn zones(last: usize, column_of: &[usize], ways: &[(usize, Way)], sizes: &Sizes) -> Vec<(i64, i64)> {
    let mut zones = vec![(size::BARE_ZONE, size::BARE_ZONE); last + 2];
    for (link, way) in ways {
        let label = sizes.labels[*link];
        let zone = match *way {
            Way::Within(from, to) if column_of[from] <= column_of[to] => &mut zones[column_of[from]].1,
            Way::Within(from, _) | Way::Left(from, true) => &mut zones[column_of[from]].0,
            Way::Right(from, true) => &mut zones[column_of[from]].1,
            Way::Left(_, false) | Way::Right(_, false) => continue,
        };
        *zone = (*zone).max(label);
    }
    zones
}
