// Empty and broken data are explained in words.
import assert from 'node:assert/strict';
import { page as pageOf } from '../../../web/page.mjs';
import { shop } from '../shop.mjs';

const cases = {
  'no data element': [null, /holds no data/],
  'no JSON': ['{"apiVersion":"flowfence.dev/v1","kind":', /damaged[\s\S]*not JSON/],
  'a null': ['null', /not a page’s/],
  'another kind': [{ apiVersion: 'flowfence.dev/v1', kind: 'Report' }, /kind should be Page and is "Report"/],
  'a version of the future': [{ ...shop(), apiVersion: 'flowfence.dev/v9' }, /another version[\s\S]*flowfence\.dev\/v9[\s\S]*write the file again/],
};

export const claims = {
  ...Object.fromEntries(Object.entries(cases).map(([name, [data, words]]) => [`${name} is explained`, async ({ open }) => {
    const page = await open(pageOf(data));
    assert.match(await page.text('#problem'), words);
    assert.equal(await page.tab.$eval('#page', (element) => element.checkVisibility()), false);
  }])),

  async 'no nodes and no edges is explained'({ open }) {
    const page = await open(pageOf({ apiVersion: 'flowfence.dev/v1', kind: 'Page', nodes: [], edges: [], completeness: {} }));
    assert.match(await page.text('#empty'), /Nothing was recorded/);
    await page.press('Completeness');
    assert.match(await page.text('#view-completeness'), /Nothing was read/);
  },

  async 'nodes without edges are shown, and it is said'({ open }) {
    const page = await open(pageOf({ ...shop(), edges: [], findings: [], unused: [] }));
    assert.match(await page.text('#empty'), /No traffic was recorded/);
  },

  async 'members of every wrong type break nothing'({ open }) {
    for (const wrong of [null, 7, 'text', [], {}, [null], [[]], [{}], [7], true]) {
      const data = Object.fromEntries(Object.keys(shop()).map((key) => [key, wrong]));
      const page = await open(pageOf({ ...data, apiVersion: 'flowfence.dev/v1', kind: 'Page' }));
      for (const tab of ['Findings', 'Policies', 'Proof', 'Completeness', 'Map']) await page.press(tab);
      const [edge] = shop().edges;
      const inside = await open(pageOf({ ...shop(), edges: [Object.fromEntries(Object.keys(edge).map((key) => [key, wrong]))], findings: [Object.fromEntries(Object.keys(shop().findings[0]).map((key) => [key, wrong]))] }), { fragment: '#map?at=["edge",0]' });
      assert.equal(await inside.count('#panel h2'), 1);
      for (const tab of ['Findings', 'Policies', 'Map']) await inside.press(tab);
    }
  },
};
