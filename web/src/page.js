// The page: reads its data, holds the state, and has every view show it.

import { model as modelOf } from './data/model.js';
import { groupName, many } from './data/words.js';
import { fold } from './map/fold.js';
import { map as mapIn } from './map/map.js';
import { placer } from './map/place.js';
import { showPanel } from './panel/panel.js';
import { completenessView } from './report/completeness.js';
import { findingsView } from './report/findings.js';
import { policiesView } from './report/policies.js';
import { proofView } from './report/proof.js';
import { at } from './view/dom.js';
import { clear, filters, showFilters } from './view/filters.js';
import { parse, write } from './view/fragment.js';
import { keys, spoken } from './view/keys.js';
import { showLegend } from './view/legend.js';
import { showList } from './view/list.js';
import { passing } from './view/pass.js';
import { say } from './view/say.js';
import { search } from './view/search.js';
import { showSlider, slider } from './view/slider.js';
import { isFiltered, store } from './view/state.js';
import { showTabs, tabs } from './view/tabs.js';
import { theme } from './view/theme.js';
import { exports } from './export/buttons.js';

const REPORTS = { findings: findingsView, policies: policiesView, proof: proofView, completeness: completenessView };

/** Brings the page to life with checked data. */
export function start(data) {
  const model = modelOf(data);
  const state = store(parse(location.hash, model));
  const page = {
    model,
    state: state.get,
    set: state.set,
    edges: () => page.passing,
    choose: (place) => choose(page, place),
    toggle: (key) => toggle(page, key),
    open: (tab, change) => state.set({ tab, finding: '', policy: '', ...change }),
  };
  page.map = mapIn(at('canvas'), { choose: page.choose, toggle: page.toggle });
  page.place = placer(model);
  for (const part of [tabs, search, filters, slider, keys, exports]) part(page);
  buttons(page);
  reports(page, state);
  state.listen((now, before) => show(page, now, before));
  theme((isDark) => {
    page.map.dress(isDark);
    if (page.passing !== undefined) showLegend(state.get(), page.passing);
  });
  show(page, state.get(), null);
  addEventListener('hashchange', () => {
    if (location.hash !== write(state.get(), model)) state.set(parse(location.hash, model));
  });
}

function buttons(page) {
  const { model } = page;
  at('fit').addEventListener('click', () => page.map.fit());
  at('zoom-in').addEventListener('click', () => page.map.zoom(1.25));
  at('zoom-out').addEventListener('click', () => page.map.zoom(0.8));
  at('expand-all').addEventListener('click', () => {
    page.set({ open: new Set(model.groups.keys()) });
    page.map.fit();
    say('Everything is expanded.');
  });
  at('fold-all').addEventListener('click', () => {
    page.set({ open: new Set() });
    page.map.fit();
    say('Everything is folded.');
  });
  at('show-list').addEventListener('click', () => page.set({ list: !page.state().list }));
  const judged = model.edges.some((edge) => edge.after !== null);
  at('after').disabled = !judged;
  at('no-after').hidden = judged || model.edges.length === 0;
  at('today').addEventListener('click', () => page.set({ after: false, verdict: page.state().verdict === 'cut' ? '' : page.state().verdict }));
  at('after').addEventListener('click', () => page.set({ after: true }));
}

/** Report views are made when they are first looked at, and all of them for a printer. */
function reports(page, state) {
  const made = new Map();
  const make = (tab) => {
    if (REPORTS[tab] !== undefined && !made.has(tab)) made.set(tab, REPORTS[tab](page));
    return made.get(tab);
  };
  const follow = (now, before) => {
    const isNew = before === null || before.tab !== now.tab || before.finding !== now.finding || before.policy !== now.policy;
    if (isNew) make(now.tab)?.(now);
  };
  state.listen(follow);
  addEventListener('beforeprint', () => Object.keys(REPORTS).forEach(make));
  page.follow = follow;
}

function show(page, now, before) {
  const { model } = page;
  showTabs(now);
  if (before === null) page.follow(now, null);
  page.passing = passing(model, now);
  const shown = fold(model, now, page.passing);
  page.map.show(shown, page.place(shown), now);
  showFilters(page, now);
  showSlider(page, now);
  showLegend(now, page.passing);
  showList(page, now, shown);
  showPanel(page, now, page.passing, shown);
  at('today').setAttribute('aria-pressed', String(!now.after));
  at('after').setAttribute('aria-pressed', String(now.after));
  explain(page, now, shown);
  if (before !== null && before.tab !== 'map' && now.tab === 'map') page.map.cy.resize();
  if (before !== null && before.at !== now.at) say(spoken(page, now.at));
  remember(page);
}

/** Writes the fragment once the reader rests: browsers count how often a page changes its address. */
function remember(page) {
  clearTimeout(page.remembering);
  page.remembering = setTimeout(() => {
    const fragment = write(page.state(), page.model);
    if (location.hash !== fragment) history.replaceState(null, '', fragment);
  }, 120);
}

/** Where the map is empty, why. */
function explain(page, now, shown) {
  const { model } = page;
  const empty = model.edges.length === 0 ? (model.nodes.length === 0 ? 'Nothing was recorded: no nodes and no edges. See Completeness for what was read and lost.' : 'No traffic was recorded between these nodes. See Completeness for what was read and lost.') : '';
  const filtered = shown.groups.length + shown.nodes.length === 0 && isFiltered(now, model) ? 'The filters leave nothing. Clear them to see the map again.' : '';
  at('empty').textContent = filtered || empty;
  at('empty').hidden = at('empty').textContent === '';
  const left = shown.links.length - shown.drawn.length;
  at('undrawn').textContent = left > 0 ? `${left.toLocaleString('en')} of ${many(shown.links.length, 'link')} are not drawn, the least busy ones; those of what you choose always are. The list and the CSV have all.` : '';
  at('undrawn').hidden = left <= 0;
}

/** Looks at a place, on the map, and opens what it is folded in. */
function choose(page, place) {
  const now = page.state();
  if (place === null) return page.set({ at: null });
  const open = new Set(now.open);
  const ends = place[0] === 'node' ? [place[1]] : place[0] === 'edge' ? [page.model.edges[place[1]].from, page.model.edges[place[1]].to] : [];
  for (const id of ends) {
    const { group } = page.model.byId.get(id);
    if (group !== null) open.add(group);
  }
  const isSame = open.size === now.open.size;
  const isHidden = ends.some((id) => !visibleNow(page, id));
  page.set({ tab: 'map', at: place, open: isSame ? now.open : open, ...(isHidden ? clear(page) : {}) });
  if (!isSame || now.tab !== 'map') page.map.centre(ends[0] ?? place[1]);
  return undefined;
}

/** Whether filters leave a node. */
function visibleNow(page, id) {
  return !isFiltered(page.state(), page.model) || page.passing.some(({ from, to }) => from === id || to === id);
}

function toggle(page, key) {
  const open = new Set(page.state().open);
  if (!open.delete(key)) open.add(key);
  page.set({ open });
  say(`${groupName(key)} ${open.has(key) ? 'expanded' : 'folded'}.`);
}
