//! How lines run: straight beside and past boxes, bent only between columns.

use std::collections::BTreeMap;

use super::super::link::Link;
use super::inner::Inner;
use super::outer::{Outer, Places};
use super::{Pair, Plan, Rect};

/// The way of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Route {
    /// From who opens to who is asked: straight from the first to the second, bent to the third, straight to the
    /// fourth, and so on.
    pub(in super::super) points: Vec<Pair>,
    /// Whether it leaves to the right, 1, or to the left, -1.
    pub(in super::super) leaves: i64,
}

/// What is known when lines are drawn.
pub(super) struct Scene<'a> {
    pub(super) plan: &'a Plan,
    pub(super) links: &'a [Link],
    pub(super) outer: &'a Outer,
    pub(super) inners: &'a [Inner],
    pub(super) places: &'a Places,
    pub(super) nodes: &'a [Rect],
}

/// What a line passes: between these places it is straight, at this height.
#[derive(Clone, Copy, Debug)]
struct Station {
    enter: i64,
    leave: i64,
    y: i64,
}

/// How far a line of a node to itself goes out.
const LOOP: i64 = 26;

/// The end of a link at a box: the height of what comes next, the link, and whether it is its later end.
type End = (i64, usize, bool);

/// The routes of links, in their order. Those at one side of a box are in the order of what they come to next.
pub(super) fn routes(scene: &Scene<'_>) -> Vec<Route> {
    let mut ways: Vec<Vec<Station>> = (0..scene.links.len()).map(|at| scene.stations(at)).collect();
    // By node and side.
    let mut sides: BTreeMap<(usize, bool), Vec<End>> = BTreeMap::new();
    for (at, (link, way)) in scene.links.iter().zip(&ways).enumerate() {
        if link.from == link.to {
            sides.entry((link.from, true)).or_default().extend([(i64::MIN, at, false), (i64::MIN, at, true)]);
        } else if let ([_, next, ..], [.., before, _]) = (way.as_slice(), way.as_slice()) {
            let (left, right) =
                if scene.runs_right(at) { (link.from, link.to) } else { (link.to, link.from) };
            sides.entry((left, true)).or_default().push((next.y, at, false));
            sides.entry((right, false)).or_default().push((before.y, at, true));
        }
    }
    let mut loops: BTreeMap<usize, [i64; 2]> = BTreeMap::new();
    for ((node, _), mut ends) in sides {
        ends.sort_unstable();
        let rect = scene.nodes[node];
        let count = i64::try_from(ends.len()).unwrap_or(i64::MAX - 1);
        for (place, (_, link, is_last)) in (1..).zip(ends) {
            let y = rect.y + rect.height * place / (count + 1);
            if scene.links[link].from == scene.links[link].to {
                loops.entry(link).or_default()[usize::from(is_last)] = y;
            } else if let Some(end) = if is_last { ways[link].last_mut() } else { ways[link].first_mut() } {
                end.y = y;
            }
        }
    }
    ways.iter().enumerate().map(|(at, way)| scene.route(at, way, loops.get(&at))).collect()
}

impl Scene<'_> {
    /// Whether who opens stands on the left.
    fn runs_right(&self, at: usize) -> bool {
        let link = &self.links[at];
        let (from, to) = (self.plan.frame_of(link.from), self.plan.frame_of(link.to));
        if from == to {
            self.inners[from].chain(at).first() == Some(&self.plan.place_of(link.from))
        } else {
            self.outer.column_of[from] < self.outer.column_of[to]
        }
    }

    /// What a link passes, from left to right.
    fn stations(&self, at: usize) -> Vec<Station> {
        let chain = self.outer.chain(at);
        let [first, lanes @ .., last] = chain else {
            return self.within(self.plan.frame_of(self.links[at].from), at);
        };
        let mut stations = self.within(*first, at);
        if let Some(station) = stations.last_mut() {
            station.leave = self.places.columns[self.outer.column_of[*first]].leave;
        }
        stations.extend(lanes.iter().map(|lane| {
            let (column, y) = self.places.middles[*lane];
            let column = self.places.columns[column];
            Station { enter: column.enter, leave: column.leave, y }
        }));
        let mut rest = self.within(*last, at);
        if let Some(station) = rest.first_mut() {
            station.enter = self.places.columns[self.outer.column_of[*last]].enter;
        }
        stations.extend(rest);
        stations
    }

    /// What a link passes in one box.
    fn within(&self, frame: usize, at: usize) -> Vec<Station> {
        let (inner, corner) = (&self.inners[frame], self.places.corners[frame]);
        let stations = inner.chain(at).iter().map(|item| {
            let (column, y) = inner.middles[*item];
            let column = inner.columns[column];
            Station { enter: corner.0 + column.enter, leave: corner.0 + column.leave, y: corner.1 + y }
        });
        stations.collect()
    }

    fn route(&self, at: usize, way: &[Station], of_loop: Option<&[i64; 2]>) -> Route {
        let link = &self.links[at];
        if let Some([y, back]) = of_loop {
            let rect = self.nodes[link.from];
            let x = rect.x + rect.width;
            let points = vec![(x, *y), (x + 4, *y), (x + 4, *back), (x, *back)];
            return Route { points, leaves: 1 };
        }
        let runs_right = self.runs_right(at);
        let (left, right) = if runs_right { (link.from, link.to) } else { (link.to, link.from) };
        let (left, right) = (self.nodes[left], self.nodes[right]);
        let mut points = Vec::with_capacity(way.len() * 2);
        for (place, station) in way.iter().enumerate() {
            let (enter, leave) = (
                if place == 0 { left.x + left.width } else { station.enter },
                if place + 1 == way.len() { right.x } else { station.leave },
            );
            points.extend([(enter, station.y), (leave, station.y)]);
        }
        if !runs_right {
            points.reverse();
        }
        Route { points, leaves: if runs_right { 1 } else { -1 } }
    }
}

impl Route {
    /// The path in SVG.
    pub(in super::super) fn path(&self) -> String {
        use std::fmt::Write as _;
        let mut path = String::new();
        let mut before: Option<Pair> = None;
        for pair in self.points.chunks(2) {
            let [start, end] = pair else { continue };
            // Writing to a String cannot fail.
            let _ = match before {
                None => write!(path, "M{},{}", start.0, start.1),
                // A node to itself: out and back on one side.
                Some(before) if before.0 == start.0 => {
                    let out = before.0 + LOOP;
                    write!(path, " C{out},{} {out},{} {},{}", before.1, start.1, start.0, start.1)
                }
                Some(before) => {
                    let middle = before.0.midpoint(start.0);
                    write!(path, " C{middle},{} {middle},{} {},{}", before.1, start.1, start.0, start.1)
                }
            };
            let _ = write!(path, " L{},{}", end.0, end.1);
            before = Some(*end);
        }
        path
    }
}
