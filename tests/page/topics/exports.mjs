// What the page gives away: SVG, PNG and CSV of what is seen, policies as files.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { until } from '../harness.mjs';
import { shopPage } from '../shop.mjs';

/** Lets the page save into a folder of its own, and reads what comes. */
async function saving(page, folder) {
  const to = mkdtempSync(path.join(folder, 'saved-'));
  const session = await page.tab.createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: to });
  return async (name) => {
    await until(`${name} was saved (${readdirSync(to)})`, () => existsSync(path.join(to, name)) && readFileSync(path.join(to, name)).length > 0);
    return readFileSync(path.join(to, name));
  };
}

export const claims = {
  async 'the SVG and the PNG are pictures of what is seen'({ open, folder, tools }) {
    const page = await open(shopPage(), { fragment: '#map?open=["ns/shop"]' });
    const saved = await saving(page, folder);
    await page.press('SVG');
    const svg = (await saved('flowfence.svg')).toString();
    for (const text of ['<title>The shop</title>', '⚠ blog', '>api<', '+ data', 'stroke-dasharray="12 4"', '#d55e00']) assert.ok(svg.includes(text), text);
    const wrong = await page.tab.evaluate((text) => new DOMParser().parseFromString(text, 'image/svg+xml').querySelector('parsererror')?.textContent ?? null, svg);
    assert.equal(wrong, null);
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
    await page.press('PNG');
    const { PNG } = (await tools.load('pngjs')).default;
    const picture = PNG.sync.read(await saved('flowfence.png'));
    const colours = new Set();
    for (let at = 0; at < picture.data.length; at += 4) colours.add(picture.data.readUInt32BE(at));
    assert.ok(picture.width > 300 && picture.height > 100 && colours.size > 30, `${picture.width} × ${picture.height}, ${colours.size} colours`);
  },

  async 'the CSV has the edges that pass, and no cell is a formula'({ open, folder }) {
    const page = await open(shopPage((data) => {
      data.nodes[0].name = 'web';
      data.edges[1].withheld = '=cmd|\' /C calc\'!A0, "quoted"';
      return data;
    }), { fragment: '#map?verdict=denied' });
    const saved = await saving(page, folder);
    await page.press('CSV');
    const [head, row, ...rest] = (await saved('flowfence.csv')).toString().split('\r\n');
    assert.match(head, /^from,to,protocol,port,standing,/);
    assert.match(row, /^shop\/Deployment\/web,shop\/Deployment\/api,TCP,21,denied,allowed,denied,0,2,0,/);
    assert.ok(row.includes(`"'=cmd|' /C calc'!A0, ""quoted"""`), row);
    assert.deepEqual(rest, ['']);
  },

  async 'a policy is a file, and all of them are one'({ open, folder }) {
    const page = await open(shopPage(), { fragment: '#policies?policy=shop/flowfence-api' });
    const saved = await saving(page, folder);
    await page.press('Download', '#view-policies .code');
    assert.match((await saved('flowfence-api.yaml')).toString(), /^apiVersion: networking\.k8s\.io\/v1\nkind: NetworkPolicy/);
    await page.press('Download all');
    assert.match((await saved('policies.yaml')).toString(), /^---\napiVersion/);
  },
};
