// A browser that watches the page: no request leaves it, and every error, violation and dialog is kept.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Packages of tests/page/build. */
export function packages(folder) {
  const require = createRequire(path.join(folder, 'x.js'));
  return { puppeteer: require('puppeteer-core'), axe: require.resolve('axe-core/axe.min.js'), load: (name) => import(require.resolve(name)) };
}

/** The browser in PATH. */
function chromium() {
  const found = (process.env.PATH ?? '').split(':').map((folder) => path.join(folder, 'chromium')).find(existsSync);
  if (found === undefined) throw new Error('chromium is not in PATH');
  return found;
}

export async function browser({ puppeteer }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'flowfence-page-'));
  const args = ['--disable-gpu', '--font-render-hinting=none', '--force-color-profile=srgb', '--hide-scrollbars'];
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  const running = await puppeteer.launch({ executablePath: chromium(), args, userDataDir: path.join(folder, 'profile') });
  let files = 0;
  return {
    running,
    folder,
    /** Opens a page of `html` from a file, with the network off. */
    async open(html, { fragment = '', width = 1400, height = 900, features = [] } = {}) {
      const file = path.join(folder, `page-${files += 1}.html`);
      writeFileSync(file, html);
      return opened(running, `file://${file}${fragment}`, { width, height, features });
    },
    async close() {
      await running.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function opened(running, address, { width, height, features }) {
  const tab = await running.newPage();
  const trouble = [];
  await tab.setViewport({ width, height });
  await tab.setOfflineMode(true);
  await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }, ...features]);
  tab.on('console', (message) => ['error', 'warn'].includes(message.type()) && trouble.push(`console: ${message.text()}`));
  tab.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
  tab.on('request', (request) => /^(file|data|blob):/.test(request.url()) || trouble.push(`request: ${request.url()}`));
  tab.on('dialog', async (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  await tab.exposeFunction('violated', (text) => trouble.push(`violation: ${text}`));
  await tab.evaluateOnNewDocument(() => document.addEventListener('securitypolicyviolation', (event) => window.violated(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`)));
  const session = await tab.createCDPSession();
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  await tab.goto(address);
  return {
    session,
    tab,
    trouble,
    address,
    text: (selector) => tab.$eval(selector, (element) => element.innerText),
    count: (selector) => tab.$$eval(selector, (elements) => elements.length),
    /** Clicks the first visible button, tab, link or summary that says exactly this. */
    press: (words, within = 'body') => press(tab, words, within),
    key: (name) => tab.keyboard.press(name),
    rest: () => tab.evaluate(() => new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => resolve()), 220))),
    close: () => tab.close(),
  };
}

async function press(tab, words, within) {
  const handle = await tab.evaluateHandle(
    (text, root) => [...document.querySelector(root).querySelectorAll('button, summary')].find((element) => element.innerText.replace(/\s+/g, ' ').trim().startsWith(text) && element.checkVisibility()),
    words,
    within,
  );
  const element = handle.asElement();
  if (element === null) throw new Error(`nothing to press says “${words}”`);
  await element.click();
}

/** Asks until it is so, for at most five seconds. */
export async function until(what, ask) {
  const end = Date.now() + 5000;
  for (;;) {
    if (await ask()) return;
    if (Date.now() > end) throw new Error(`never so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
