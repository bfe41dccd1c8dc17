// The state in the address: `#map?open=ns/shop&at=n:shop/Deployment/web`. It is read as carefully as any text from outside:
// bounded, and what the data does not know is left out.

import { TABS, fresh } from './state.js';
import { ORDER } from '../data/standing.js';

const LONGEST = 4000;

export function write(state, model) {
  const start = fresh(model);
  const query = new URLSearchParams();
  if (state.open.size > 0) query.set('open', state.open.size === model.groups.size ? '*' : JSON.stringify([...state.open].sort()));
  if (state.at !== null) query.set('at', JSON.stringify(state.at));
  for (const key of ['ns', 'verdict', 'port', 'text', 'finding', 'policy']) if (state[key] !== '') query.set(key, state[key]);
  for (const key of ['findings', 'unused', 'after', 'list']) if (state[key]) query.set(key, '1');
  if (state.span[0] !== start.span[0] || state.span[1] !== start.span[1]) query.set('span', state.span.join('-'));
  const text = query.toString();
  if (text === '') return `#${state.tab}`;
  if (text.length <= LONGEST) return `#${state.tab}?${text}`;
  query.delete('open');
  return query.toString().length <= LONGEST ? `#${state.tab}?${query}` : `#${state.tab}`;
}

export function parse(fragment, model) {
  const state = fresh(model);
  if (fragment.length > LONGEST + 100) return state;
  const [tab, query = ''] = fragment.replace(/^#/, '').split(/\?(.*)/s);
  if (TABS.includes(tab)) state.tab = tab;
  const asked = new URLSearchParams(query);
  state.open = groups(asked.get('open'), model);
  state.at = place(json(asked.get('at')), model);
  if (model.namespaces.includes(asked.get('ns'))) state.ns = asked.get('ns');
  if (ORDER.includes(asked.get('verdict'))) state.verdict = asked.get('verdict');
  if (/^\d{1,5}$/.test(asked.get('port') ?? '')) state.port = asked.get('port');
  state.text = (asked.get('text') ?? '').slice(0, 200);
  if (model.findingsById.has(asked.get('finding'))) state.finding = asked.get('finding');
  if (model.policiesByName.has(asked.get('policy'))) state.policy = asked.get('policy');
  for (const key of ['findings', 'unused', 'after', 'list']) state[key] = asked.get(key) === '1';
  state.span = span(asked.get('span'), model) ?? state.span;
  return state;
}

function groups(text, model) {
  if (text === '*') return new Set(model.groups.keys());
  const named = json(text);
  return new Set(Array.isArray(named) ? named.filter((key) => model.groups.has(key)) : []);
}

/** What is looked at: `["node", id]`, `["group", key]`, `["edge", index]` or `["link", from, to, standing]`. */
function place(value, model) {
  if (!Array.isArray(value)) return null;
  const [kind, first, second, third] = value;
  const isEnd = (id) => model.byId.has(id) || model.groups.has(id);
  if (kind === 'node' && model.byId.has(first)) return ['node', first];
  if (kind === 'group' && model.groups.has(first)) return ['group', first];
  if (kind === 'edge' && Number.isInteger(first) && model.edges[first] !== undefined) return ['edge', first];
  if (kind === 'link' && isEnd(first) && isEnd(second) && ORDER.includes(third)) return ['link', first, second, third];
  return null;
}

function span(text, model) {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text ?? '');
  if (match === null || model.slices === null) return null;
  const [from, to] = [Number(match[1]), Number(match[2])];
  return from < to && to <= model.slices.count ? [from, to] : null;
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
