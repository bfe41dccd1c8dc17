// The report: what to review first, findings, policies, proof, completeness, and the ways between them and the map.
import assert from 'node:assert/strict';
import { until } from '../harness.mjs';
import { shopPage } from '../shop.mjs';

export const claims = {
  async 'the review leads to a finding, and the finding to its place on the map'({ open }) {
    const page = await open(shopPage());
    await page.press('Findings');
    await page.rest();
    assert.match(await page.text('#view-findings .review'), /shop\/blog scans/);
    await page.press('shop/blog scans', '#view-findings .review');
    await page.rest();
    const focused = await page.tab.evaluate(() => document.activeElement.innerText);
    assert.match(focused, /tried 2 targets/);
    assert.match(focused, /inspect shop\/Deployment\/blog and cut it off/);
    assert.match(focused, /22\/TCP/);
    await page.press('Show on the map', '#view-findings article.error');
    await page.rest();
    assert.equal(await page.text('#panel h2'), 'shop/blog');
  },

  async 'findings are filtered and sorted'({ open }) {
    const page = await open(shopPage(), { fragment: '#findings' });
    const titles = () => page.tab.$$eval('#finding-list article h3', (all) => all.map((each) => each.textContent));
    assert.equal((await titles()).length, 3);
    assert.match((await titles())[0], /^error/);
    const [level, , sort] = await page.tab.$$('#view-findings select');
    await level.select('warning');
    assert.equal((await titles()).length, 1);
    await level.select('');
    await sort.select('rule');
    assert.match((await titles())[2], /no policy covers/);
  },

  async 'a policy shows its text, difference and evidence, and leads to its workload'({ open }) {
    const page = await open(shopPage(), { fragment: '#policies' });
    assert.match(await page.text('#view-policies'), /2 policies: 1 new, 1 removed\./);
    await page.press('new shop/flowfence-api');
    const text = await page.text('details.policy.new');
    for (const part of ['is new', 'ingress[0]: 7 connections from shop/Deployment/web', '+apiVersion: networking.k8s.io/v1', 'podSelector']) assert.ok(text.includes(part), part);
    const colours = await page.tab.$$eval('.diff span', (lines) => lines.map((line) => getComputedStyle(line).backgroundColor));
    assert.ok(new Set(colours).size >= 2, String(colours));
    await page.press('shop/api', 'details.policy.new');
    await page.rest();
    assert.equal(await page.text('#panel h2'), 'shop/api');
  },

  async 'the proof is told in words'({ open }) {
    const page = await open(shopPage(), { fragment: '#proof' });
    const text = await page.text('#view-proof');
    for (const part of ['They admit 2 of the 2 genuine edges that were observed, and cut none.', 'Of 20 ways between workloads that are open today, 2 stay open.', 'nodes: shop/Deployment/web, ingress, 8080/TCP, every node', 'shop/Deployment/api → apiserver, ICMP', 'Verdict: keep watching.', '3 workloads ready, 1 to watch further']) assert.ok(text.includes(part), `${part}\n${text}`);
  },

  async 'what was lost is told by cause'({ open }) {
    const page = await open(shopPage(), { fragment: '#completeness' });
    const text = await page.text('#view-completeness');
    for (const part of ['Read: 900 packets, 80 flow records.', '1.20 % was lost.', '1 of 5 pods could not be seen.', 'broken checksum', 'node1.pcap']) assert.ok(text.includes(part), `${part}\n${text}`);
  },

  async 'all of it is printed'({ open }) {
    const page = await open(shopPage());
    await page.tab.emulateMediaType('print');
    await page.tab.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    for (const part of ['#view-map', '#view-findings', '#view-policies', '#view-proof', '#view-completeness']) assert.ok((await page.text(part)).length > 20, part);
    assert.ok((await page.tab.pdf()).length > 10_000);
  },

  async 'without policies, proof, window or findings each view says so'({ open }) {
    const bare = (data) => ({ apiVersion: data.apiVersion, kind: data.kind, nodes: data.nodes.map(({ id, kind, name, namespace }) => ({ id, kind, name, namespace })), edges: data.edges.map(({ from, to, protocol, port, standing }) => ({ from, to, protocol, port, standing })) });
    const page = await open(shopPage(bare));
    assert.match(await page.text('#panel'), /does not tell when it was made/);
    assert.match(await page.text('#panel'), /No policies are in this page/);
    assert.match(await page.text('#view-map'), /No time slider/);
    assert.match(await page.text('#view-map'), /No recommended policies to compare with/);
    for (const [tab, words] of [['Findings', /There are no findings/], ['Policies', /holds no policies/], ['Proof', /holds no proof/], ['Completeness', /does not tell what was lost/]]) {
      await page.press(tab);
      await until(tab, async () => words.test(await page.text(`#view-${tab.toLowerCase()}`)));
    }
    await page.tab.evaluate(() => { location.hash = '#map?at=["edge",0]'; });
    await until('an edge without anything', async () => /shop\/web → shop\/api/.test(await page.text('#panel')));
  },
};
