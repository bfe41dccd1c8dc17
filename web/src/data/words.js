// Everything that the page says about an edge, a node or a number, in one place and one voice.

import { visible } from './visible.js';

const GROUPS = { '@outside': 'outside the cluster', '@nodes': 'nodes', '@unknown': 'unknown addresses' };

export const STANDING = {
  allowed: 'allowed',
  denied: 'denied',
  unspecified: 'unspecified',
  probe: 'probe',
  attempted: 'attempted',
  cut: 'would be cut',
  unused: 'allowed, never used',
};

export function groupName(key) {
  return GROUPS[key] ?? visible(key.slice(3));
}

/** `shop/web`, an address with its names, or what else a person would call a node. */
export function nodeName(node) {
  if (node.namespace !== '') return visible(`${node.namespace}/${node.name}`, 160);
  if (node.kind === 'apiserver') return 'API server';
  const names = node.fqdns.length > 0 ? ` (${node.fqdns.slice(0, 3).join(', ')}${node.fqdns.length > 3 ? ', …' : ''})` : '';
  return visible(`${node.name}${names}`, 200);
}

export function portName(edge) {
  if (edge.port !== null) return `${edge.port}/${edge.protocol}`;
  if (edge.icmp !== null) return `${edge.protocol} type ${edge.icmp.type} code ${edge.icmp.code}`;
  return edge.protocol;
}

export function edgeName(model, edge) {
  return `${nameOf(model, edge.from)} → ${nameOf(model, edge.to)}, ${portName(edge)}`;
}

export function nameOf(model, id) {
  const node = model.byId.get(id);
  return node === undefined ? visible(id, 160) : nodeName(node);
}

export function many(number, one, more = `${one}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : more}`;
}

export function octets(number) {
  const units = ['octets', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let at = 0;
  let left = number;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at += 1;
  }
  return `${at === 0 ? left : left.toPrecision(3)} ${units[at]}`;
}

/** A moment as it stands in the data, to the second: no time zone of the reader comes in. */
export function moment(text) {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})/.exec(text);
  return match === null ? visible(text) : `${match[1]} ${match[2]} UTC`;
}

export function traffic(edge) {
  const parts = [];
  if (edge.connections > 0) parts.push(many(edge.connections, 'connection'));
  if (edge.unanswered > 0) parts.push(`${many(edge.unanswered, 'attempt')} unanswered`);
  if (edge.refused > 0) parts.push(`${many(edge.refused, 'attempt')} refused`);
  return parts.length === 0 ? 'nothing counted' : parts.join(', ');
}

/** Why one direction of an edge stands as it does today: a sentence that names policy and rule. */
export function verdictSentence(model, edge, direction) {
  const subject = nameOf(model, direction === 'egress' ? edge.from : edge.to);
  const peer = nameOf(model, direction === 'egress' ? edge.to : edge.from);
  const way = direction === 'egress' ? 'to' : 'from';
  const denying = edge.deniedBy?.[direction] ?? [];
  const admitting = edge.admittedBy?.[direction] ?? [];
  const verdict = edge.verdict[direction];
  if (verdict === 'denied') {
    if (denying.length === 0) return `Denied by today’s policies: no rule admits ${portName(edge)} ${way} ${peer}.`;
    return `Denied by ${list(denying)}: no rule admits ${portName(edge)} ${way} ${peer}.`;
  }
  if (verdict === 'allowed') {
    if (admitting.length === 0) return `Allowed: no policy isolates the ${direction} of ${subject}.`;
    return `Allowed by ${list(admitting.map((by) => `${by.policy}, rule ${by.field}`), 'and by')}.`;
  }
  if (verdict === 'unspecified') return `Unspecified: NetworkPolicy does not say what happens to ${portName(edge)} ${way} ${peer}.`;
  return `Not judged: no policy can select ${subject}.`;
}

/** The same under the recommended set. */
export function afterSentence(edge) {
  if (edge.after === null) return 'Not judged under the recommended policies.';
  const denied = ['egress', 'ingress'].filter((direction) => edge.after[direction] === 'denied');
  if (denied.length > 0) {
    const why = edge.withheld === '' ? '' : ` No rule is recommended for it: ${visible(edge.withheld, 400)}.`;
    return `The recommended policies deny it (${denied.join(' and ')}).${why}`;
  }
  if (edge.after.egress === 'unspecified' || edge.after.ingress === 'unspecified') return 'Unspecified under the recommended policies.';
  return 'The recommended policies allow it.';
}

export function isolation(directions) {
  if (directions === null) return 'not told';
  const on = ['egress', 'ingress'].filter((direction) => directions[direction]);
  return on.length === 0 ? 'open in both directions: no policy isolates it' : on.length === 2 ? 'isolated in both directions' : `isolated in ${on[0]} only`;
}

function list(texts, joint = 'and') {
  return texts.map((text) => visible(text, 300)).join(` ${joint} `);
}

/** `podsUnseenShare` is said as "pods unseen share", `link-local-control` as "link local control". */
export function plain(key) {
  return visible(key.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/[-_]/g, ' ').toLowerCase());
}
