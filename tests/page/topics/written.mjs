// A page that the program wrote: it opens in every view without trouble, and says nothing that a reader cannot read.
import assert from 'node:assert/strict';

export const claims = {
  async 'every view of a written page opens, and nothing in it is broken'({ open, html }) {
    assert.notEqual(html, null, 'a page to look at');
    const page = await open(html);
    for (const tab of ['Findings', 'Policies', 'Proof', 'Completeness', 'Map']) {
      await page.press(tab);
      await page.rest();
      const text = await page.text(`#view-${tab.toLowerCase()}`);
      assert.ok(text.length > 100, `${tab}: ${text}`);
      assert.doesNotMatch(text, /undefined|NaN|\[object|an unknown number/, tab);
    }
    await page.press('Expand all');
    await page.press('Recommended');
    await page.rest();
    assert.match(await page.text('#panel'), /cut nothing that was .*They also cut 7 edges withheld for a reason/s);
    assert.ok((await page.count('#view-policies details.policy')) > 10);
    assert.ok((await page.count('#histogram rect')) > 5);
  },

  async 'every edge of a written page has a panel that tells its verdicts'({ open, html }) {
    const page = await open(html);
    const edges = JSON.parse(await page.tab.$eval('#flowfence-data', (element) => element.textContent)).edges;
    for (let index = 0; index < edges.length; index += 7) {
      await page.tab.evaluate((at) => { location.hash = `#map?open=*&at=["edge",${at}]`; }, index);
      await page.rest();
      const text = await page.text('#panel');
      assert.match(text, /Egress\s+(Allowed|Denied|Unspecified|Not judged)/, `${index}\n${text}`);
      assert.match(text, /Ingress\s+(Allowed|Denied|Unspecified|Not judged)/, `${index}\n${text}`);
      assert.doesNotMatch(text, /undefined|NaN|\[object/, text);
    }
  },
};
