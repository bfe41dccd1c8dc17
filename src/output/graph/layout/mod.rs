//! Where the boxes of a picture stand, and how its lines run: columns from left to right, so that most arrows point to
//! the right, and a lane for each line in every column that it passes, so that no line crosses a box. Twice: namespaces,
//! then workloads within theirs. All in whole pixels and without chance, so that the same graph gives the same picture.
//!
//! ```text
//! links ─▶ column (of boxes, and of nodes in each) ─▶ inner (places within a box) ─▶ outer (places of boxes)
//!       └────────────────────────────────────────────────────────────────────────▶ route (how lines run)
//! ```

mod column;
mod inner;
mod outer;
mod route;
mod size;

use std::collections::BTreeMap;

use super::GraphReport;
use super::link::{Link, links};

pub(super) use route::Route;
pub(super) use size::{short, title_of};

/// A box, or a picture: its upper left corner and its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
}

/// A namespace that is drawn around its workloads.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) rect: Rect,
    /// Indices of the report's nodes.
    pub(super) nodes: Vec<usize>,
}

/// A picture: every node of the report has a box.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) size: Rect,
    pub(super) groups: Vec<Group>,
    /// By the index of the report's node.
    pub(super) nodes: Vec<Rect>,
    pub(super) links: Vec<Link>,
    /// How each of them runs.
    pub(super) routes: Vec<Route>,
}

/// A place, or a size.
pub(super) type Pair = (i64, i64);

/// What is drawn as one between the columns: a namespace, or a node that is in none.
#[derive(Debug)]
struct Frame {
    namespace: Option<String>,
    /// Indices of the report's nodes.
    nodes: Vec<usize>,
}

/// Which frame each node is in, and links by that.
struct Plan {
    frames: Vec<Frame>,
    /// By node: its frame, and its place in there.
    home: Vec<(usize, usize)>,
}

/// Lays a report out.
pub(super) fn layout(report: &GraphReport) -> Layout {
    let links = links(report);
    let plan = Plan::of(report);
    let sizes = size::sizes(report, &links);
    let outer = outer::Outer::of(&plan, &links);
    let inners: Vec<inner::Inner> =
        (0..plan.frames.len()).map(|frame| inner::Inner::of(frame, &plan, &links, &outer, &sizes)).collect();
    let places = outer.place(&plan, &inners);
    let mut nodes = vec![Rect::default(); report.nodes.len()];
    let mut groups = Vec::new();
    for ((frame, inner), corner) in plan.frames.iter().zip(&inners).zip(&places.corners) {
        for ((node, (dx, dy)), (width, height)) in frame.nodes.iter().zip(&inner.corners).zip(&inner.boxes) {
            let (width, height) = (*width, *height);
            nodes[*node] = Rect { x: corner.0 + dx, y: corner.1 + dy, width, height };
        }
        if let Some(name) = &frame.namespace {
            let (width, height) = inner.size;
            let rect = Rect { x: corner.0, y: corner.1, width, height };
            groups.push(Group { name: name.clone(), rect, nodes: frame.nodes.clone() });
        }
    }
    let routes = route::routes(&route::Scene {
        plan: &plan,
        links: &links,
        outer: &outer,
        inners: &inners,
        places: &places,
        nodes: &nodes,
    });
    let (width, height) = places.size;
    Layout { size: Rect { x: 0, y: 0, width, height }, groups, nodes, links, routes }
}

impl Plan {
    fn of(report: &GraphReport) -> Self {
        let mut by_namespace: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for (at, node) in report.nodes.iter().enumerate() {
            // A namespace that is folded to one node needs no frame around itself.
            let namespace = if node.kind == "Namespace" { None } else { node.namespace.as_deref() };
            by_namespace.entry(namespace).or_default().push(at);
        }
        // What is in no namespace stands between them as a box of its own.
        let mut frames: Vec<Frame> = Vec::new();
        for (namespace, nodes) in by_namespace {
            match namespace {
                Some(name) => frames.push(Frame { namespace: Some(name.to_owned()), nodes }),
                None => frames.extend(nodes.into_iter().map(|at| Frame { namespace: None, nodes: vec![at] })),
            }
        }
        let mut home = vec![(0, 0); report.nodes.len()];
        for (at, frame) in frames.iter().enumerate() {
            frame.nodes.iter().enumerate().for_each(|(place, node)| home[*node] = (at, place));
        }
        Plan { frames, home }
    }

    fn frame_of(&self, node: usize) -> usize {
        self.home[node].0
    }

    fn place_of(&self, node: usize) -> usize {
        self.home[node].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{edge, graph};

    /// Lines and labels that the eye could take for another's.
    fn faults(layout: &Layout) -> Vec<String> {
        let mut faults = Vec::new();
        for (link, route) in layout.links.iter().zip(&layout.routes) {
            for pair in route.points.chunks(2) {
                let (left, right) = (pair[0].0.min(pair[1].0), pair[0].0.max(pair[1].0));
                for (at, rect) in
                    layout.nodes.iter().enumerate().filter(|(at, _)| *at != link.from && *at != link.to)
                {
                    let (y, within) = (pair[0].1, left < rect.x + rect.width && right > rect.x);
                    if within && (rect.y..=rect.y + rect.height).contains(&y) {
                        faults.push(format!("{link:?} goes through box {at}"));
                    }
                }
            }
        }
        for (at, rect) in layout.nodes.iter().enumerate() {
            for other in &layout.nodes[at + 1..] {
                let apart = rect.x + rect.width <= other.x
                    || other.x + other.width <= rect.x
                    || rect.y + rect.height <= other.y
                    || other.y + other.height <= rect.y;
                if !apart {
                    faults.push(format!("boxes {rect:?} and {other:?}"));
                }
            }
        }
        let starts: std::collections::BTreeSet<Pair> =
            layout.routes.iter().map(|route| route.points[0]).collect();
        if starts.len() != layout.routes.len() {
            faults.push("two links begin at one place".to_owned());
        }
        faults
    }

    #[test]
    fn lines_keep_off_boxes_and_have_places_of_their_own() {
        let mut edges = Vec::new();
        for from in 0..12_u16 {
            for to in (0..12_u16).filter(|to| (from * 7 + to * 5) % 6 == 1) {
                let name = |n: u16| format!("ns{}/Deployment/w{n}", n % 3);
                edges.push(edge(&format!("{} -> {} {}/TCP", name(from), name(to), 80 + to), 1));
            }
            edges.push(edge(
                &format!("ns{}/Deployment/w{from} -> external/203.0.113.{}/32 443/TCP", from % 3, from % 4),
                0,
            ));
        }
        edges.push(edge("ns0/Deployment/w0 -> ns0/Deployment/w0 1/TCP", 1));
        let layout = layout(&graph(Vec::new(), edges));
        assert_eq!(faults(&layout), [""; 0]);
        assert!(layout.links.len() > 20);
    }
}
