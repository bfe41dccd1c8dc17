// The panel beside the map, about whatever is looked at.

import { many, moment } from '../data/words.js';
import { visible } from '../data/visible.js';
import { at, fill, h } from '../view/dom.js';
import { edgePanel } from './edge.js';
import { groupPanel, linkPanel } from './link.js';
import { nodePanel } from './node.js';
import { cutSentence } from '../report/breaks.js';
import { reviewList } from '../report/review.js';

export function showPanel(page, state, edges, shown) {
  const panel = at('panel');
  const close = h('button', { type: 'button', class: 'close', 'aria-label': 'Close the panel', onclick: () => page.choose(null) }, '×');
  fill(panel, state.at === null ? overview(page, state, edges) : [close, about(page, state, edges, shown)]);
  panel.scrollTop = 0;
}

function about(page, state, edges, shown) {
  const [kind, ...rest] = state.at;
  switch (kind) {
    case 'node':
      return nodePanel(page, rest[0], state, edges);
    case 'group':
      return groupPanel(page, rest[0], state, edges);
    case 'edge':
      return edgePanel(page, rest[0], state);
    default:
      return linkPanel(page, rest, state, shown);
  }
}

/** What there is to say when nothing is looked at. */
function overview(page, state, edges) {
  const { model } = page;
  const review = model.review.length > 0 ? h('section', {}, h('h3', {}, 'What to review first'), reviewList(page, model.review.slice(0, 8)), model.review.length > 8 ? h('p', { class: 'quiet' }, `${model.review.length - 8} more under Findings.`) : null) : null;
  return [
    h('h2', {}, 'Overview'),
    h('p', {}, model.edges.length === 0 ? 'No traffic was recorded: there are no edges to show.' : `${many(edges.length, 'edge')} of ${model.edges.length.toLocaleString('en')} among ${many(model.nodes.length, 'node')} in ${many(model.namespaces.length, 'namespace')}.`),
    h('p', {}, model.window === null ? 'The recording does not tell when it was made.' : `Recorded ${moment(model.window.start)} to ${moment(model.window.end)}.`),
    model.refused !== '' ? h('p', { class: 'verdict' }, visible(model.refused, 600)) : model.policies.length === 0 ? h('p', {}, 'No policies are in this page: it cannot tell what a recommended set would change.') : null,
    state.after ? cutSentence(page) : null,
    review,
  ];
}
