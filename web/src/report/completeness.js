// What the recording could not see, by cause: the first thing to know before believing the rest.

import { many, moment, plain } from '../data/words.js';
import { at, fill, h, table } from '../view/dom.js';
import { isObject } from '../data/read.js';
import { value } from './value.js';

/** Members that the sentences tell. */
const TOLD = ['packets', 'records', 'logLines', 'loss', 'counts', 'files', 'pods', 'podsUnseen', 'podsUnseenShare'];

export function completenessView(page) {
  const { model } = page;
  const told = model.completeness;
  if (told === null) {
    fill(at('view-completeness'), h('h2', {}, 'Completeness'), h('p', {}, 'This page does not tell what was lost.'));
    return () => {};
  }
  const rest = Object.entries(told).filter(([key, each]) => !TOLD.includes(key) && !isNothing(each));
  fill(
    at('view-completeness'),
    h('h2', {}, 'Completeness'),
    h('p', {}, model.window === null ? 'The recording does not tell when it was made.' : `Recorded ${moment(model.window.start)} to ${moment(model.window.end)}.`),
    h('p', {}, read(told)),
    h('p', { class: 'verdict' }, loss(told)),
    h('p', {}, unseen(told)),
    isObject(told.counts) && Object.keys(told.counts).length > 0 ? table('Left out, by cause', ['Cause', 'Number'], Object.entries(told.counts).map(([cause, number]) => [plain(cause), value(number)])) : h('p', {}, 'Nothing was left out.'),
    Array.isArray(told.files) && told.files.length > 0 ? files(told.files.filter(isObject)) : null,
    rest.length === 0 ? null : [h('h3', {}, 'Further'), h('dl', { class: 'facts' }, rest.map(([key, each]) => [h('dt', {}, plain(key)), h('dd', {}, value(each))]))],
  );
  return () => {};
}

function read(told) {
  const parts = [];
  if (told.packets > 0) parts.push(many(told.packets, 'packet'));
  if (told.logLines > 0) parts.push(many(told.logLines, 'log line'));
  if (told.records > 0) parts.push(many(told.records, 'flow record'));
  return parts.length === 0 ? 'Nothing was read.' : `Read: ${parts.join(', ')}.`;
}

function loss(told) {
  if (!Number.isFinite(told.loss)) return 'How much was lost is not known.';
  return told.loss === 0 ? 'No loss was counted.' : `${(told.loss * 100).toPrecision(3)} % was lost.`;
}

function unseen(told) {
  if (!Number.isFinite(told.pods) || told.pods === 0) return 'No pods are known: addresses stay addresses.';
  return told.podsUnseen > 0 ? `${told.podsUnseen} of ${many(told.pods, 'pod')} could not be seen.` : `Each of ${many(told.pods, 'pod')} could be seen.`;
}

function files(list) {
  const keys = [...new Set(list.flatMap((file) => Object.keys(file)))];
  return table('Files', keys.map(plain), list.slice(0, 500).map((file) => keys.map((key) => value(file[key]))));
}

function isNothing(each) {
  return each === null || each === 0 || (Array.isArray(each) && each.length === 0) || (isObject(each) && Object.values(each).every(isNothing));
}
