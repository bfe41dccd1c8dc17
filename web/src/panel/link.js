// Several edges at once: a link that bundles them, or a namespace that is folded.

import { groupName, many, nameOf } from '../data/words.js';
import { standingOf } from '../data/standing.js';
import { visible } from '../data/visible.js';
import { h } from '../view/dom.js';
import { badge, edgeList, go, nodeButton, ports } from './parts.js';

/** Members of a group that its panel names. */
const MOST = 80;

export function linkPanel(page, [from, to, standing], state, shown) {
  const { model } = page;
  const name = (key) => (model.groups.has(key) ? groupName(key) : nameOf(model, key));
  const link = shown.links.find((each) => each.from === from && each.to === to && each.standing === standing);
  if (link === undefined) {
    return [h('h2', {}, `${name(from)} → ${name(to)}`), h('p', {}, 'Nothing of this link is shown at the moment: filters or folds hide it.')];
  }
  const observed = link.edges.filter((edge) => edge.index !== undefined);
  const unused = link.edges.filter((edge) => edge.index === undefined);
  return [
    h('h2', {}, `${name(from)} → ${name(to)}`),
    h('p', {}, badge(standing), ` ${many(link.edges.length, 'edge')}${observed.length > 0 ? `, ${visible(ports(observed), 200)}` : ''}`),
    observed.length > 0 ? edgeList(page, observed, state) : null,
    unused.length > 0 ? unusedList(page, unused) : null,
  ];
}

function unusedList(page, edges) {
  return h('section', {}, h('h3', {}, 'Allowed by today’s policies, never used'), h('ul', {}, edges.slice(0, 100).map((edge) => h('li', {}, nodeButton(page, edge.from), ' → ', nodeButton(page, edge.to), ` ${visible(edge.ports, 200)}`))), edges.length > 100 ? h('p', { class: 'quiet' }, `${edges.length - 100} more.`) : null, page.model.unusedMore > 0 ? h('p', { class: 'quiet' }, `The page holds the first of them only: ${many(page.model.unusedMore, 'pair')} more are allowed and never used.`) : null);
}

export function groupPanel(page, key, state, edges) {
  const { model } = page;
  const group = model.groups.get(key);
  const members = new Set(group.nodes.map(({ id }) => id));
  const inside = edges.filter((edge) => members.has(edge.from) && members.has(edge.to));
  const out = edges.filter((edge) => members.has(edge.from) && !members.has(edge.to));
  const incoming = edges.filter((edge) => !members.has(edge.from) && members.has(edge.to));
  const isOpen = state.open.has(key);
  return [
    h('h2', {}, key.startsWith('ns/') ? `Namespace ${groupName(key)}` : groupName(key)),
    h('p', {}, go(isOpen ? 'Fold' : 'Expand', () => page.toggle(key), `${isOpen ? 'Fold' : 'Expand'} ${groupName(key)}`)),
    h('p', {}, `${many(group.nodes.length, 'member')}; ${many(inside.length, 'edge')} inside, ${out.length.toLocaleString('en')} out, ${incoming.length.toLocaleString('en')} in. ${counted(edges.filter((edge) => members.has(edge.from) || members.has(edge.to)), state)}`),
    h('section', {}, h('h3', {}, 'Members'), h('ul', {}, group.nodes.slice(0, MOST).map(({ id }) => h('li', {}, nodeButton(page, id)))), group.nodes.length > MOST ? h('p', { class: 'quiet' }, `${group.nodes.length - MOST} more: search for them.`) : null),
    h('section', {}, h('h3', {}, 'Edges across its border'), edgeList(page, [...out, ...incoming], state, 30)),
  ];
}

function counted(edges, state) {
  const counts = new Map();
  for (const edge of edges) counts.set(standingOf(edge, state.after), (counts.get(standingOf(edge, state.after)) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([standing, number]) => `${number} ${standing === 'cut' ? 'would be cut' : standing}`).join(', ');
}
