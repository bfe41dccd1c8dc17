// node bundle.mjs PACKAGES OUT: one script, one style sheet, the skeleton, and the licences of what the script holds.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [packages, out] = process.argv.slice(2);
const modules = path.resolve(packages, 'node_modules');
const here = path.dirname(fileURLToPath(import.meta.url));
const { build } = createRequire(path.join(modules, 'x.js'))('esbuild');

/** What the packages were built of themselves, and do not say in a notice: name, licence, source. */
const INSIDE = { cytoscape: ['lodash (MIT), Copyright OpenJS Foundation and other contributors, https://lodash.com', 'heap (MIT), Copyright Qiao Cheng, https://github.com/qiao/heap.js'] };

const built = await build({
  absWorkingDir: here,
  entryPoints: ['src/main.js'],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'ascii',
  legalComments: 'external',
  outfile: 'page.js',
  nodePaths: [modules],
  metafile: true,
  write: false,
  logLevel: 'warning',
});
const output = (end) => built.outputFiles.find(({ path: name }) => name.endsWith(end)).text;
const script = output('page.js');
// The script stands in HTML, where these would end it or hide what follows.
for (const breaking of ['</script', '<!--', '<script']) {
  if (script.toLowerCase().includes(breaking)) throw new Error(`the bundle holds ${breaking}, which HTML would read`);
}
const style = await build({ absWorkingDir: here, entryPoints: ['src/page.css'], minify: true, write: false, charset: 'utf8' });
writeFileSync(path.join(out, 'page.js'), script);
writeFileSync(path.join(out, 'page.css'), style.outputFiles[0].text);
writeFileSync(path.join(out, 'body.html'), readFileSync(path.join(here, 'src/body.html')));
writeFileSync(path.join(out, 'LICENSES.txt'), licences(Object.keys(built.metafile.inputs), output('.LEGAL.txt')));

function licences(inputs, notices) {
  const names = new Set();
  for (const input of inputs) {
    const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match !== null) names.add(match[1]);
  }
  const texts = [...names].sort().map((name) => {
    const folder = path.join(modules, name);
    const { version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    if (!['MIT', 'ISC', 'BSD-3-Clause', 'Apache-2.0'].includes(license)) throw new Error(`${name} is under ${license}`);
    return `${name} ${version} (${license})\n\n${readFileSync(path.join(folder, 'LICENSE'), 'utf8').replaceAll('\r\n', '\n').trim()}\n`;
  });
  const inside = [...names].sort().flatMap((name) => (INSIDE[name] ?? []).map((part) => `${part}, in ${name}\n`)).join('');
  return `What page.js holds beside flowfence's own code.\n\n${[...texts, inside, `Notices in what is bundled:\n\n${notices.trim()}\n`].join(`\n${'-'.repeat(72)}\n\n`)}`;
}
