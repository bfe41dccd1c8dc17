// The map: folds, search, panels, filters, time, before and after, fragment, keyboard.
import assert from 'node:assert/strict';
import { until } from '../harness.mjs';
import { shopPage } from '../shop.mjs';

/** Where an element stands in the window, from the canvas itself. */
function placed(page, id) {
  return page.tab.$eval('#canvas', (canvas, wanted) => {
    const element = canvas._cyreg.cy.getElementById(wanted);
    if (element.empty()) return null;
    const at = element.isEdge() ? element.renderedMidpoint() : element.renderedPosition();
    const { left, top } = canvas.getBoundingClientRect();
    return { x: left + at.x, y: top + at.y };
  }, id);
}

function ids(page) {
  return page.tab.$eval('#canvas', (canvas) => canvas._cyreg.cy.nodes().map((node) => node.id()).sort());
}

async function doubleClick(page, id) {
  const { x, y } = await placed(page, id);
  await page.tab.mouse.click(x, y, { count: 2, delay: 20 });
  await page.rest();
}

async function choose(page, selector, value) {
  await page.tab.select(selector, value);
  await page.rest();
}

export const claims = {
  async 'namespaces are folded at first, and ports of a pair share a link'({ open }) {
    const page = await open(shopPage());
    assert.deepEqual(await ids(page), ['@nodes', '@outside', 'apiserver', 'ns/data', 'ns/shop']);
    const links = await page.tab.$eval('#canvas', (canvas) => canvas._cyreg.cy.edges().map((edge) => edge.data('standing')).sort());
    assert.deepEqual(links, ['allowed', 'allowed', 'probe', 'unspecified']);
  },

  async 'a double click expands a namespace in place and folds it again'({ open }) {
    const page = await open(shopPage());
    await doubleClick(page, 'ns/shop');
    assert.ok((await ids(page)).includes('shop/Deployment/web'));
    const before = await placed(page, 'ns/data');
    assert.notEqual(before, null);
    await page.press('Fold', '#panel');
    await page.rest();
    assert.ok(!(await ids(page)).includes('shop/Deployment/web'));
  },

  async 'search suggests names, labels, addresses and ports, and goes there'({ open }) {
    const page = await open(shopPage());
    const suggested = async (text) => {
      await page.tab.$eval('#search', (input) => { input.value = ''; });
      await page.tab.type('#search', text);
      return page.text('#suggestions');
    };
    assert.match(await suggested('miner'), /198\.51\.100\.9 \(pool\.miner\.example\)/);
    assert.match(await suggested('198.51'), /198\.51\.100\.9/);
    assert.match(await suggested('app=cac'), /data\/cache by app=cache/);
    assert.match(await suggested('637'), /port 6379\/TCP/);
    await suggested('blog');
    await page.key('ArrowDown');
    await page.key('Enter');
    await page.rest();
    assert.match(await page.text('#panel h2'), /^shop\/blog$/);
    assert.ok((await ids(page)).includes('shop/Deployment/blog'));
    await suggested('nobody-is-called-so');
    await page.key('Enter');
    await page.rest();
    assert.match(await page.text('#empty'), /filters leave nothing/);
    await page.press('Clear filters');
    await page.rest();
    assert.equal(await page.text('#empty'), '');
  },

  async 'the panel of an edge names the policy that denies it and the rule that admits another'({ open }) {
    const page = await open(shopPage(), { fragment: '#map?at=["edge",1]' });
    assert.match(await page.text('#panel'), /Denied by shop\/api-deny: no rule admits 21\/TCP from shop\/web\./);
    assert.match(await page.text('#panel'), /Allowed: no policy isolates the egress of shop\/web\./);
    await page.tab.evaluate(() => { location.hash = '#map?at=["edge",0]'; });
    await until('the panel follows the address', async () => /8080/.test(await page.text('#panel')));
    const text = await page.text('#panel');
    assert.match(text, /Allowed by shop\/api-allow, rule ingress\[0\]\./);
    assert.match(text, /Rule to add: shop\/flowfence-api, rule ingress\[0\]/);
    assert.match(text, /7 connections/);
    assert.match(text, /2026-01-05 08:03:10 UTC/);
    await page.press('Copy', '#panel .rule');
    await until('it says that it copied', async () => /Copied rule ingress\[0\] of shop\/flowfence-api/.test(await page.text('#live')));
  },

  async 'the panel of a node tells isolation, findings, peers and policies'({ open }) {
    const page = await open(shopPage(), { fragment: '#map?at=["node","shop/Deployment/api"]' });
    const text = await page.text('#panel');
    assert.match(text, /isolated in ingress only/);
    assert.match(text, /isolated in both directions \(new\)/);
    assert.match(text, /app=api/);
    assert.match(text, /It asks \(2 edges\)/);
    assert.match(text, /It is asked \(3 edges\)/);
    assert.match(text, /shop\/flowfence-api/);
  },

  async 'filters leave the edges that they name'({ open }) {
    const page = await open(shopPage());
    const overview = async () => /^(\d+) edges? of 9/m.exec(await page.text('#panel'))?.[1];
    assert.equal(await overview(), '9');
    await choose(page, '#filter-verdict', 'denied');
    assert.equal(await overview(), '1');
    await choose(page, '#filter-verdict', '');
    await choose(page, '#filter-ns', 'data');
    assert.equal(await overview(), '2');
    await page.press('Clear filters');
    await page.tab.type('#filter-port', '22');
    await page.rest();
    assert.equal(await overview(), '2');
    await page.press('Clear filters');
    await page.tab.click('#filter-findings');
    await page.rest();
    assert.equal(await overview(), '5', 'two of the scan, one refused, and those that it makes suspicious');
  },

  async 'the time slider shows what began in its window, steps and plays'({ open }) {
    const page = await open(shopPage());
    const set = (id, value) => page.tab.$eval(id, (input, to) => { input.value = to; input.dispatchEvent(new Event('input')); }, value);
    await set('#time-from', '4');
    await page.rest();
    assert.match(await page.text('#panel'), /^1 edge of 9/m);
    assert.match(await page.text('#time-text'), /2026-01-05 08:40:00 UTC to 2026-01-05 09:00:00 UTC/);
    await page.press('Whole');
    await page.press('Step');
    await page.rest();
    assert.match(await page.text('#time-text'), /08:00:00 UTC to .*08:10:00 UTC/);
    await page.press('Play');
    await until('it plays', async () => /08:10:00 UTC to .*08:20:00 UTC/.test(await page.text('#time-text')));
    await page.press('Pause');
  },

  async 'the recommended policies show what they would cut and what they newly isolate'({ open }) {
    const page = await open(shopPage());
    await page.press('Recommended');
    await page.rest();
    assert.match(await page.text('#panel'), /The recommended policies cut 2 edges, each withheld for a reason/);
    assert.match(await page.text('#legend'), /would be cut 2/);
    await page.tab.evaluate(() => { location.hash = '#map?after=1&open=*&at=["edge",3]'; });
    await until('the edge says why', async () => /No rule is recommended for it: first seen after shop\/Deployment\/blog began to scan/.test(await page.text('#panel')));
    const fresh = await page.tab.$eval('#canvas', (canvas) => canvas._cyreg.cy.nodes('[?fresh]').map((node) => node.id()).sort());
    assert.ok(fresh.includes('data/Deployment/cache') && !fresh.includes('data/Deployment/idle'), String(fresh));
    await page.press('Today');
    await page.rest();
    assert.doesNotMatch(await page.text('#legend'), /would be cut/);
  },

  async 'what is allowed and never used is a layer'({ open }) {
    const page = await open(shopPage());
    await page.tab.click('#show-unused');
    await page.rest();
    const standings = await page.tab.$eval('#canvas', (canvas) => canvas._cyreg.cy.edges().map((edge) => edge.data('standing')));
    assert.ok(standings.includes('unused'));
    assert.match(await page.text('#legend'), /allowed, never used/);
  },

  async 'the address keeps what is seen, and a page that opens with it shows the same'({ open }) {
    const page = await open(shopPage());
    await doubleClick(page, 'ns/shop');
    await choose(page, '#filter-verdict', 'denied');
    await page.press('Recommended');
    await page.rest();
    const hash = await page.tab.evaluate(() => location.hash);
    assert.match(hash, /^#map\?.*verdict=denied.*after=1/);
    const again = await open(shopPage(), { fragment: hash });
    assert.deepEqual(await ids(again), await ids(page));
    assert.equal(await again.tab.$eval('#filter-verdict', ({ value }) => value), 'denied');
    assert.equal(await again.text('#panel h2'), await page.text('#panel h2'));
  },

  async 'an address of nonsense, or one that is too long, is the page at rest'({ open }) {
    for (const fragment of ['#nowhere?open=x', '#map?at=["edge",-1]&span=9-2&ns=none&port=<b>&open=["ns/none",7]&verdict=worse', '#map?at=["edge",1e9]', '#map?at=%', `#map?text=${'x'.repeat(9000)}`]) {
      const page = await open(shopPage(), { fragment });
      assert.equal(await page.text('#panel h2'), 'Overview', fragment.slice(0, 50));
      assert.equal((await ids(page)).length, 5);
    }
  },

  async 'the keyboard reaches the map, walks, expands, opens the panel, searches and helps'({ open }) {
    const page = await open(shopPage());
    for (let stop = 0; stop < 40 && (await page.tab.evaluate(() => document.activeElement.id)) !== 'map'; stop += 1) await page.key('Tab');
    assert.equal(await page.tab.evaluate(() => document.activeElement.id), 'map');
    for (let step = 0; step < 8 && (await page.tab.$eval('#panel h2', (title) => title.textContent)) !== 'Namespace shop'; step += 1) {
      await page.key(['ArrowRight', 'ArrowUp', 'ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowDown', 'ArrowLeft', 'ArrowUp'][step]);
    }
    assert.equal(await page.text('#panel h2'), 'Namespace shop');
    assert.match(await page.text('#live'), /shop, folded, 3 members/);
    await page.key('Enter');
    await page.rest();
    assert.ok((await ids(page)).includes('shop/Deployment/api'));
    await page.key('ArrowDown');
    await page.key('e');
    await page.rest();
    await page.key('Escape');
    assert.equal(await page.text('#panel h2'), 'Overview');
    await page.key('/');
    assert.equal(await page.tab.evaluate(() => document.activeElement.id), 'search');
    await page.key('Escape');
    await page.key('?');
    assert.equal(await page.tab.$eval('#help', (dialog) => dialog.open), true);
    await page.key('Escape');
    assert.equal(await page.tab.$eval('#help', (dialog) => dialog.open), false);
  },

  async 'the list shows the same as the map and does the same'({ open }) {
    const page = await open(shopPage());
    await page.press('List');
    await page.rest();
    assert.match(await page.text('#list'), /shop\s+data\s+allowed\s+6379\s+2 edges/);
    await page.press('shop', '#list');
    await page.rest();
    assert.ok((await ids(page)).includes('shop/Deployment/web'));
    await page.press('shop/api', '#list');
    await page.rest();
    assert.equal(await page.text('#panel h2'), 'shop/api');
  },

  async 'a workload that talks to itself has a loop that is drawn'({ open }) {
    const itself = (data) => ({ ...data, edges: [{ ...data.edges[0], to: data.edges[0].from }] });
    const page = await open(shopPage(itself), { fragment: '#map?open=*' });
    const far = await page.tab.$eval('#canvas', (canvas) => {
      const [loop] = canvas._cyreg.cy.edges();
      return [loop.isLoop(), loop.midpoint().y - loop.source().position('y')];
    });
    assert.equal(far[0], true);
    assert.ok(far[1] < -20, `above its node: ${far[1]}`);
  },

  async 'dark and light follow the system and the button'({ open }) {
    const dark = await open(shopPage(), { features: [{ name: 'prefers-color-scheme', value: 'dark' }] });
    const background = (page) => page.tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(await background(dark), 'rgb(20, 23, 28)');
    await dark.press('Dark');
    assert.equal(await background(dark), 'rgb(255, 255, 255)');
    const light = await open(shopPage());
    assert.equal(await background(light), 'rgb(255, 255, 255)');
  },
};
