// The policies: what each is, how it differs from today's, what speaks for it, and its text to take away.

import { many, nameOf } from '../data/words.js';
import { visible, visibleLines } from '../data/visible.js';
import { at, facts, fill, h } from '../view/dom.js';
import { policiesOf } from '../panel/node.js';
import { code, go } from '../panel/parts.js';
import { cutSentence } from './breaks.js';
import { save } from '../export/save.js';

const STATES = { new: 'is new', changed: 'changes', kept: 'stays as it is', removed: 'goes' };

export function policiesView(page) {
  const { model } = page;
  if (model.policies.length === 0) {
    fill(at('view-policies'), h('h2', {}, 'Policies'), h('p', {}, model.refused !== '' ? visible(model.refused, 1000) : 'This page holds no policies: none exist, or none were asked for when it was written. Give `flowfence graph -o html` the cluster’s objects to have them recommended.'));
    return () => {};
  }
  const workloads = workloadsOf(model);
  const counts = Object.keys(STATES).map((state) => [state, model.policies.filter((policy) => policy.state === state).length]).filter(([, number]) => number > 0);
  const all = model.policies.filter(({ state, yaml }) => state !== 'removed' && yaml !== '');
  fill(
    at('view-policies'),
    h('h2', {}, 'Policies'),
    model.refused === '' ? null : h('p', { class: 'verdict' }, visible(model.refused, 1000)),
    h('p', {}, `${many(model.policies.length, 'policy', 'policies')}: ${counts.map(([state, number]) => `${number} ${state}`).join(', ')}.`),
    cutSentence(page),
    all.length === 0 ? null : h('p', {}, h('button', { type: 'button', onclick: () => save('policies.yaml', 'application/yaml', joined(all)) }, 'Download all')),
    model.policies.map((policy) => card(page, policy, workloads.get(policy.name) ?? [])),
  );
  return (state) => reveal(state);
}

function card(page, policy, ids) {
  const name = visible(policy.name, 300);
  return h(
    'details',
    { class: `card policy ${policy.state}`, 'data-policy': policy.name },
    h('summary', {}, h('span', { class: `state ${policy.state}` }, visible(policy.state)), ` ${name} `, h('span', { class: 'quiet' }, `${visible(policy.kind)}, ${STATES[policy.state] ?? visible(policy.state)}`)),
    facts([
      ['File', visible(policy.file, 300)],
      ['Workloads', ids.length === 0 ? '' : h('ul', {}, ids.slice(0, 40).map((id) => h('li', {}, go(nameOf(page.model, id), () => page.choose(['node', id])))))],
      ['Evidence', policy.evidence.length === 0 ? '' : h('ul', {}, policy.evidence.slice(0, 200).map((line) => h('li', {}, visible(line, 600))))],
    ]),
    policy.diff === '' ? null : [h('h4', {}, 'Difference from today'), diff(policy.diff, name)],
    policy.yaml === '' ? null : [h('h4', {}, policy.state === 'removed' ? 'What goes' : 'Text'), code(policy.yaml, `policy ${name}`, `${policy.name.split('/').at(-1)}.yaml`)],
    policy.before === '' || policy.diff !== '' ? null : [h('h4', {}, 'Before'), code(policy.before, `policy ${name} before`)],
  );
}

/** A unified difference; the sign stays in the text, so colour is not needed. */
function diff(text, name) {
  const kind = (line) => (/^(---|\+\+\+)/.test(line) ? 'head' : line.startsWith('@@') ? 'hunk' : line.startsWith('+') ? 'plus' : line.startsWith('-') ? 'minus' : '');
  const lines = visibleLines(text).replace(/\n$/, '').split('\n');
  return h('pre', { class: 'diff', tabindex: '0', role: 'region', 'aria-label': `Difference of ${name}` }, lines.map((line) => h('span', { class: kind(line) }, `${line}\n`)));
}

function joined(policies) {
  return policies.map(({ yaml }) => `---\n${yaml.replace(/^---\n/, '')}${yaml.endsWith('\n') ? '' : '\n'}`).join('');
}

function workloadsOf(model) {
  const workloads = new Map();
  for (const node of model.byId.values()) {
    for (const name of policiesOf(model, node)) {
      if (!workloads.has(name)) workloads.set(name, []);
      workloads.get(name).push(node.id);
    }
  }
  return workloads;
}

function reveal(state) {
  if (state.policy === '') return;
  const found = [...at('view-policies').querySelectorAll('details.policy')].find((each) => each.dataset.policy === state.policy);
  if (found === undefined) return;
  found.open = true;
  found.scrollIntoView({ block: 'start' });
  found.querySelector('summary').focus();
}
