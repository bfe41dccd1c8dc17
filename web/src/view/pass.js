// Which edges the filters leave.

import { standingOf } from '../data/standing.js';

/** Edges that pass, in the order of the data. */
export function passing(model, state) {
  const matches = textual(model, state.text);
  return model.edges.filter((edge) => {
    if (state.verdict !== '' && standingOf(edge, state.after) !== state.verdict) return false;
    if (state.port !== '' && String(edge.port) !== state.port) return false;
    if (state.findings && model.findingsOf(edge).length === 0) return false;
    if (state.ns !== '' && model.byId.get(edge.from).namespace !== state.ns && model.byId.get(edge.to).namespace !== state.ns) return false;
    if (!isWithin(edge, state.span, model)) return false;
    return matches === null || matches.has(edge.from) || matches.has(edge.to);
  });
}

/** Began something in the chosen slices; without slices, always. */
function isWithin(edge, [from, to], model) {
  if (model.slices === null || edge.slices === null || (from === 0 && to === model.slices.count)) return true;
  for (let at = from; at < to; at += 1) if (edge.slices[at] > 0) return true;
  return false;
}

/** The nodes whose name, label or address has the text. */
function textual(model, text) {
  const asked = text.trim().toLowerCase();
  if (asked === '') return null;
  const found = new Set();
  for (const node of model.byId.values()) if (haystack(node).includes(asked)) found.add(node.id);
  return found;
}

export function haystack(node) {
  node.haystack ??= [node.id, node.name, node.namespace === '' ? '' : `${node.namespace}/${node.name}`, ...node.labels, ...node.fqdns].join('\n').toLowerCase();
  return node.haystack;
}
