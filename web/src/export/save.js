// Files that the page gives to its reader.

import { h } from '../view/dom.js';

/** Offers `content` as a file. */
export function save(name, type, content) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const address = URL.createObjectURL(blob);
  const link = h('a', { href: address, download: name.replace(/[^\w.-]+/g, '-'), class: 'away' });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
