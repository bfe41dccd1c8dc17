// The map without the picture: what is shown as a tree of nodes and a table of links, for screen readers and for reading.

import { STANDING, groupName, many, nameOf } from '../data/words.js';
import { portsOf } from '../map/fold.js';
import { visible } from '../data/visible.js';
import { at, fill, h, table } from './dom.js';

const MOST = 400;

export function showList(page, state, shown) {
  at('list').hidden = !state.list;
  at('show-list').setAttribute('aria-pressed', String(state.list));
  if (!state.list) return;
  fill(at('list'), h('h2', {}, 'Nodes and links that are shown'), nodes(page, shown), links(page, shown));
}

function nodes(page, shown) {
  const alone = shown.nodes.filter((node) => node.group === null);
  return h(
    'ul',
    { class: 'tree' },
    shown.groups.map((group) =>
      h(
        'li',
        {},
        h('button', { type: 'button', 'aria-expanded': String(group.isOpen), onclick: () => page.toggle(group.key) }, groupName(group.key)),
        ` ${many(group.members.length, 'member')} `,
        h('button', { type: 'button', class: 'go', 'aria-label': `About ${groupName(group.key)}`, onclick: () => page.choose(['group', group.key]) }, 'About'),
        group.isOpen ? h('ul', {}, group.members.slice(0, MOST).map((node) => item(page, node))) : null,
        group.isOpen && group.members.length > MOST ? h('p', {}, `${group.members.length - MOST} more: search or filter.`) : null,
      ),
    ),
    alone.slice(0, MOST).map((node) => item(page, node)),
  );
}

function item(page, node) {
  return h('li', {}, h('button', { type: 'button', class: 'go', onclick: () => page.choose(['node', node.id]) }, nameOf(page.model, node.id)));
}

function links(page, shown) {
  const name = (key) => (page.model.groups.has(key) ? groupName(key) : nameOf(page.model, key));
  const rows = shown.links.slice(0, MOST).map((link) => {
    const place = link.edges.length === 1 && link.edges[0].index !== undefined ? ['edge', link.edges[0].index] : ['link', link.from, link.to, link.standing];
    const label = `${name(link.from)} to ${name(link.to)}, ${STANDING[link.standing]}`;
    return [name(link.from), name(link.to), STANDING[link.standing], visible(portsOf(link)), h('button', { type: 'button', class: 'go', 'aria-label': `${many(link.edges.length, 'edge')}: ${label}`, onclick: () => page.choose(place) }, many(link.edges.length, 'edge'))];
  });
  const rest = shown.links.length - rows.length;
  return [table('Links', ['From', 'To', 'Stands', 'Ports', 'Edges'], rows), rest > 0 ? h('p', {}, `${rest} more links: search or filter.`) : null];
}
