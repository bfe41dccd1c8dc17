// The findings: what to review first, then all of them, filtered and sorted, each with evidence, fix and its edges.

import { many } from '../data/words.js';
import { visible } from '../data/visible.js';
import { at, facts, fill, h } from '../view/dom.js';
import { edgeList, go, nodeButton } from '../panel/parts.js';
import { reviewList } from './review.js';
import { value } from './value.js';

const PAGE = 60;
const LEVELS = ['error', 'warning', 'note'];

const SORTS = {
  level: (a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level),
  rule: (a, b) => compare(a.rule, b.rule),
  workload: (a, b) => compare(a.from || a.to || '~', b.from || b.to || '~'),
};

export function findingsView(page) {
  const { model } = page;
  const chosen = { level: '', rule: '', sort: 'level', most: PAGE };
  const list = h('div', { id: 'finding-list' });
  const show = () => fill(list, listed(page, chosen, show));
  const select = (key, label, options) => h('label', {}, `${label} `, h('select', { onchange: ({ currentTarget }) => { chosen[key] = currentTarget.value; chosen.most = PAGE; show(); } }, options.map(([each, text]) => h('option', { value: each }, text))));
  const rules = [...new Set(model.findings.map(({ rule }) => rule))].sort();
  fill(
    at('view-findings'),
    h('h2', {}, 'What to review first'),
    model.review.length === 0 ? h('p', {}, 'Nothing asks for a review.') : reviewList(page, model.review),
    h('h2', {}, 'Findings'),
    model.findings.length === 0
      ? h('p', {}, 'There are no findings: either nothing is wrong, or findings were not asked for when this page was written.')
      : [
          h('div', { class: 'bar' }, select('level', 'Level', [['', 'all'], ...LEVELS.map((level) => [level, level])]), select('rule', 'Rule', [['', 'all'], ...rules.map((rule) => [rule, visible(rule)])]), select('sort', 'Sort by', Object.keys(SORTS).map((key) => [key, key]))),
          list,
        ],
  );
  show();
  return (state) => reveal(page, state, chosen, show, list);
}

function listed(page, chosen, show) {
  const fits = page.model.findings.filter((finding) => (chosen.level === '' || finding.level === chosen.level) && (chosen.rule === '' || finding.rule === chosen.rule));
  const sorted = fits.map((finding, index) => [finding, index]).sort(([a, i], [b, j]) => SORTS[chosen.sort](a, b) || i - j).map(([finding]) => finding);
  const more = sorted.length - chosen.most;
  return [
    h('p', { role: 'status' }, `${many(sorted.length, 'finding')}${sorted.length < page.model.findings.length ? ` of ${page.model.findings.length}` : ''}`),
    sorted.slice(0, chosen.most).map((finding) => card(page, finding)),
    more > 0 ? h('button', { type: 'button', onclick: () => { chosen.most += PAGE; show(); } }, `Show more (${more} left)`) : null,
  ];
}

function card(page, finding) {
  const state = page.state();
  const edges = finding.edges.map((index) => page.model.edges[index]);
  return h(
    'article',
    { class: `card ${finding.level}`, tabindex: '-1', 'data-finding': finding.id },
    h('h3', {}, h('span', { class: `level ${finding.level}` }, finding.level), ` ${visible(finding.title, 600)}`),
    facts([
      ['Rule', visible(finding.rule)],
      ['From', finding.from === '' ? '' : nodeButton(page, finding.from)],
      ['To', finding.to === '' ? '' : nodeButton(page, finding.to)],
      ['Policy', finding.policy === '' ? '' : policyLink(page, finding.policy)],
      ['What to do', visible(finding.fix, 2000)],
      ['Rank', visible(finding.rank, 300)],
      ['Owner', visible(finding.owner, 600)],
      ['Where', typeof finding.file === 'string' ? `${visible(finding.file, 300)}${Number.isInteger(finding.line) ? `, line ${finding.line}` : ''}` : ''],
    ]),
    finding.evidence === undefined || finding.evidence === null ? null : h('details', {}, h('summary', {}, 'Evidence'), value(finding.evidence)),
    edges.length === 0 ? null : h('details', {}, h('summary', {}, many(edges.length, 'edge')), edgeList(page, edges, state, 20)),
    go('Show on the map', () => onMap(page, finding), `Show on the map: ${visible(finding.title, 200)}`),
  );
}

/** Its only edge, or the workload that it is about. */
function onMap(page, finding) {
  const { model } = page;
  if (finding.edges.length === 1) return page.choose(['edge', finding.edges[0]]);
  const id = [finding.from, finding.to].find((each) => model.byId.has(each));
  if (id !== undefined) return page.choose(['node', id]);
  if (finding.edges.length > 0) return page.choose(['edge', finding.edges[0]]);
  return page.set({ tab: 'map', at: null });
}

function policyLink(page, name) {
  return page.model.policiesByName.has(name) ? go(visible(name, 300), () => page.open('policies', { policy: name })) : visible(name, 300);
}

/** Brings the finding that a link led to into view, whatever is filtered. */
function reveal(page, state, chosen, show, list) {
  if (state.finding === '') return;
  const card_ = () => [...list.querySelectorAll('article')].find((each) => each.dataset.finding === state.finding);
  if (card_() === undefined) {
    Object.assign(chosen, { level: '', rule: '', most: page.model.findings.length });
    for (const select of at('view-findings').querySelectorAll('select')) if (select.value !== chosen.sort) select.value = '';
    show();
  }
  const found = card_();
  for (const details of found.querySelectorAll('details')) details.open = true;
  found.scrollIntoView({ block: 'start' });
  found.focus();
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

