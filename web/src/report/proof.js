// The proof in words: what was replayed against the recommended set, what it cuts, what it admits beyond use.

import { many } from '../data/words.js';
import { at, fill, h } from '../view/dom.js';
import { isObject } from '../data/read.js';
import { breaks, cutSentence } from './breaks.js';
import { edgeText, value } from './value.js';

export function proofView(page) {
  const { proof, readiness, refused } = page.model;
  fill(
    at('view-proof'),
    breaks(page),
    h('h2', {}, 'Proof'),
    proof === null
      ? h('p', {}, refused !== '' ? value(refused) : 'This page holds no proof: no policies were recommended when it was written.')
      : [
          h('p', {}, 'Every genuine connection of the recording was replayed against the recommended policies before they were written.'),
          cutSentence(page),
          part('The recommended policies by themselves', proof.alone),
          part('Beside the policies of today', proof.beside),
          rest('Wider than used, on purpose', proof.declared, 'nothing'),
          rest('Seen, and nothing that NetworkPolicy can say', proof.inexpressible, 'nothing'),
        ],
    ready(readiness),
  );
  return () => {};
}

function part(title, proof) {
  if (!isObject(proof)) return null;
  const cut = Array.isArray(proof.cut) ? proof.cut : [];
  const excess = Array.isArray(proof.excess) ? proof.excess : [];
  return h(
    'section',
    {},
    h('h3', {}, title),
    h('p', {}, `They admit ${number(proof.admitted)} of the ${number(proof.observed)} genuine edges that were observed${cut.length === 0 ? ', and cut none' : ''}.`),
    cut.length === 0 ? null : [h('p', { class: 'verdict' }, `They would cut ${many(cut.length, 'genuine edge')}:`), edges(cut)],
    h('p', {}, `Of ${number(proof.reachableBefore)} ways between workloads that are open today, ${number(proof.reachableAfter)} stay open.`),
    excess.length === 0 ? h('p', {}, 'Between known workloads they admit nothing that was not used.') : [h('p', {}, `They admit ${many(excess.length, 'way')} that nobody used:`), edges(excess)],
  );
}

function edges(list) {
  return h('ul', {}, list.slice(0, 200).map((edge) => h('li', {}, isObject(edge) ? edgeText(edge) : value(edge))), list.length > 200 ? h('li', {}, `${list.length - 200} more`) : null);
}

function rest(title, list, none) {
  const items = Array.isArray(list) ? list : [];
  return h('section', {}, h('h3', {}, title), items.length === 0 ? h('p', {}, `${none}.`) : h('ul', {}, items.slice(0, 200).map((each) => h('li', {}, declared(each))), items.length > 200 ? h('li', {}, `${items.length - 200} more`) : null));
}

/** `nodes: ops/Deployment/scraper, egress, 9100/TCP: every node…`. */
function declared(each) {
  if (!isObject(each) || typeof each.subject !== 'string') return value(each);
  const port = each.port === null || each.port === undefined ? each.protocol : `${each.port}/${each.protocol}`;
  return value([`${each.kind}: ${each.subject}`, each.direction, each.peer, port, each.why].filter((part_) => typeof part_ === 'string').join(', '));
}

function ready(readiness) {
  if (readiness === null) return null;
  const all = isObject(readiness.all) ? readiness.all : readiness;
  const counts = isObject(all.workloads) ? all.workloads : {};
  return h(
    'section',
    {},
    h('h2', {}, 'Was it watched for long enough?'),
    typeof all.verdict === 'string' ? h('p', { class: 'verdict' }, `Verdict: ${value(all.verdict)}.`) : null,
    Number.isFinite(counts.ready) ? h('p', {}, `${many(counts.ready, 'workload')} ready, ${number(counts.keepWatching)} to watch further, ${number(counts.blind)} that could not be seen.`) : null,
    h('details', {}, h('summary', {}, 'Details'), value(readiness)),
  );
}

function number(of) {
  return Number.isFinite(of) ? of.toLocaleString('en') : 'an unknown number';
}
