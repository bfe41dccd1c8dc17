// A reader with the page alone, who goes by the texts that are visible: who scanned whom, and which rule is to be added?
// With a page of the shop's recording that the program wrote where there is one, else with the sample.
import assert from 'node:assert/strict';
import { shopPage } from '../shop.mjs';

export const claims = {
  async 'the page tells who scanned whom, and which rule to add'({ open, html }) {
    const page = await open(html ?? shopPage());
    await page.press('Findings');
    await page.rest();
    const cards = await page.tab.$$eval('#finding-list article', (all) => all.map((each) => each.innerText));
    const scan = cards.find((text) => /Rule\s+port-scan/.test(text));
    assert.ok(scan !== undefined, cards.join('\n'));
    const [, scanner] = /From\s+(\S+\/\S+)/.exec(scan);
    assert.equal(scanner, 'shop/blog');

    const title = scan.split('\n')[0].replace(/^error\s*/, '');
    const button = await page.tab.evaluateHandle((words) => [...document.querySelectorAll('#finding-list article')].find((each) => each.innerText.includes(words)).querySelector(':scope > .go'), title);
    await button.asElement().click();
    await page.rest();
    const panel = await page.text('#panel');
    assert.match(panel, /shop\/blog/);
    for (const scanned of ['shop/web', 'shop/api']) assert.ok(panel.includes(`shop/blog → ${scanned}`), `${scanned}\n${panel}`);

    await page.tab.type('#search', 'shop/api');
    await page.key('Enter');
    await page.rest();
    assert.equal(await page.text('#panel h2'), 'shop/api');
    const asked = await page.tab.evaluateHandle(() => [...document.querySelectorAll('#panel .edges li')].find((each) => each.innerText.startsWith('allowed shop/web → shop/api')).querySelector('.go'));
    await asked.asElement().click();
    await page.rest();
    const edge = await page.text('#panel');
    const rule = /Rule to add: (\S+), rule (\S+)/.exec(edge);
    assert.ok(rule !== null, edge);
    assert.match(rule[1], /^shop\/flowfence-(api|web)$/);
    assert.match(edge, /app: (web|api)/);
    const [, port] = /allowed (\d+)\/TCP/.exec(edge);
    assert.ok(edge.includes(`port: ${port}`), edge);

    await page.press('Show the whole policy', '#panel');
    await page.rest();
    assert.match(await page.text('details.policy[open]'), /kind: NetworkPolicy/);
  },
};
