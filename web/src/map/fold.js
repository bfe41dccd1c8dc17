// What is drawn: namespaces that are folded stand for their nodes, and edges between the same two shown ends that stand
// alike are one link, whatever their ports.

import { ORDER, standingOf } from '../data/standing.js';
import { isFiltered } from '../view/state.js';

/** Above this many links, ways of standing no longer get a link of their own: the worst colours the pair's only one. */
const MOST_LINKS = 2000;

/** `{groups, nodes, links}` for the edges that pass the filters. */
export function fold(model, state, edges) {
  const unused = state.unused ? unusedEdges(model, state) : [];
  const touched = isFiltered(state, model) ? touchedBy([...edges, ...unused]) : null;
  const seen = (node) => touched === null || touched.has(node.id);
  const groups = [];
  const nodes = [];
  for (const group of model.groups.values()) {
    const members = group.nodes.filter(seen);
    if (members.length === 0) continue;
    const isOpen = state.open.has(group.key);
    groups.push({ key: group.key, isOpen, members });
    if (isOpen) nodes.push(...members);
  }
  for (const node of model.byId.values()) if (node.group === null && seen(node)) nodes.push(node);
  const end = (id) => {
    const { group } = model.byId.get(id);
    return group === null || state.open.has(group) ? id : group;
  };
  const all = [...edges.map((edge) => [edge, standingOf(edge, state.after)]), ...unused.map((edge) => [edge, 'unused'])];
  return { groups, nodes, links: bundled(all, end) };
}

function bundled(edges, end) {
  const apart = gather(edges, end, (standing) => standing);
  if (apart.size <= MOST_LINKS) return [...apart.values()];
  const together = gather(edges, end, () => '');
  for (const link of together.values()) link.standing = ORDER.find((standing) => link.standings.has(standing));
  return [...together.values()];
}

function gather(edges, end, part) {
  const links = new Map();
  for (const [edge, standing] of edges) {
    const [from, to] = [end(edge.from), end(edge.to)];
    const isInside = from === to && from !== edge.from;
    if (isInside) continue;
    const key = JSON.stringify([from, to, part(standing)]);
    const link = links.get(key) ?? { key, from, to, standing, standings: new Set(), edges: [] };
    link.edges.push(edge);
    link.standings.add(standing);
    links.set(key, link);
  }
  return links;
}

/** What today's policies allow and nobody used, as edges without traffic. */
function unusedEdges(model, state) {
  if (state.verdict !== '' && state.verdict !== 'unused') return [];
  return model.unused.filter(({ from, to }) => model.byId.has(from) && model.byId.has(to));
}

function touchedBy(edges) {
  const touched = new Set();
  for (const { from, to } of edges) touched.add(from).add(to);
  return touched;
}

/** The ports of a link in few words. */
export function portsOf(link) {
  const ports = [...new Set(link.edges.map((edge) => (edge.ports !== undefined ? edge.ports : edge.port === null ? edge.protocol : String(edge.port))))];
  return ports.length <= 3 ? ports.join(', ') : `${ports.length} ports`;
}
