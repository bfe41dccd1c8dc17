// What is drawn: namespaces that are folded stand for their nodes, and edges between the same two shown ends that stand
// alike are one link, whatever their ports.

import { standingOf } from '../data/standing.js';
import { isFiltered } from '../view/state.js';

/** As many as a person can tell apart and a canvas draws at once. The worst and the busiest are drawn, and all of what is looked at. */
const MOST_LINKS = 300;

/** `{groups, nodes, links, drawn}` for the edges that pass the filters; `drawn` are the links that the map draws. */
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
  const links = bundled(all, end);
  return { groups, nodes, links, drawn: chosen(model, links, state.at) };
}

/** The links to draw of all that there are, in the order of their keys. */
function chosen(model, links, place) {
  if (links.length <= MOST_LINKS) return links;
  const looked = (link) => (isAt(model, link, place) ? 0 : 1);
  const rank = ({ standing }) => (['cut', 'denied'].includes(standing) ? 0 : 1);
  const order = (a, b) => looked(a) - looked(b) || rank(a) - rank(b) || b.edges.length - a.edges.length || compare(a.key, b.key);
  return [...links].sort(order).slice(0, MOST_LINKS).sort((a, b) => compare(a.key, b.key));
}

function isAt(model, link, place) {
  if (place === null) return false;
  const [kind, first, second, third] = place;
  if (kind === 'edge') return link.edges.some(({ index }) => index === first);
  if (kind === 'link') return link.from === first && link.to === second && link.standing === third;
  return [link.from, link.to].some((id) => id === first || model.byId.get(id)?.group === first);
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function bundled(edges, end) {
  const links = new Map();
  for (const [edge, standing] of edges) {
    const [from, to] = [end(edge.from), end(edge.to)];
    const isInside = from === to && from !== edge.from;
    if (isInside) continue;
    const key = `${standing}:${from.length}:${from}${to}`;
    const link = links.get(key) ?? { key, from, to, standing, edges: [] };
    link.edges.push(edge);
    links.set(key, link);
  }
  return [...links.values()];
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
