// Light or dark: the system's, until the reader says otherwise.

import { at } from './dom.js';

const system = matchMedia('(prefers-color-scheme: dark)');

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === undefined ? system.matches : chosen === 'dark';
}

/** Calls `dress(isDark)` now and whenever it changes. */
export function theme(dress) {
  const apply = () => {
    at('theme').setAttribute('aria-pressed', String(isDark()));
    dress(isDark());
  };
  system.addEventListener('change', apply);
  at('theme').addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    apply();
  });
  apply();
}
