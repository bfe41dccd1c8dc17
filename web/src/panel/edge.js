// One edge: what flowed, what today's policies say and why, what the recommended ones would, and the rule to add.

import { standingOf } from '../data/standing.js';
import { afterSentence, many, moment, nameOf, octets, portName, traffic, verdictSentence } from '../data/words.js';
import { visible } from '../data/visible.js';
import { facts, h } from '../view/dom.js';
import { badge, code, findingList, go, nodeButton } from './parts.js';

const ORIENTATION = { seen: 'seen: the first packet is in the recording', inferred: 'inferred from ports and order', unknown: 'unknown' };

export function edgePanel(page, index, state) {
  const { model } = page;
  const edge = model.edges[index];
  return [
    h('h2', {}, `${nameOf(model, edge.from)} → ${nameOf(model, edge.to)}`),
    h('p', {}, badge(standingOf(edge, state.after)), ` ${portName(edge)}`, edge.probe ? ', a probe of the node’s own kubelet' : ''),
    verdicts(page, edge),
    afterwards(page, edge),
    flows(page, edge),
    found(page, edge),
  ];
}

function verdicts(page, edge) {
  const { model } = page;
  const policies = new Set(['egress', 'ingress'].flatMap((direction) => [...(edge.deniedBy?.[direction] ?? []), ...(edge.admittedBy?.[direction] ?? []).map(({ policy }) => policy)]).filter((name) => typeof name === 'string'));
  const links = [...policies].filter((name) => model.policiesByName.has(name)).map((name) => go(`Show ${visible(name)}`, () => page.open('policies', { policy: name })));
  return h(
    'section',
    {},
    h('h3', {}, 'Policies of today'),
    facts([
      ['Egress', verdictSentence(model, edge, 'egress')],
      ['Ingress', verdictSentence(model, edge, 'ingress')],
    ]),
    links,
  );
}

function afterwards(page, edge) {
  const { model } = page;
  const rules = edge.rules.map((index) => model.rules[index]).filter((rule) => rule !== undefined);
  if (edge.after === null && rules.length === 0 && edge.withheld === '') return null;
  return h(
    'section',
    {},
    h('h3', {}, 'Recommended policies'),
    h('p', {}, afterSentence(edge)),
    rules.length === 0 && edge.withheld !== '' && edge.after === null ? h('p', {}, `No rule is recommended for it: ${visible(edge.withheld, 400)}.`) : null,
    rules.map((rule) => recommended(page, rule)),
  );
}

function recommended(page, rule) {
  const name = `${visible(rule.policy, 300)}, rule ${visible(rule.field)}`;
  return h(
    'div',
    { class: 'rule' },
    h('h4', {}, `Rule to add: ${name}`),
    rule.why === '' ? null : h('p', { class: 'quiet' }, visible(rule.why, 600)),
    code(rule.yaml, `rule ${visible(rule.field)} of ${visible(rule.policy, 300)}`),
    page.model.policiesByName.has(rule.policy) ? go('Show the whole policy', () => page.open('policies', { policy: rule.policy })) : null,
  );
}

function flows(page, edge) {
  return h(
    'section',
    {},
    h('h3', {}, 'Traffic'),
    facts([
      ['From', nodeButton(page, edge.from)],
      ['To', nodeButton(page, edge.to)],
      ['Seen', traffic(edge)],
      ['First', edge.first === '' ? '' : moment(edge.first)],
      ['Last', edge.last === '' ? '' : moment(edge.last)],
      ['Out', `${many(edge.packets[0], 'packet')}, ${octets(edge.octets[0])}`],
      ['Back', `${many(edge.packets[1], 'packet')}, ${octets(edge.octets[1])}`],
      ['Answered', edge.connections > 0 && !edge.established ? 'no: it went one way, as syslog does' : ''],
      ['Direction', visible(ORIENTATION[edge.orientation] ?? edge.orientation)],
      ['Through service', edge.services.map((name) => visible(name)).join(', ')],
      ['Behind', edge.behind.map((name) => visible(name)).join(', ')],
    ]),
  );
}

function found(page, edge) {
  const findings = page.model.findingsOf(edge);
  return findings.length === 0 ? null : h('section', {}, h('h3', {}, 'Findings'), findingList(page, findings));
}
