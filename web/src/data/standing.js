// How an edge stands: today, or under the recommended set.

/** Worst first; a link that holds several kinds is drawn as the first of them. */
export const ORDER = ['cut', 'denied', 'attempted', 'unspecified', 'allowed', 'probe', 'unused'];

/** One of `ORDER`. */
export function standingOf(edge, after) {
  if (!after || edge.after === null) return edge.standing;
  const ends = [edge.after.egress, edge.after.ingress];
  if (ends.includes('denied')) {
    return edge.standing === 'allowed' || edge.standing === 'unspecified' ? 'cut' : edge.standing === 'attempted' ? 'attempted' : 'denied';
  }
  if (edge.standing === 'probe' || edge.standing === 'attempted') return edge.standing;
  return ends.includes('unspecified') ? 'unspecified' : 'allowed';
}

/** Whether the recommended set denies what today's allow. */
export function isCut(edge) {
  return standingOf(edge, true) === 'cut';
}

/** Whether a node that is open today in a direction would be isolated there. */
export function isNewlyIsolated(node) {
  return node.after !== null && ['egress', 'ingress'].some((direction) => node.after[direction] && !node.isolated?.[direction]);
}
