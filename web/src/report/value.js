// Any value of a report in words: evidence and proofs grow members, and a new one must be readable without a new page.

import { moment, plain } from '../data/words.js';
import { visible } from '../data/visible.js';
import { isObject } from '../data/read.js';
import { facts, h } from '../view/dom.js';

const MOST = 100;
const DEEPEST = 6;

export function value(of, depth = 0) {
  if (of === null || of === undefined) return 'none';
  if (typeof of === 'boolean') return of ? 'yes' : 'no';
  if (typeof of === 'number') return of.toLocaleString('en', { maximumFractionDigits: 4 });
  if (typeof of === 'string') return /^\d{4}-\d\d-\d\dT\d\d:/.test(of) ? moment(of) : visible(of, 2000);
  if (depth > DEEPEST) return '…';
  if (Array.isArray(of)) return list(of, depth);
  return isEdge(of) ? edgeText(of) : facts(Object.entries(of).filter(([, each]) => each !== null && !isEmpty(each)).map(([key, each]) => [plain(key), value(each, depth + 1)]));
}

function list(of, depth) {
  if (of.length === 0) return 'none';
  const short = of.every((each) => !isObject(each) && !Array.isArray(each) && String(each).length < 24);
  const more = of.length > MOST ? ` and ${of.length - MOST} more` : '';
  if (short) return `${of.slice(0, MOST).map((each) => value(each)).join(', ')}${more}`;
  return h('ul', {}, of.slice(0, MOST).map((each) => h('li', {}, value(each, depth + 1))), more === '' ? null : h('li', {}, more));
}

function isEdge(of) {
  return typeof of.from === 'string' && typeof of.to === 'string' && typeof of.protocol === 'string';
}

/** An edge or an excess: `shop/web → shop/api, 80/TCP (why)`. */
export function edgeText(edge) {
  const ports = edge.ports ?? edge.port;
  const port = Array.isArray(ports) ? ports.join(',') : ports;
  const what = port === null || port === undefined ? edge.protocol : `${port}/${edge.protocol}`;
  return visible(`${edge.from} → ${edge.to}, ${what}${typeof edge.why === 'string' ? ` (${edge.why})` : ''}`, 600);
}

function isEmpty(each) {
  return (Array.isArray(each) && each.length === 0) || (isObject(each) && Object.keys(each).length === 0);
}
