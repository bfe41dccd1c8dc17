// The data element of the file becomes checked values once, here; everything behind this module may rely on their shape.
// What cannot be used is explained in words and never thrown.

const VERSION = 'flowfence.dev/v1';
const STANDINGS = ['allowed', 'denied', 'unspecified', 'probe', 'attempted'];

/** Reads the text of the data element: `{data}` or `{problem: {title, text}}`. */
export function read(text) {
  if (text === null) {
    return problem('This page holds no data', 'The file lacks its data element; it was cut or changed after flowfence wrote it. Write it again with `flowfence graph -o html`.');
  }
  let raw;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    return problem('The data of this page is damaged', `It is not JSON: ${error.message}. The file was cut or changed after flowfence wrote it. Write it again with \`flowfence graph -o html\`.`);
  }
  if (!isObject(raw) || raw.kind !== 'Page') {
    return problem('The data of this page is not a page’s', `Its kind should be Page and is ${JSON.stringify(raw?.kind) ?? 'absent'}.`);
  }
  if (raw.apiVersion !== VERSION) {
    return problem('The data of this page is of another version', `It is ${JSON.stringify(raw.apiVersion) ?? 'absent'} and this page reads ${VERSION}. Data and page come from one flowfence: write the file again.`);
  }
  return { data: shaped(raw) };
}

function problem(title, text) {
  return { problem: { title, text } };
}

function shaped(raw) {
  const nodes = objects(raw.nodes).filter((node) => text(node.id) !== '').map(node);
  const known = new Set(nodes.map(({ id }) => id));
  const edges = objects(raw.edges).map((each, index) => edge(each, index));
  for (const { from, to } of edges) {
    for (const id of [from, to]) {
      if (!known.has(id)) {
        known.add(id);
        nodes.push(node({ id, kind: 'unknown', name: id }));
      }
    }
  }
  const slices = isObject(raw.slices) && raw.slices.count > 1 ? { start: text(raw.slices.start), end: text(raw.slices.end), count: Math.min(count(raw.slices.count), 10_000) } : null;
  return {
    title: text(raw.title) || 'Who talks to whom',
    open: text(raw.open),
    generator: text(raw.generator),
    window: isObject(raw.window) ? { start: text(raw.window.start), end: text(raw.window.end) } : null,
    nodes,
    edges,
    unused: objects(raw.unused).map((each) => ({ from: text(each.from), to: text(each.to), ports: text(each.ports) })),
    unusedMore: count(raw.unusedMore),
    slices,
    rules: objects(raw.rules).map((rule) => ({ policy: text(rule.policy), field: text(rule.field), yaml: text(rule.yaml), why: text(rule.why) })),
    policies: objects(raw.policies).map(policy),
    findings: objects(raw.findings).map((each) => finding(each, edges.length)),
    refused: text(raw.refused),
    breaks: objects(raw.breaks).map((each) => broken(each, edges.length)),
    proof: isObject(raw.proof) ? raw.proof : null,
    readiness: isObject(raw.readiness) ? raw.readiness : null,
    completeness: isObject(raw.completeness) ? raw.completeness : null,
    review: objects(raw.review).map((each) => ({ level: level(each.level), text: text(each.text), finding: text(each.finding), policy: text(each.policy) })),
  };
}

function node(raw) {
  const id = text(raw.id);
  return {
    id,
    kind: kindOf(id, text(raw.kind)),
    namespace: text(raw.namespace),
    name: text(raw.name) || id,
    labels: pairs(raw.labels),
    fqdns: texts(raw.fqdns),
    isolated: directions(raw.isolated, Boolean),
    after: directions(raw.after, Boolean),
  };
}

/** What an id says it is comes first: `external/…`, `node/…`, `unknown/…`, `apiserver`. */
function kindOf(id, told) {
  if (id === 'apiserver') return id;
  const first = id.split('/', 1)[0];
  return id.split('/').length <= 3 && ['external', 'node', 'unknown'].includes(first) && ['', first].includes(told.toLowerCase()) ? first : told.toLowerCase() || 'unknown';
}

function edge(raw, index) {
  const protocol = text(raw.protocol) || '?';
  const verdict = isObject(raw.verdict) ? raw.verdict : {};
  return {
    index,
    from: text(raw.from) || '?',
    to: text(raw.to) || '?',
    protocol,
    port: Number.isInteger(raw.port) ? raw.port : null,
    icmp: isObject(raw.icmp) ? raw.icmp : null,
    services: texts(raw.services),
    behind: texts(raw.behind),
    connections: count(raw.connections),
    unanswered: count(raw.attempts?.unanswered),
    refused: count(raw.attempts?.refused),
    packets: two(raw.packets),
    octets: two(raw.octets),
    first: text(raw.first),
    last: text(raw.last),
    established: raw.established === true,
    orientation: text(raw.orientation),
    probe: raw.probe === true,
    verdict: { egress: text(verdict.egress), ingress: text(verdict.ingress) },
    suspicious: texts(raw.suspicious),
    standing: STANDINGS.includes(raw.standing) ? raw.standing : 'unspecified',
    slices: Array.isArray(raw.slices) ? raw.slices.map(count) : null,
    admittedBy: directions(raw.admittedBy, objects),
    deniedBy: directions(raw.deniedBy, texts),
    after: directions(raw.after, text),
    rules: indexes(raw.rules, Infinity),
    withheld: text(raw.withheld),
  };
}

function policy(raw) {
  return {
    name: text(raw.name),
    kind: text(raw.kind) || 'NetworkPolicy',
    state: text(raw.state) || 'new',
    file: text(raw.file),
    yaml: text(raw.yaml),
    before: text(raw.before),
    diff: text(raw.diff),
    evidence: texts(raw.evidence),
  };
}

function finding(raw, edges) {
  return {
    ...raw,
    id: text(raw.id),
    rule: text(raw.rule) || 'finding',
    level: level(raw.level),
    title: text(raw.title) || text(raw.id),
    from: text(raw.from),
    to: text(raw.to),
    fix: text(raw.fix),
    policy: text(raw.policy),
    rank: Number.isFinite(raw.rank?.total) ? `${raw.rank.total} of 100 = ${text(raw.rank.formula)}` : '',
    owner: text(raw.owner?.name) === '' ? '' : `${raw.owner.name} (${text(raw.owner.from)})`,
    edges: indexes(raw.edges, edges),
  };
}

function broken(raw, edges) {
  return { set: text(raw.set), text: text(raw.text), edges: indexes(raw.edges, edges), doubtful: indexes(raw.doubtful, edges) };
}

/** Places in a list of `length`. */
function indexes(value, length) {
  return Array.isArray(value) ? value.filter((index) => Number.isInteger(index) && index >= 0 && index < length) : [];
}

function level(value) {
  return ['error', 'warning', 'note'].includes(value) ? value : 'note';
}

function directions(value, as) {
  return isObject(value) ? { egress: as(value.egress), ingress: as(value.ingress) } : null;
}

export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value) {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function texts(value) {
  return Array.isArray(value) ? value.map(text).filter((each) => each !== '') : [];
}

function objects(value) {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function pairs(value) {
  return isObject(value) ? Object.entries(value).map(([key, each]) => `${key}=${text(each)}`).sort() : [];
}

function count(value) {
  return Number.isFinite(value) && value > 0 ? Math.floor(value) : 0;
}

function two(value) {
  return Array.isArray(value) ? [count(value[0]), count(value[1])] : [0, 0];
}
