// Names and texts from outside are shown, and nothing else happens.
import assert from 'node:assert/strict';
import { asset } from '../../../web/page.mjs';
import { shop, shopPage } from '../shop.mjs';
import { page as pageOf } from '../../../web/page.mjs';

const HOSTILE = ['</script><script>violated("ran")</script>', '<img src=x onerror=alert(1)>', '"><svg/onload=alert(1)>', 'a\u202Etxt.exe\u0000\u001b[31m\u2028b', '{{constructor.constructor("alert(1)")()}}', 'x'.repeat(10_000), '__proto__', 'constructor', '\ud800', '日本語 ünï 🦀'];

/** Every text of the data becomes hostile, members and structure stay. */
function poisoned(value, key = '') {
  const kept = ['apiVersion', 'kind', 'standing', 'level', 'state', 'protocol', 'egress', 'ingress', 'start', 'end', 'first', 'last'];
  if (typeof value === 'string') return kept.includes(key) ? value : `${value} ${HOSTILE.join(' ')}`;
  if (Array.isArray(value)) return value.map((each) => poisoned(each));
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, each]) => [key === 'labels' ? `${name}<b>` : name, poisoned(each, name)]));
  return value;
}

export const claims = {
  async 'hostile names do not run, and hidden characters are written out'({ open }) {
    const page = await open(pageOf(poisoned(shop())));
    for (const tab of ['Findings', 'Policies', 'Proof', 'Completeness', 'Map']) {
      await page.press(tab);
      await page.rest();
    }
    await page.press('Expand all');
    await page.press('List');
    await page.rest();
    assert.match(await page.text('#list'), /<U\+202E>txt\.exe<U\+0000><U\+001B>\[31m<U\+2028>b/);
    const shown = await page.tab.evaluate(() => document.body.innerText);
    assert.doesNotMatch(shown, /[\u202a-\u202e\u2066-\u2069\u0000-\u0008\u001b]/);
    assert.equal(await page.count('img, #page script, iframe, object, embed'), 0);
    for (const element of await page.tab.$$eval('#page *', (all) => all.flatMap((each) => each.getAttributeNames()).filter((name) => name.startsWith('on')))) assert.fail(element);
  },

  async 'ids that are names of every object are only names'({ open }) {
    const page = await open(pageOf({ apiVersion: 'flowfence.dev/v1', kind: 'Page', nodes: [{ id: '__proto__', kind: 'workload', namespace: 'constructor', name: 'toString' }, { id: 'hasOwnProperty', kind: 'external', name: '__proto__' }], edges: [{ from: '__proto__', to: 'hasOwnProperty', protocol: 'TCP', port: 1, standing: 'allowed' }] }), { fragment: '#map?open=*' });
    assert.match(await page.text('#panel'), /1 edge of 1 among 2 nodes in 1 namespace/);
  },

  async 'the address cannot put anything into the page'({ open }) {
    const page = await open(shopPage(), { fragment: '#map?text=<img src=x onerror=alert(1)>' });
    assert.match(await page.text('#filter-text'), /only “<img src=x/);
    assert.equal(await page.count('img'), 0);
  },

  async 'nothing in the page asks for a network, eval or an inline handler'() {
    const [script, body, style] = ['page.js', 'body.html', 'page.css'].map(asset);
    assert.doesNotMatch(script, /\beval\(|new Function\(|\bfetch\(|XMLHttpRequest|WebSocket|importScripts|innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
    assert.doesNotMatch(body, /\son\w+=|\sstyle=|<script|https?:/i);
    assert.doesNotMatch(style, /url\(|@import/i);
  },
};
