// What to look at first, in the order that flowfence gave.

import { visible } from '../data/visible.js';
import { h } from '../view/dom.js';
import { go } from '../panel/parts.js';

export function reviewList(page, review) {
  return h('ol', { class: 'review' }, review.map((item) => h('li', {}, h('span', { class: `level ${item.level}` }, item.level), ' ', text(page, item))));
}

function text(page, item) {
  const words = visible(item.text, 600);
  if (page.model.findingsById.has(item.finding)) return go(words, () => page.open('findings', { finding: item.finding }));
  if (page.model.policiesByName.has(item.policy)) return go(words, () => page.open('policies', { policy: item.policy }));
  return words;
}
