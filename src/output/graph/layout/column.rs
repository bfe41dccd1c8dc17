//! Items in columns: which column each is in, lanes for what passes a column, and the order within.
//!
//! K. Sugiyama, S. Tagawa and M. Toda, *Methods for Visual Understanding of Hierarchical System Structures*, 1981:
//! cycles turned, longest paths, an item in every column that a link passes, barycentres.

use petgraph::algo::{greedy_feedback_arc_set, toposort};
use petgraph::stable_graph::StableDiGraph;
use petgraph::visit::EdgeRef;

/// A higher column is broken into several.
const MAX_IN_COLUMN: usize = 40;
/// Times that the order within columns is mended.
const SWEEPS: usize = 8;

type Plain = StableDiGraph<(), ()>;

/// The column of each of `count` items, so that most links point to the right and no two linked ones share a column.
pub(super) fn columns(count: usize, links: &[(usize, usize)]) -> Vec<usize> {
    let graph = acyclic(count, links);
    let mut rank = vec![0usize; count];
    for node in toposort(&graph, None).unwrap_or_default() {
        let own = rank[node.index()];
        for next in graph.neighbors(node) {
            rank[next.index()] = rank[next.index()].max(own + 1);
        }
    }
    let mut layers = vec![Vec::new(); rank.iter().max().map_or(0, |most| most + 1)];
    for (item, rank) in rank.into_iter().enumerate() {
        layers[rank].push(item);
    }
    let mut column_of = vec![0; count];
    for (column, items) in layers.iter().flat_map(|layer| layer.chunks(MAX_IN_COLUMN)).enumerate() {
        for item in items {
            column_of[*item] = column;
        }
    }
    column_of
}

/// The graph with the fewest-found edges turned that close cycles.
fn acyclic(count: usize, links: &[(usize, usize)]) -> Plain {
    let mut graph = Plain::new();
    let index: Vec<_> = (0..count).map(|_| graph.add_node(())).collect();
    for (from, to) in links.iter().filter(|(from, to)| from != to) {
        graph.update_edge(index[*from], index[*to], ());
    }
    let back: Vec<_> =
        greedy_feedback_arc_set(&graph).map(|edge| (edge.id(), edge.source(), edge.target())).collect();
    for (edge, ..) in &back {
        graph.remove_edge(*edge);
    }
    for (_, source, target) in back {
        graph.update_edge(target, source, ());
    }
    graph
}

/// Items in columns, those of `0..count` and lanes, in an order that keeps what is linked near.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Items by column, from top to bottom.
    pub(super) columns: Vec<Vec<usize>>,
    /// The items of each link from left to right; none for a link within a column.
    pub(super) chains: Vec<Vec<usize>>,
}

impl Order {
    /// Orders `column_of.len()` items. The order of columns that are `fixed` is that of their items' numbers.
    pub(super) fn of(
        column_of: &[usize],
        links: &[(usize, usize)],
        is_fixed: impl Fn(usize) -> bool,
    ) -> Self {
        let mut columns = vec![Vec::new(); column_of.iter().max().map_or(0, |most| most + 1)];
        for (item, column) in column_of.iter().enumerate() {
            columns[*column].push(item);
        }
        let mut next = column_of.len();
        let mut chains = Vec::with_capacity(links.len());
        for (from, to) in links {
            let ends = if column_of[*from] <= column_of[*to] { (*from, *to) } else { (*to, *from) };
            let (left, right) = (column_of[ends.0], column_of[ends.1]);
            if left == right {
                chains.push(Vec::new());
                continue;
            }
            let mut chain = vec![ends.0];
            for column in &mut columns[left + 1..right] {
                column.push(next);
                chain.push(next);
                next += 1;
            }
            chain.push(ends.1);
            chains.push(chain);
        }
        let mut order = Order { columns, chains };
        order.mend(next, is_fixed);
        order
    }

    /// Orders every column by the mean place of each item's neighbours, to and fro.
    fn mend(&mut self, items: usize, is_fixed: impl Fn(usize) -> bool) {
        let mut near: [Vec<Vec<usize>>; 2] = [vec![Vec::new(); items], vec![Vec::new(); items]];
        for pair in self.chains.iter().flat_map(|chain| chain.windows(2)) {
            near[0][pair[1]].push(pair[0]);
            near[1][pair[0]].push(pair[1]);
        }
        let mut place = vec![0i64; items];
        for column in &self.columns {
            note(column, &mut place);
        }
        for sweep in 0..SWEEPS {
            let forth = sweep % 2 == 0;
            let near = &near[usize::from(!forth)];
            let count = self.columns.len();
            for step in 0..count {
                let at = if forth { step } else { count - 1 - step };
                if is_fixed(at) {
                    continue;
                }
                self.columns[at].sort_by_cached_key(|item| {
                    let near = &near[*item];
                    let sum: i64 = near.iter().map(|item| place[*item]).sum();
                    let mean = i64::try_from(near.len()).ok().filter(|n| *n > 0).map(|n| sum / n);
                    (mean.unwrap_or(place[*item]), place[*item], *item)
                });
                note(&self.columns[at], &mut place);
            }
        }
    }
}

/// Places as shares of a million: columns of unlike length are compared by share.
fn note(column: &[usize], place: &mut [i64]) {
    for (at, item) in column.iter().enumerate() {
        place[*item] = i64::try_from((at * 2 + 1) * 1_000_000 / (column.len() * 2)).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_linked_items_share_a_column_even_in_cycles() {
        let links = [(0, 1), (1, 2), (2, 0), (2, 1), (3, 3), (0, 3), (3, 1)];
        let column_of = columns(4, &links);
        for (from, to) in links.iter().filter(|(from, to)| from != to) {
            assert_ne!(column_of[*from], column_of[*to], "{from} {to}: {column_of:?}");
        }
    }

    #[test]
    fn a_link_has_an_item_in_every_column_that_it_passes() {
        let order = Order::of(&[0, 1, 2, 3], &[(3, 0), (0, 1), (1, 1)], |_| false);
        assert_eq!(order.chains, [vec![0, 4, 5, 3], vec![0, 1], vec![]]);
        let mut second = order.columns[1].clone();
        second.sort_unstable();
        assert_eq!(second, [1, 4]);
    }
}
