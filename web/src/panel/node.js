// One node: who it is, whether it is isolated, what was found, who it talks to.

import { isolation, many, nodeName } from '../data/words.js';
import { isNewlyIsolated } from '../data/standing.js';
import { visible } from '../data/visible.js';
import { facts, h } from '../view/dom.js';
import { edgeList, findingList, go } from './parts.js';

export function nodePanel(page, id, state, edges) {
  const node = page.model.byId.get(id);
  const passing = new Set(edges);
  const out = node.edges.filter((edge) => edge.from === id && passing.has(edge));
  const incoming = node.edges.filter((edge) => edge.to === id && edge.from !== id && passing.has(edge));
  const policies = policiesOf(page.model, node);
  return [
    h('h2', {}, nodeName(node)),
    h('p', { class: 'quiet' }, `${visible(node.kind)}, ${visible(node.id, 300)}`),
    facts([
      ['Isolation today', node.isolated === null && node.after === null ? '' : isolation(node.isolated)],
      ['Under the recommended policies', node.after === null ? '' : `${isolation(node.after)}${isNewlyIsolated(node) ? ' (new)' : ''}`],
      ['Names', node.fqdns.map((name) => visible(name)).join(', ')],
      ['Labels', node.labels.length === 0 ? '' : h('ul', { class: 'labels' }, node.labels.slice(0, 50).map((label) => h('li', {}, visible(label, 200))))],
    ]),
    node.findings.length === 0 ? null : h('section', {}, h('h3', {}, 'Findings'), findingList(page, node.findings)),
    h('section', {}, h('h3', {}, `It asks (${many(out.length, 'edge')})`), edgeList(page, out, state)),
    h('section', {}, h('h3', {}, `It is asked (${many(incoming.length, 'edge')})`), edgeList(page, incoming, state)),
    policies.length === 0 ? null : h('section', {}, h('h3', {}, 'Policies'), h('ul', {}, policies.map((name) => h('li', {}, policyButton(page, name))))),
  ];
}

function policyButton(page, name) {
  return page.model.policiesByName.has(name) ? go(visible(name, 300), () => page.open('policies', { policy: name })) : visible(name, 300);
}

/** Policies that decide about edges at this end, today's and recommended. */
export function policiesOf(model, node) {
  const names = new Set();
  for (const edge of node.edges) {
    for (const direction of ['egress', 'ingress']) {
      if ((direction === 'egress' ? edge.from : edge.to) !== node.id) continue;
      for (const name of edge.deniedBy?.[direction] ?? []) names.add(name);
      for (const { policy } of edge.admittedBy?.[direction] ?? []) if (typeof policy === 'string') names.add(policy);
    }
    for (const index of edge.rules) {
      const rule = model.rules[index];
      if (rule !== undefined && isAt(rule, edge, node)) names.add(rule.policy);
    }
  }
  return [...names].sort();
}

/** A rule of an edge belongs to the end that its direction and namespace name. */
function isAt(rule, edge, node) {
  const end = rule.field.startsWith('egress') ? edge.from : edge.to;
  return end === node.id && rule.policy.split('/')[0] === node.namespace;
}
