// The file that `graph -o html` writes, made here for tests and the benchmark from data that no recording gave: skeleton, style
// sheet and script of src/output/graph/html under a policy that names them by their hashes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const assets = new URL('../src/output/graph/html/', import.meta.url);

export function asset(name) {
  return readFileSync(new URL(name, assets), 'utf8');
}

/** The page around `data`, a value or the very text of the data element; null leaves the element out. */
export function page(data) {
  const [script, style] = [asset('page.js'), asset('page.css')];
  const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; img-src data: blob:; base-uri 'none'; form-action 'none'`;
  const text = data === null || typeof data === 'string' ? data : JSON.stringify(data);
  const element = text === null ? '' : `<script type="application/json" id="flowfence-data">${embedded(text)}</script>`;
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><title>flowfence</title><style>${style}</style></head><body>${element}${asset('body.html')}<script>${script}</script></body></html>\n`;
}

/** JSON that HTML reads as nothing but text. */
function embedded(text) {
  return text.replace(/[<>&\u2028\u2029]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
