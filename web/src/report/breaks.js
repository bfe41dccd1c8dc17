// What would break, set of policies by set: the question that brings most readers here.

import { standingOf } from '../data/standing.js';
import { many } from '../data/words.js';
import { visible } from '../data/visible.js';
import { h } from '../view/dom.js';
import { edgeList } from '../panel/parts.js';

const SETS = { today: 'Policies of today', policies: 'The policies that were given', recommended: 'Recommended policies', beside: 'Recommended beside those of today' };

/** The sentence about the recommended set, from the data where it tells, else from what edges say. */
export function cutSentence(page) {
  const { model } = page;
  const told = model.breaks.find(({ set }) => set === 'recommended');
  if (told === undefined && !model.edges.some((edge) => edge.after !== null)) return null;
  const cut = model.edges.filter((edge) => standingOf(edge, true) === 'cut');
  const wanted = cut.filter((edge) => edge.withheld === '');
  const rest = cut.length - wanted.length;
  if (told !== undefined && told.text !== '') {
    return h('p', { class: 'verdict' }, `${visible(told.text, 600)}${rest > 0 ? ` They also cut ${many(rest, 'edge')} withheld for a reason: scans, attempts, or what a person denied.` : ''}`);
  }
  if (cut.length === 0) return h('p', { class: 'verdict' }, 'The recommended policies cut nothing that today’s allow.');
  if (wanted.length === 0) return h('p', { class: 'verdict' }, `The recommended policies cut ${many(cut.length, 'edge')}, each withheld for a reason: scans, attempts, or what a person denied.`);
  return h('p', { class: 'verdict' }, `The recommended policies would cut ${many(wanted.length, 'edge')} that nothing speaks against${rest > 0 ? `, and ${many(rest, 'edge')} withheld for a reason` : ''}.`);
}

/** Every set with the edges that it cuts or may cut; empty where the data tells of none. */
export function breaks(page) {
  const { model } = page;
  if (model.breaks.length === 0) return null;
  const list = (title, indexes) => (indexes.length === 0 ? null : h('details', {}, h('summary', {}, `${title} (${many(indexes.length, 'edge')})`), edgeList(page, indexes.map((index) => model.edges[index]), page.state())));
  return h(
    'section',
    {},
    h('h2', {}, 'What would break'),
    model.breaks.map((each) => h('section', {}, h('h3', {}, SETS[each.set] ?? visible(each.set)), h('p', {}, visible(each.text, 1000)), list('Cut', each.edges), list('May be cut, and nobody can say', each.doubtful))),
  );
}
