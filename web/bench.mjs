// node bench.mjs PACKAGES: how long a reader waits, at three sizes: from the start of loading until the map is drawn, and from
// the key that expands a namespace until it is drawn.
import { loadavg } from 'node:os';
import { browser, packages } from '../tests/page/harness.mjs';
import { page } from './page.mjs';
import { sample } from './sample.mjs';

const SIZES = [300, 3000, 10_000];
const LOADS = 5;
const EXPANDED = 12;

const chromium = await browser(packages(process.argv[2]));
console.log(`Each cell: median (worst); first by the clock, then processor time of the page's thread. Load of the machine: ${loadavg()[0].toFixed(1)}\n`);
console.log('| edges | nodes | namespaces | data | first picture | expand a namespace | choose one |\n| --- | --- | --- | --- | --- | --- | --- |');
try {
  for (const size of SIZES) console.log(await row(size));
} finally {
  await chromium.close();
}

async function row(size) {
  const data = sample(size);
  const html = page(data);
  const [loads, expand, choose] = [[], [], []];
  for (let load = 0; load < LOADS; load += 1) {
    const opened = await chromium.open(html);
    const clock = await opened.tab.evaluate(firstPicture);
    loads.push({ clock, thread: await thread(opened) });
    if (load === LOADS - 1) await expansions(opened, expand, choose);
    if (opened.trouble.length > 0) throw new Error(opened.trouble.join('\n'));
    await opened.close();
  }
  const namespaces = new Set(data.nodes.map(({ namespace }) => namespace).filter(Boolean)).size;
  return `| ${size.toLocaleString('en')} | ${data.nodes.length.toLocaleString('en')} | ${namespaces} | ${(JSON.stringify(data).length / 1e6).toFixed(1)} MB | ${[loads, expand, choose].map(told).join(' | ')} |`;
}

async function expansions(opened, expand, choose) {
  const groups = await opened.tab.$eval('#canvas', (canvas, most) => canvas._cyreg.cy.nodes('[what = "group"]').map((node) => node.id()).filter((id) => id.startsWith('ns/')).slice(0, most), EXPANDED);
  for (const group of groups) {
    choose.push(await timed(opened, 'choose', group));
    expand.push(await timed(opened, 'expand', group));
    await timed(opened, 'expand', group);
  }
}

async function timed(opened, what, group) {
  await new Promise((resolve) => setTimeout(resolve, 400));
  const before = await thread(opened);
  const clock = await opened.tab.evaluate(act, what, group);
  return { clock, thread: (await thread(opened)) - before };
}

/** Processor time of the page's main thread since it began, in milliseconds. */
async function thread({ session }) {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration').value * 1000;
}

function told(times) {
  return ['clock', 'thread'].map((key) => {
    const sorted = times.map((time) => time[key]).sort((a, b) => a - b);
    return `${Math.round(sorted[Math.floor(sorted.length / 2)])} ms (${Math.round(sorted.at(-1))})`;
  }).join(', ');
}

/** In the page: from the start of navigation until the frame after the map was drawn first, which main.js marks. */
async function firstPicture() {
  while (performance.getEntriesByName('flowfence-drawn').length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  return performance.getEntriesByName('flowfence-drawn')[0].startTime;
}

/** In the page: from the touch or key to the frame that shows its effect. */
async function act(what, group) {
  const { cy } = document.getElementById('canvas')._cyreg;
  const drawn = new Promise((resolve) => cy.one('render', () => requestAnimationFrame(() => setTimeout(resolve))));
  const start = performance.now();
  if (what === 'choose') cy.getElementById(group).emit('tap');
  else document.getElementById('map').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
  await drawn;
  return performance.now() - start;
}
