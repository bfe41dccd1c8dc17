// The time slider: two handles over the recorded slices, a step and a play button, and how much began in each slice.

import { moment } from '../data/words.js';
import { at } from './dom.js';
import { say } from './say.js';

const BEAT_MS = 700;

export function slider(page) {
  const { slices } = page.model;
  at('time').hidden = slices === null;
  at('no-time').hidden = slices !== null || page.model.edges.length === 0;
  if (slices === null) return;
  const [from, to] = [at('time-from'), at('time-to')];
  for (const input of [from, to]) {
    input.min = '0';
    input.max = String(slices.count);
  }
  from.addEventListener('input', () => page.set({ span: [Math.min(Number(from.value), page.state().span[1] - 1), page.state().span[1]] }));
  to.addEventListener('input', () => page.set({ span: [page.state().span[0], Math.max(Number(to.value), page.state().span[0] + 1)] }));
  let beat = null;
  const stop = () => {
    clearInterval(beat);
    beat = null;
    at('time-play').textContent = 'Play';
  };
  at('time-step').addEventListener('click', () => {
    stop();
    page.set({ span: next(page.state().span, slices.count) });
    say(spanText(page.state().span, slices));
  });
  at('time-play').addEventListener('click', () => {
    if (beat !== null) return stop();
    at('time-play').textContent = 'Pause';
    beat = setInterval(() => page.set({ span: next(page.state().span, slices.count) }), BEAT_MS);
    return undefined;
  });
  at('time-all').addEventListener('click', () => {
    stop();
    page.set({ span: [0, slices.count] });
  });
  histogram(page.model);
}

export function showSlider(page, state) {
  const { slices } = page.model;
  if (slices === null) return;
  const text = spanText(state.span, slices);
  at('time-from').value = String(state.span[0]);
  at('time-to').value = String(state.span[1]);
  at('time-from').setAttribute('aria-valuetext', `from ${moment(timeOf(state.span[0], slices))}`);
  at('time-to').setAttribute('aria-valuetext', `until ${moment(timeOf(state.span[1], slices))}`);
  at('time-text').textContent = text;
  [...at('histogram').children].forEach((bar, index) => bar.classList.toggle('on', index >= state.span[0] && index < state.span[1]));
}

/** The next window of the same width; the whole becomes its first slice. */
function next([from, to], count) {
  const width = to - from === count ? Math.max(1, Math.round(count / 12)) : to - from;
  const start = to - from === count || to >= count ? 0 : to;
  return [start, Math.min(count, start + width)];
}

function timeOf(index, { start, end, count }) {
  const [first, last] = [Date.parse(start), Date.parse(end)];
  if (Number.isNaN(first) || Number.isNaN(last)) return `slice ${index} of ${count}`;
  return new Date(first + ((last - first) * index) / count).toISOString();
}

function spanText(span, slices) {
  if (span[0] === 0 && span[1] === slices.count) return `the whole recording, ${moment(timeOf(0, slices))} to ${moment(timeOf(slices.count, slices))}`;
  return `${moment(timeOf(span[0], slices))} to ${moment(timeOf(span[1], slices))}`;
}

function histogram(model) {
  const sums = new Array(model.slices.count).fill(0);
  for (const edge of model.edges) edge.slices?.forEach((number, index) => { if (index < sums.length) sums[index] += number; });
  const most = Math.max(1, ...sums);
  const picture = at('histogram');
  picture.setAttribute('viewBox', `0 0 ${sums.length} 100`);
  for (const [index, sum] of sums.entries()) {
    const bar = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const height = sum === 0 ? 0 : 4 + (96 * sum) / most;
    for (const [name, value] of Object.entries({ x: index + 0.05, y: 100 - height, width: 0.9, height })) bar.setAttribute(name, String(value));
    picture.append(bar);
  }
}
