// The filters of the tool bar, which read and write the state.

import { STANDING } from '../data/words.js';
import { visible } from '../data/visible.js';
import { at, fill, h } from './dom.js';
import { fresh, isFiltered } from './state.js';

export function filters(page) {
  const { model } = page;
  fill(at('filter-ns'), option('', 'all'), model.namespaces.map((name) => option(name, visible(name, 60))));
  const standings = ['allowed', 'denied', 'unspecified', 'probe', 'attempted', 'cut'];
  fill(at('filter-verdict'), option('', 'all'), standings.map((standing) => option(standing, STANDING[standing])));
  fill(at('ports'), model.ports.slice(0, 60).map((port) => h('option', { value: port.split('/')[0] })));
  on('filter-ns', 'change', (input) => page.set({ ns: input.value }));
  on('filter-verdict', 'change', (input) => page.set({ verdict: input.value, after: input.value === 'cut' ? true : page.state().after }));
  on('filter-port', 'input', (input) => page.set({ port: /^\d{1,5}$/.test(input.value) ? input.value : '' }));
  on('filter-findings', 'change', (input) => page.set({ findings: input.checked }));
  on('show-unused', 'change', (input) => page.set({ unused: input.checked }));
  at('show-unused').disabled = model.unused.length === 0;
  on('filter-clear', 'click', () => page.set(clear(page)));
}

export function clear(page) {
  const { ns, verdict, port, text, findings, span } = fresh(page.model);
  return { ns, verdict, port, text, findings, span };
}

export function showFilters(page, state) {
  at('filter-ns').value = state.ns;
  at('filter-verdict').value = state.verdict;
  if (document.activeElement !== at('filter-port')) at('filter-port').value = state.port;
  at('filter-findings').checked = state.findings;
  at('show-unused').checked = state.unused;
  at('filter-clear').disabled = !isFiltered(state, page.model);
  at('filter-text').textContent = state.text === '' ? '' : `only “${visible(state.text, 40)}”`;
}

function option(value, text) {
  return h('option', { value }, text);
}

function on(id, event, act) {
  at(id).addEventListener(event, ({ currentTarget }) => act(currentTarget));
}
