// Search with suggestions: names, labels, addresses and ports. A choice opens what it is in.

import { groupName, many, nodeName } from '../data/words.js';
import { visible } from '../data/visible.js';
import { at, fill, h } from './dom.js';
import { haystack } from './pass.js';
import { say } from './say.js';

const MOST = 12;

export function search(page) {
  const [input, list] = [at('search'), at('suggestions')];
  let chosen = -1;
  let hits = [];
  const close = () => {
    list.hidden = true;
    chosen = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  };
  const take = (hit) => {
    close();
    input.value = '';
    hit.act();
  };
  const point = (to) => {
    chosen = (to + hits.length) % hits.length;
    [...list.children].forEach((item, index) => item.setAttribute('aria-selected', String(index === chosen)));
    input.setAttribute('aria-activedescendant', `hit-${chosen}`);
    list.children[chosen].scrollIntoView({ block: 'nearest' });
  };
  input.addEventListener('input', () => {
    hits = suggestions(page, input.value);
    chosen = -1;
    fill(list, hits.map((hit, index) => h('li', { role: 'option', id: `hit-${index}`, 'aria-selected': 'false', onmousedown: (event) => { event.preventDefault(); take(hit); } }, h('b', {}, hit.title), ` ${hit.why}`)));
    list.hidden = hits.length === 0;
    input.setAttribute('aria-expanded', String(hits.length > 0));
    if (input.value.trim() !== '') say(hits.length === 0 ? 'Nothing has that name, label, address or port.' : many(hits.length, 'suggestion'));
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' && hits.length > 0) point(chosen + 1);
    else if (event.key === 'ArrowUp' && hits.length > 0) point(chosen - 1);
    else if (event.key === 'Enter' && hits.length > 0 && !list.hidden) take(hits[Math.max(0, chosen)]);
    else if (event.key === 'Escape') {
      input.value = '';
      close();
      input.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener('blur', close);
}

/** What a text may mean, best first. */
export function suggestions(page, text) {
  const asked = text.trim().toLowerCase().slice(0, 200);
  if (asked === '') return [];
  return [...ports(page, asked), ...groups(page, asked), ...nodes(page, asked), ...filter(page, asked)].slice(0, MOST);
}

function ports(page, asked) {
  if (!/^\d{1,5}(\/\w*)?$/.test(asked)) return [];
  const fits = page.model.ports.filter((port) => port.toLowerCase().startsWith(asked)).slice(0, 3);
  return fits.map((port) => ({ title: `port ${port}`, why: 'show only its edges', act: () => page.set({ tab: 'map', port: port.split('/')[0] }) }));
}

function groups(page, asked) {
  const fits = [...page.model.groups.keys()].filter((key) => groupName(key).toLowerCase().includes(asked));
  return fits.slice(0, 4).map((key) => ({ title: groupName(key), why: key.startsWith('ns/') ? 'namespace' : 'group', act: () => page.choose(['group', key]) }));
}

function nodes(page, asked) {
  const ranked = [];
  for (const node of page.model.byId.values()) {
    const name = node.name.toLowerCase();
    const rank = name === asked ? 0 : name.startsWith(asked) ? 1 : name.includes(asked) ? 2 : haystack(node).includes(asked) ? 3 : null;
    if (rank !== null) ranked.push([rank, node]);
  }
  ranked.sort(([a, m], [b, n]) => a - b || (m.id < n.id ? -1 : 1));
  return ranked.slice(0, MOST).map(([rank, node]) => ({ title: nodeName(node), why: rank === 3 ? `by ${reason(node, asked)}` : visible(node.kind), act: () => page.choose(['node', node.id]) }));
}

function reason(node, asked) {
  const label = [...node.labels, ...node.fqdns].find((each) => each.toLowerCase().includes(asked));
  return label === undefined ? 'address' : visible(label, 80);
}

function filter(page, asked) {
  return [{ title: `only “${visible(asked, 40)}”`, why: 'show only edges at nodes that match', act: () => page.set({ tab: 'map', text: asked }) }];
}
