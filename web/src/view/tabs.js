// The five views of the page, as tabs.

import { at } from './dom.js';
import { TABS } from './state.js';

export function tabs(page) {
  for (const tab of TABS) at(`tab-${tab}`).addEventListener('click', () => page.set({ tab }));
  at('tabs').addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const tab = TABS[(TABS.indexOf(page.state().tab) + step + TABS.length) % TABS.length];
    page.set({ tab });
    at(`tab-${tab}`).focus();
    event.preventDefault();
  });
}

export function showTabs(state) {
  for (const tab of TABS) {
    const isOn = tab === state.tab;
    at(`tab-${tab}`).setAttribute('aria-selected', String(isOn));
    at(`tab-${tab}`).tabIndex = isOn ? 0 : -1;
    at(`view-${tab}`).classList.toggle('off', !isOn);
  }
}
