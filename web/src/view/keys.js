// The keyboard: the map is one stop of the tab order, arrows walk from node to node, letters do the rest.

import { groupName, nameOf } from '../data/words.js';
import { at } from './dom.js';
import { say } from './say.js';

export function keys(page) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || at('help').open) return;
    const isTyping = ['INPUT', 'SELECT', 'TEXTAREA'].includes(document.activeElement?.tagName);
    if (event.key === 'Escape') page.choose(null);
    else if (isTyping) return;
    else if (event.key === '/') {
      page.set({ tab: 'map' });
      at('search').focus();
    } else if (event.key === '?') at('help').showModal();
    else return;
    event.preventDefault();
  });
  at('map').addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !onMap(page, event)) return;
    event.preventDefault();
  });
  at('show-help').addEventListener('click', () => at('help').showModal());
  at('help-close').addEventListener('click', () => at('help').close());
}

function onMap(page, { key, shiftKey }) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  if (way !== undefined) return walk(page, way);
  switch (key) {
    case 'Enter':
      return enter(page);
    case 'e':
    case 'E':
      return nextEdge(page, shiftKey ? -1 : 1);
    case '+':
    case '=':
      return page.map.zoom(1.25) ?? true;
    case '-':
      return page.map.zoom(0.8) ?? true;
    case '0':
      return page.map.fit() ?? true;
    case 'l':
      page.set({ list: !page.state().list });
      return true;
    default:
      return false;
  }
}

/** To the nearest node in a direction; what lies across counts twice. */
function walk(page, [dx, dy]) {
  const nodes = page.map.cy.nodes();
  const here = current(page);
  if (nodes.empty()) return true;
  if (here === null) {
    const first = nodes.sort((a, b) => a.position('x') - b.position('x') || a.position('y') - b.position('y'))[0];
    return tell(page, first);
  }
  let best = null;
  nodes.forEach((node) => {
    if (node.id() === here.id()) return;
    const [x, y] = [node.position('x') - here.position('x'), node.position('y') - here.position('y')];
    const along = x * dx + y * dy;
    const across = Math.abs(x * dy) + Math.abs(y * dx);
    const cost = along + 2 * across;
    if (along > 1 && (best === null || cost < best.cost)) best = { cost, node };
  });
  if (best === null) {
    say('Nothing further that way.');
    return true;
  }
  return tell(page, best.node);
}

function tell(page, node) {
  const isNode = node.data('what') === 'node';
  page.choose([isNode ? 'node' : 'group', node.id()]);
  page.map.centre(node.id());
  return true;
}

function current(page) {
  const place = page.state().at;
  if (place === null || (place[0] !== 'node' && place[0] !== 'group')) return null;
  const node = page.map.cy.getElementById(place[1]);
  return node.nonempty() ? node : null;
}

/** Enter opens or folds a group; at a node or edge it goes on to the panel. */
function enter(page) {
  const place = page.state().at;
  if (place === null) return true;
  if (place[0] === 'group') page.toggle(place[1]);
  else at('panel').focus();
  return true;
}

/** Walks through the edges of the node that is looked at. */
function nextEdge(page, step) {
  const place = page.state().at;
  const { model } = page;
  if (place === null || (place[0] !== 'node' && place[0] !== 'edge')) return true;
  const owner = place[0] === 'node' ? place[1] : page.walked ?? model.edges[place[1]].from;
  page.walked = owner;
  const shown = new Set(page.edges());
  const edges = model.byId.get(owner).edges.filter((edge) => shown.has(edge));
  if (edges.length === 0) {
    say(`${nameOf(model, owner)} has no edges that are shown.`);
    return true;
  }
  const now = place[0] === 'edge' ? edges.findIndex(({ index }) => index === place[1]) : -1;
  const then = now === -1 && step < 0 ? edges.length - 1 : (now + step + edges.length) % edges.length;
  page.choose(['edge', edges[then].index]);
  return true;
}

/** What is looked at, for the live region. */
export function spoken(page, place) {
  if (place === null) return 'Nothing chosen.';
  const { model } = page;
  if (place[0] === 'group') return `${groupName(place[1])}, ${page.state().open.has(place[1]) ? 'expanded' : 'folded'}, ${model.groups.get(place[1]).nodes.length} members. Enter ${page.state().open.has(place[1]) ? 'folds' : 'expands'} it.`;
  return at('panel').querySelector('h2')?.textContent ?? '';
}
