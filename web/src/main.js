// Where the page begins.

import { read } from './data/read.js';
import { visible } from './data/visible.js';
import { at, fill, h } from './view/dom.js';
import { start } from './page.js';

const { data, problem } = read(at('flowfence-data')?.textContent ?? null);
if (data === undefined) {
  document.title = 'flowfence';
  fill(at('problem'), h('h1', {}, visible(problem.title)), h('p', {}, visible(problem.text, 1000)));
  at('problem').hidden = false;
  at('page').hidden = true;
} else {
  document.title = `${visible(data.title)}: flowfence`;
  at('title').textContent = visible(data.title);
  at('generator').textContent = visible(data.generator);
  start(data);
  document.documentElement.dataset.ready = 'yes';
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark('flowfence-drawn')));
}
