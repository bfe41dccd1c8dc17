// Parts that several panels have.

import { standingOf } from '../data/standing.js';
import { STANDING, edgeName, nameOf, portName, traffic } from '../data/words.js';
import { visible, visibleLines } from '../data/visible.js';
import { h } from '../view/dom.js';
import { say } from '../view/say.js';
import { save } from '../export/save.js';

/** Ports of a pair that have rows of their own, and that an opened row lists. */
const FEW = 3;
const MOST_PORTS = 100;

/** A button that leads somewhere in the page. */
export function go(text, act, label) {
  return h('button', { type: 'button', class: 'go', onclick: act, 'aria-label': label }, text);
}

/** How an edge stands, as a word beside a sample of its line. */
export function badge(standing) {
  return h('span', { class: `standing ${standing}` }, STANDING[standing]);
}

export function nodeButton(page, id) {
  return page.model.byId.has(id) ? go(nameOf(page.model, id), () => page.choose(['node', id])) : h('span', {}, nameOf(page.model, id));
}

/** An edge in one line, which opens its panel. */
export function edgeRow(page, edge, state) {
  const standing = standingOf(edge, state.after);
  return h('li', {}, badge(standing), ' ', go(edgeName(page.model, edge), () => page.choose(['edge', edge.index])), ` ${traffic(edge)}`);
}

/** At most `most` rows, worst first, and how many edges more there are. Many ports of a pair that stand alike share a row, which opens. */
export function edgeList(page, edges, state, most = 60) {
  const rank = ['cut', 'denied', 'attempted', 'unspecified', 'allowed', 'probe'];
  const order = (edge) => rank.indexOf(standingOf(edge, state.after));
  const sorted = [...edges].sort((a, b) => order(a) - order(b) || a.index - b.index);
  const rows = [...bundles(sorted, state).values()].flatMap((bundle) => (bundle.length <= FEW ? bundle.map((edge) => [edge]) : [bundle]));
  const left = rows.slice(most).reduce((sum, row) => sum + row.length, 0);
  const more = left > 0 ? h('p', { class: 'quiet' }, `${left} more: filter, or export the CSV.`) : null;
  return [h('ul', { class: 'edges' }, rows.slice(0, most).map((row) => (row.length === 1 ? edgeRow(page, row[0], state) : bundleRow(page, row, state)))), more];
}

function bundles(edges, state) {
  const all = new Map();
  for (const edge of edges) {
    const key = JSON.stringify([standingOf(edge, state.after), edge.from, edge.to]);
    all.set(key, [...(all.get(key) ?? []), edge]);
  }
  return all;
}

function bundleRow(page, edges, state) {
  const [{ from, to }] = edges;
  const title = `${nameOf(page.model, from)} → ${nameOf(page.model, to)}, ${edges.length} ports: ${visible(ports(edges), 90)}`;
  return h('li', {}, h('details', {}, h('summary', {}, badge(standingOf(edges[0], state.after)), ` ${title}`), h('ul', { class: 'edges' }, edges.slice(0, MOST_PORTS).map((edge) => edgeRow(page, edge, state))), edges.length > MOST_PORTS ? h('p', { class: 'quiet' }, `${edges.length - MOST_PORTS} more.`) : null));
}

export function findingList(page, findings) {
  return h('ul', { class: 'findings' }, findings.map((finding) => h('li', {}, h('span', { class: `level ${finding.level}` }, finding.level), ' ', go(visible(finding.title, 300), () => page.open('findings', { finding: finding.id })))));
}

/** Text that is to be copied or kept, with its buttons. */
export function code(text, what, file) {
  return h(
    'div',
    { class: 'code' },
    h('div', { class: 'bar' }, copyButton(text, what), file === undefined ? null : h('button', { type: 'button', onclick: () => save(file, 'application/yaml', text), 'aria-label': `Download ${what}` }, 'Download')),
    h('pre', { tabindex: '0', role: 'region', 'aria-label': what }, visibleLines(text)),
  );
}

export function copyButton(text, what) {
  return h('button', { type: 'button', class: 'copy', 'aria-label': `Copy ${what}`, onclick: () => copy(text).then((done) => say(done ? `Copied ${what}.` : 'The browser did not let the page copy: select the text and copy it.')) }, 'Copy');
}

/** From `file://` the clipboard's own interface may be missing; the older way still works. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h('textarea', { class: 'away', value: text, 'aria-hidden': true });
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    focused?.focus();
    return done;
  }
}

export function ports(edges) {
  return [...new Set(edges.map(portName))].join(', ');
}
