// One live region for what a screen reader should hear.

import { at } from './dom.js';

/** Says a sentence, politely. */
export function say(text) {
  at('live').textContent = text;
}
