// Columns for nodes and their order within, by dagre's ranks: who asks stands left of who answers. Dagre's work grows
// faster than its input, so it hears of the busiest links only, and not at all where there are too many nodes.

import dagre from '@dagrejs/dagre';

const MOST_LINKS = 140;

/** Columns of keys. `links` are `{from, to, weight}` among `keys`; the same input gives the same columns. */
export function columns(keys, links, mostNodes) {
  if (keys.length > mostNodes || links.length === 0) return blocks(keys);
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 1, ranksep: 1, ranker: 'longest-path' });
  graph.setDefaultEdgeLabel(() => ({}));
  const linked = new Set();
  for (const { from, to } of busiest(links)) linked.add(from).add(to);
  for (const key of keys) if (linked.has(key)) graph.setNode(key, { width: 1, height: 1 });
  for (const { from, to } of busiest(links)) graph.setEdge(from, to);
  dagre.layout(graph);
  const ranks = new Map();
  for (const key of graph.nodes()) {
    const { x, y } = graph.node(key);
    if (!ranks.has(x)) ranks.set(x, []);
    ranks.get(x).push([y, key]);
  }
  const ordered = [...ranks].sort(([a], [b]) => a - b).map(([, column]) => column.sort(([a, k], [b, l]) => a - b || (k < l ? -1 : 1)).map(([, key]) => key));
  return [...ordered.flatMap(split), ...blocks(keys.filter((key) => !linked.has(key)))];
}

/** A column that is much too long becomes several. */
function split(column) {
  const parts = Math.ceil(column.length / 14);
  const length = Math.ceil(column.length / parts);
  return Array.from({ length: parts }, (_, at) => column.slice(at * length, (at + 1) * length)).filter((part) => part.length > 0);
}

/** A block about as wide as it is high, for nodes are three times wider than high. */
function blocks(keys) {
  const length = Math.max(1, Math.ceil(Math.sqrt(keys.length * 3)));
  const all = [];
  for (let at = 0; at < keys.length; at += length) all.push(keys.slice(at, at + length));
  return all;
}

function busiest(links) {
  const pairs = links.filter(({ from, to }) => from !== to);
  if (pairs.length <= MOST_LINKS) return pairs;
  const order = (a, b) => b.weight - a.weight || compare(a.from, b.from) || compare(a.to, b.to);
  return pairs.sort(order).slice(0, MOST_LINKS);
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
