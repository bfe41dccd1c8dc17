//! Where the boxes of a picture stand: layers from left to right, so that most arrows point to the
//! right, each layer in an order that keeps linked boxes near (K. Sugiyama, S. Tagawa and M. Toda,
//! *Methods for Visual Understanding of Hierarchical System Structures*, 1981: cycles cut, longest
//! paths, barycentres). Twice: workloads within their namespace, then namespaces. All in whole
//! pixels and without chance, so that the same graph gives the same picture.

use std::collections::BTreeMap;

use petgraph::algo::{greedy_feedback_arc_set, toposort};
use petgraph::stable_graph::StableDiGraph;
use petgraph::visit::EdgeRef;

use super::GraphReport;
use super::curve::{Curve, curves};
use super::link::{Link, links, title};

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
    pub(super) curves: Vec<Curve>,
}

/// A place, or a size.
pub(super) type Pair = (i64, i64);
/// Places of boxes, and the size of all.
type Places = (Vec<Pair>, Pair);

/// Width of a character of a label, about.
const CHARACTER: i64 = 7;
const NODE_HEIGHT: i64 = 30;
/// What each link adds to a box, at the side that has more.
const LINK_HEIGHT: i64 = 14;
const MARGIN: i64 = 20;
/// Room above the workloads of a namespace for its name.
const HEAD: i64 = 26;
/// Between layers: there the labels of links stand.
const BETWEEN_LAYERS: i64 = 150;
const BETWEEN_BOXES: i64 = 14;
/// A higher layer is broken into several.
const MAX_IN_LAYER: usize = 40;
/// Times that the order within layers is mended.
const SWEEPS: usize = 6;
/// Longer names are cut, and whole in the tooltip.
const MAX_CHARACTERS: usize = 44;

/// Lays a report out.
pub(super) fn layout(report: &GraphReport) -> Layout {
    let links = links(report);
    let heights = heights(report.nodes.len(), &links);
    let widths = report.nodes.iter().map(|node| width(&short(&title(node))).max(60));
    let sizes: Vec<Pair> = widths.zip(heights).collect();
    let mut groups: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (at, node) in report.nodes.iter().enumerate() {
        groups.entry(node.namespace.as_deref()).or_default().push(at);
    }
    // What is in no namespace stands between the namespaces as a box of its own.
    let mut boxes: Vec<(Option<&str>, Vec<usize>)> = Vec::new();
    for (namespace, nodes) in groups {
        match namespace {
            Some(_) => boxes.push((namespace, nodes)),
            None => boxes.extend(nodes.into_iter().map(|at| (None, vec![at]))),
        }
    }
    let box_of = inverse(&boxes, report.nodes.len());
    let insides: Vec<Places> =
        boxes.iter().enumerate().map(|(at, (_, nodes))| inside(at, nodes, &sizes, &links, &box_of)).collect();
    let outer: Vec<Pair> =
        boxes.iter().zip(&insides).map(|((namespace, _), (_, size))| framed(*size, *namespace)).collect();
    let between: Vec<(usize, usize)> =
        links.iter().filter_map(|link| Some((*box_of.get(link.from)?, *box_of.get(link.to)?))).collect();
    let (places, (width, height)) = layered(&outer, &between);
    let size = Rect { x: 0, y: 0, width: width + 2 * MARGIN, height: height + 2 * MARGIN };
    let nodes = vec![Rect::default(); report.nodes.len()];
    let mut made = Layout { size, groups: Vec::new(), nodes, links, curves: Vec::new() };
    for (at, (namespace, nodes)) in boxes.into_iter().enumerate() {
        let (Some(place), Some(outer), Some((inner, _))) = (places.get(at), outer.get(at), insides.get(at))
        else {
            continue;
        };
        made.place(namespace, nodes, (*place, *outer), inner, &sizes);
    }
    made.curves = curves(&made.nodes, &made.links);
    made
}

/// So that there is room for the label of every link beside its box.
fn heights(nodes: usize, links: &[Link]) -> Vec<i64> {
    let mut ends = vec![(0_i64, 0_i64); nodes];
    for link in links {
        if let Some((out, _)) = ends.get_mut(link.from) {
            *out += 1;
        }
        if let Some((_, back)) = ends.get_mut(link.to) {
            *back += 1;
        }
    }
    ends.into_iter().map(|(out, back)| NODE_HEIGHT.max(LINK_HEIGHT * (out.max(back) + 1))).collect()
}

impl Layout {
    fn place(
        &mut self,
        namespace: Option<&str>,
        nodes: Vec<usize>,
        ((x, y), (width, height)): (Pair, Pair),
        inner: &[Pair],
        sizes: &[Pair],
    ) {
        let (x, y) = (x + MARGIN, y + MARGIN);
        let (left, top) = if namespace.is_some() { (x + MARGIN, y + HEAD) } else { (x, y) };
        for (at, (dx, dy)) in nodes.iter().zip(inner) {
            if let (Some(rect), Some((width, height))) = (self.nodes.get_mut(*at), sizes.get(*at)) {
                *rect = Rect { x: left + dx, y: top + dy, width: *width, height: *height };
            }
        }
        if let Some(name) = namespace {
            self.groups.push(Group { name: name.to_owned(), rect: Rect { x, y, width, height }, nodes });
        }
    }
}

/// A name as a box shows it.
pub(super) fn short(name: &str) -> String {
    if name.chars().count() <= MAX_CHARACTERS {
        return name.to_owned();
    }
    name.chars().take(MAX_CHARACTERS - 1).chain(['…']).collect()
}

/// Of a text with some room on both sides.
fn width(text: &str) -> i64 {
    CHARACTER * i64::try_from(text.chars().count()).unwrap_or(0) + 20
}

