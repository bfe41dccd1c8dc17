// Pictures of the page, held against those that are kept in tests/page/pictures. Fonts differ between machines, so pictures are
// made coarse first (a quarter of the width and height, blurred by that), and a share of points may differ. What must not differ
// is where things stand: the boxes of the page's parts, to a few pixels. UPDATE_PICTURES=1 writes them anew.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { page as pageOf } from '../../../web/page.mjs';
import { sample } from '../../../web/sample.mjs';
import { shopPage } from '../shop.mjs';

const COARSE = 4;
const MOST_DIFFERENT = 0.06;
const MOST_MOVED = 40;
const PARTS = ['header', '#tools', '#map', '#panel', '#below', '#view-findings'];

const pictures = {
  'map-light': () => [shopPage(), { fragment: '#map?open=["ns/shop"]&at=["edge",1]' }],
  'map-dark-recommended': () => [shopPage(), { fragment: '#map?open=*&after=1', features: [{ name: 'prefers-color-scheme', value: 'dark' }] }],
  findings: () => [shopPage(), { fragment: '#findings?finding=port-scan:shop/Deployment/blog' }],
  'map-3000-edges': () => [pageOf(sample(3000)), {}],
};

export const claims = Object.fromEntries(
  Object.entries(pictures).map(([name, how]) => [`the picture ${name} is as it was`, async ({ open, tools }) => {
    const { PNG } = (await tools.load('pngjs')).default;
    const { default: differ } = await tools.load('pixelmatch');
    const [html, options] = how();
    const page = await open(html, options);
    await page.rest();
    await page.rest();
    const boxes = await page.tab.evaluate((parts) => Object.fromEntries(parts.map((part) => [part, document.querySelector(part)?.getBoundingClientRect()]).filter(([, box]) => box?.width > 0).map(([part, { x, y, width, height }]) => [part, [x, y, width, height].map(Math.round)])), PARTS);
    const now = coarse(PNG, PNG.sync.read(Buffer.from(await page.tab.screenshot())));
    const [picture, places] = ['png', 'json'].map((end) => new URL(`../pictures/${name}.${end}`, import.meta.url));
    if (process.env.UPDATE_PICTURES === '1' || !existsSync(picture)) {
      writeFileSync(picture, PNG.sync.write(now));
      writeFileSync(places, `${JSON.stringify(boxes, null, 1)}\n`);
      assert.equal(process.env.UPDATE_PICTURES, '1', `${name} had no picture: one was written, look at it`);
      return;
    }
    const kept = PNG.sync.read(readFileSync(picture));
    assert.deepEqual([now.width, now.height], [kept.width, kept.height]);
    for (const [part, box] of Object.entries(JSON.parse(readFileSync(places, 'utf8')))) {
      assert.ok(boxes[part]?.every((number, at) => Math.abs(number - box[at]) <= MOST_MOVED), `${part} stands at ${boxes[part]}, and stood at ${box}`);
    }
    const share = differ(kept.data, now.data, null, now.width, now.height, { threshold: 0.2 }) / (now.width * now.height);
    assert.ok(share <= MOST_DIFFERENT, `${(share * 100).toFixed(1)} % of ${name} differs`);
  }]),
);

/** The mean of each block of points. */
function coarse(PNG, { width, height, data }) {
  const small = new PNG({ width: Math.floor(width / COARSE), height: Math.floor(height / COARSE) });
  for (let y = 0; y < small.height; y += 1) {
    for (let x = 0; x < small.width; x += 1) {
      const sums = [0, 0, 0, 0];
      for (let dy = 0; dy < COARSE; dy += 1) for (let dx = 0; dx < COARSE; dx += 1) for (let channel = 0; channel < 4; channel += 1) sums[channel] += data[((y * COARSE + dy) * width + x * COARSE + dx) * 4 + channel];
      for (let channel = 0; channel < 4; channel += 1) small.data[(y * small.width + x) * 4 + channel] = Math.round(sums[channel] / COARSE ** 2);
    }
  }
  return small;
}
