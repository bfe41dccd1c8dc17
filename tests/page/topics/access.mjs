// Readers who cannot see, point or bear motion.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { page as pageOf } from '../../../web/page.mjs';
import { shop, shopPage } from '../shop.mjs';

/** What axe-core finds that is serious or critical. */
async function serious(page, tools) {
  const session = await page.tab.createCDPSession();
  await session.send('Page.setBypassCSP', { enabled: true });
  await page.tab.evaluate(readFileSync(tools.axe, 'utf8'));
  const { violations, passes } = await page.tab.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  assert.ok(passes.length > 10, 'axe looked at the page');
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' | ')}`);
}

const views = {
  'the map': '#map',
  'an edge, with the list': '#map?open=*&list=1&unused=1&at=["edge",1]',
  'a node, under the recommended policies': '#map?open=*&after=1&at=["node","shop/Deployment/api"]',
  'the findings': '#findings?finding=port-scan:shop/Deployment/blog',
  'the policies': '#policies?policy=shop/flowfence-api',
  'the proof': '#proof',
  'the completeness': '#completeness',
};

export const claims = {
  ...Object.fromEntries(
    Object.entries(views).flatMap(([name, fragment]) =>
      ['light', 'dark'].map((value) => [`axe finds nothing serious in ${name}, ${value}`, async ({ open, tools }) => {
        const page = await open(shopPage(), { fragment, features: [{ name: 'prefers-color-scheme', value }] });
        assert.deepEqual(await serious(page, tools), []);
      }]),
    ),
  ),

  async 'axe finds nothing serious in a page of broken data'({ open, tools }) {
    const page = await open(pageOf('{'));
    assert.deepEqual(await serious(page, tools), []);
  },

  async 'each control has a name, and tabs are walked by arrows'({ open }) {
    const page = await open(shopPage());
    const nameless = await page.tab.$$eval('button, input, select', (all) => all.filter((each) => each.checkVisibility() && each.innerText.trim() === '' && !each.ariaLabel && !each.labels?.length).map((each) => each.outerHTML));
    assert.deepEqual(nameless, []);
    await page.tab.focus('#tab-map');
    await page.key('ArrowRight');
    assert.equal(await page.tab.evaluate(() => document.activeElement.id), 'tab-findings');
    assert.equal(await page.tab.$eval('#view-findings', (view) => view.checkVisibility()), true);
  },

  async 'a verdict is told by line as well as colour'({ open }) {
    const page = await open(pageOf({ ...shop() }), { fragment: '#map?open=*&after=1&unused=1' });
    const looks = await page.tab.$eval('#canvas', (canvas) => canvas._cyreg.cy.edges().map((edge) => [edge.data('standing'), `${edge.style('line-style')} ${edge.style('line-style') === 'dashed' ? edge.style('line-dash-pattern') : ''} ${edge.style('width')} ${edge.style('mid-target-arrow-shape')}`]));
    const shapes = new Map(looks);
    assert.ok(shapes.size >= 6, String([...shapes]));
    assert.equal(new Set(shapes.values()).size, shapes.size, String([...shapes]));
  },

  async 'nothing moves by itself for readers who asked for less motion'({ open }) {
    const page = await open(shopPage(), { features: [{ name: 'prefers-reduced-motion', value: 'reduce' }] });
    await page.tab.focus('#map');
    await page.key('ArrowRight');
    const animated = await page.tab.$eval('#canvas', (canvas) => canvas._cyreg.cy.elements().some((element) => element.animated()) || canvas._cyreg.cy.animated());
    assert.equal(animated, false);
  },
};