/// The size of a box with the frame and name of its namespace.
fn framed((width, height): Pair, namespace: Option<&str>) -> Pair {
    let Some(name) = namespace else { return (width, height) };
    ((width + 2 * MARGIN).max(self::width(&short(name))), height + HEAD + MARGIN)
}

fn inverse(boxes: &[(Option<&str>, Vec<usize>)], nodes: usize) -> Vec<usize> {
    let mut box_of = vec![0; nodes];
    for (at, (_, nodes)) in boxes.iter().enumerate() {
        for node in nodes {
            if let Some(slot) = box_of.get_mut(*node) {
                *slot = at;
            }
        }
    }
    box_of
}

/// Places of the nodes of one box, and the size of all.
fn inside(at: usize, nodes: &[usize], sizes: &[Pair], links: &[Link], box_of: &[usize]) -> Places {
    let here =
        |node: usize| (box_of.get(node) == Some(&at)).then(|| nodes.binary_search(&node).ok()).flatten();
    let own: Vec<(usize, usize)> =
        links.iter().filter_map(|link| Some((here(link.from)?, here(link.to)?))).collect();
    let sizes: Vec<Pair> = nodes.iter().filter_map(|node| sizes.get(*node).copied()).collect();
    layered(&sizes, &own)
}

/// Places of boxes of these sizes, and the size of all.
fn layered(sizes: &[Pair], edges: &[(usize, usize)]) -> Places {
    let graph = acyclic(sizes.len(), edges);
    let mut layers = by_longest_path(&graph);
    mend_order(&mut layers, &graph);
    let columns: Vec<&[usize]> = layers.iter().flat_map(|layer| layer.chunks(MAX_IN_LAYER)).collect();
    let size = |at: usize| sizes.get(at).copied().unwrap_or_default();
    let heights: Vec<i64> = columns
        .iter()
        .map(|column| column.iter().map(|at| size(*at).1 + BETWEEN_BOXES).sum::<i64>() - BETWEEN_BOXES)
        .collect();
    let height = heights.iter().copied().max().unwrap_or(0);
    let mut places = vec![(0, 0); sizes.len()];
    let mut x = 0;
    for (column, own_height) in columns.iter().zip(&heights) {
        let width = column.iter().map(|at| size(*at).0).max().unwrap_or(0);
        let mut y = (height - own_height) / 2;
        for at in *column {
            if let Some(place) = places.get_mut(*at) {
                *place = (x + (width - size(*at).0) / 2, y);
            }
            y += size(*at).1 + BETWEEN_BOXES;
        }
        x += width + BETWEEN_LAYERS;
    }
    (places, ((x - BETWEEN_LAYERS).max(0), height))
}

type Plain = StableDiGraph<(), ()>;

/// The graph without the fewest-found edges that close cycles.
fn acyclic(nodes: usize, edges: &[(usize, usize)]) -> Plain {
    let mut graph = Plain::new();
    let index: Vec<_> = (0..nodes).map(|_| graph.add_node(())).collect();
    for (from, to) in edges {
        if let (Some(from), Some(to)) = (index.get(*from), index.get(*to))
            && from != to
        {
            graph.update_edge(*from, *to, ());
        }
    }
    let back: Vec<_> = greedy_feedback_arc_set(&graph).map(|edge| edge.id()).collect();
    for edge in back {
        graph.remove_edge(edge);
    }
    graph
}

fn by_longest_path(graph: &Plain) -> Vec<Vec<usize>> {
    let mut rank = vec![0usize; graph.node_count()];
    for node in toposort(graph, None).unwrap_or_default() {
        let own = rank.get(node.index()).copied().unwrap_or(0);
        for next in graph.neighbors(node) {
            if let Some(rank) = rank.get_mut(next.index()) {
                *rank = (*rank).max(own + 1);
            }
        }
    }
    let mut layers = vec![Vec::new(); rank.iter().max().map_or(0, |most| most + 1)];
    for (node, rank) in rank.into_iter().enumerate() {
        if let Some(layer) = layers.get_mut(rank) {
            layer.push(node);
        }
    }
    layers
}

/// Orders every layer by the mean place of each node's neighbours, to and fro.
fn mend_order(layers: &mut [Vec<usize>], graph: &Plain) {
    let mut place = vec![0i64; graph.node_count()];
    let note = |layer: &[usize], place: &mut Vec<i64>| {
        for (at, node) in layer.iter().enumerate() {
            if let Some(place) = place.get_mut(*node) {
                // Of a thousand: layers of unlike length are compared by share.
                *place = i64::try_from((at * 2 + 1) * 1000 / (layer.len() * 2)).unwrap_or(0);
            }
        }
    };
    for layer in layers.iter() {
        note(layer, &mut place);
    }
    for sweep in 0..SWEEPS {
        let forth = sweep % 2 == 0;
        let count = layers.len();
        for step in 0..count {
            let Some(layer) = layers.get_mut(if forth { step } else { count - 1 - step }) else { continue };
            let direction = if forth { petgraph::Incoming } else { petgraph::Outgoing };
            layer.sort_by_key(|node| {
                let index = petgraph::graph::NodeIndex::new(*node);
                let places: Vec<i64> = graph
                    .neighbors_directed(index, direction)
                    .filter_map(|next| place.get(next.index()).copied())
                    .collect();
                let own = place.get(*node).copied().unwrap_or(0);
                let mean = i64::try_from(places.len())
                    .ok()
                    .filter(|n| *n > 0)
                    .map(|n| places.iter().sum::<i64>() / n);
                (mean.unwrap_or(own), own, *node)
            });
            note(layer, &mut place);
        }
    }
}
