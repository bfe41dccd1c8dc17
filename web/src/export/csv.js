// The edges that are seen, as a table for other programs.

import { standingOf } from '../data/standing.js';

const COLUMNS = [
  ['from', (edge) => edge.from],
  ['to', (edge) => edge.to],
  ['protocol', (edge) => edge.protocol],
  ['port', (edge) => edge.port ?? ''],
  ['standing', (edge, after) => standingOf(edge, after)],
  ['egress', (edge) => edge.verdict.egress],
  ['ingress', (edge) => edge.verdict.ingress],
  ['connections', (edge) => edge.connections],
  ['unanswered', (edge) => edge.unanswered],
  ['refused', (edge) => edge.refused],
  ['packetsOut', (edge) => edge.packets[0]],
  ['packetsBack', (edge) => edge.packets[1]],
  ['octetsOut', (edge) => edge.octets[0]],
  ['octetsBack', (edge) => edge.octets[1]],
  ['first', (edge) => edge.first],
  ['last', (edge) => edge.last],
  ['services', (edge) => edge.services.join(' ')],
  ['withheld', (edge) => edge.withheld],
  ['findings', (edge, _, model) => model.findingsOf(edge).map(({ id }) => id).join(' ')],
];

export function csv(model, state, edges) {
  const rows = edges.map((edge) => COLUMNS.map(([, tell]) => cell(tell(edge, state.after, model))));
  return [COLUMNS.map(([name]) => name), ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}

/** Quoted where RFC 4180 asks; a text that a spreadsheet would run begins with an apostrophe. */
function cell(value) {
  const text = String(value);
  const safe = typeof value === 'string' && /^[\s]*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
