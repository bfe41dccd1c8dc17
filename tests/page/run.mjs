// node run.mjs PACKAGES TOPIC [HTML]: runs the claims of tests/page/TOPIC.mjs and tells what fails. HTML is a real page, where a topic asks for one.
import { readFileSync } from 'node:fs';
import { browser, packages } from './harness.mjs';

const [folder, topic, html] = process.argv.slice(2);
const { claims } = await import(`./topics/${topic}.mjs`);
const tools = packages(folder);
const chromium = await browser(tools);
const failed = [];
try {
  for (const [claim, check] of Object.entries(claims)) {
    const pages = [];
    const open = async (...how) => {
      const page = await chromium.open(...how);
      pages.push(page);
      return page;
    };
    try {
      await check({ open, tools, folder: chromium.folder, html: html === undefined ? null : readFileSync(html, 'utf8') });
      for (const page of pages) if (page.trouble.length > 0) throw new Error(page.trouble.join('\n'));
      console.log(`ok ${claim}`);
    } catch (error) {
      failed.push(claim);
      console.log(`FAILED ${claim}: ${error.stack}`);
    }
    for (const page of pages) await page.close();
  }
} finally {
  await chromium.close();
}
if (Object.keys(claims).length === 0) failed.push('no claims');
process.exitCode = failed.length > 0 ? 1 : 0;
