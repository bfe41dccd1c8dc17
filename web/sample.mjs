// node sample.mjs EDGES [FILE]: a page about a cluster that does not exist, of any size, the same each time.
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { page } from './page.mjs';

const START = Date.parse('2026-01-05T08:00:00Z');
const MINUTE = 60_000;
const SLICES = 48;
const PORTS = [80, 443, 5432, 6379, 8080, 9090, 53, 9200, 27017, 8443];

/** Numbers below 1 that look like chance (mulberry32). */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Data with `edges` edges; every kind of node, standing and explanation is there. */
export function sample(edges) {
  const next = chance(edges);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const namespaces = Math.max(4, Math.round(Math.sqrt(edges) * 0.4));
  const nodes = nodesOf(Math.max(20, Math.round(edges / 5)), namespaces);
  const workloads = nodes.filter(({ kind }) => kind === 'workload');
  const byNamespace = new Map();
  for (const node of workloads) byNamespace.set(node.namespace, [...(byNamespace.get(node.namespace) ?? []), node]);
  const made = new Map();
  while (made.size < edges) {
    const from = pick(workloads);
    const near = next();
    const to = near < 0.6 ? pick(byNamespace.get(from.namespace)) : near < 0.9 ? pick(workloads) : pick(nodes);
    const port = pick(PORTS);
    const key = `${from.id} ${to.id} ${port}`;
    if (!made.has(key)) made.set(key, edgeOf(from, to, port, made.size, next));
  }
  const list = [...made.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return {
    apiVersion: 'flowfence.dev/v1', kind: 'Page', title: `Sample of ${edges} edges`, generator: 'flowfence sample',
    window: { start: time(0), end: time(SLICES) },
    nodes, edges: list,
    unused: workloads.slice(0, 40).map((node, at) => ({ from: node.id, to: workloads.at(-1 - at).id, ports: 'TCP 1-65535' })),
    slices: { start: time(0), end: time(SLICES), count: SLICES },
    ...judged(list, workloads),
    completeness: { packets: edges * 40, records: edges * 4, loss: 0.0012, pods: workloads.length, podsUnseen: 1, podsUnseenShare: 0.01, counts: { 'broken-checksum': 3 }, files: [] },
  };
}

function nodesOf(number, namespaces) {
  const nodes = Array.from({ length: number }, (_, at) => {
    const namespace = `team-${String(at % namespaces).padStart(2, '0')}`;
    const name = `${['web', 'api', 'db', 'cache', 'worker', 'queue'][Math.floor(at / namespaces) % 6]}-${at}`;
    return { id: `${namespace}/Deployment/${name}`, kind: 'workload', namespace, name, labels: { app: name, tier: at % 2 === 0 ? 'front' : 'back' }, fqdns: [], isolated: { ingress: at % 3 === 0, egress: false }, after: { ingress: true, egress: true } };
  });
  for (let at = 0; at < Math.max(3, number / 40); at += 1) nodes.push({ id: `external/198.51.${at >> 8}.${at & 255}/32`, kind: 'external', name: `198.51.${at >> 8}.${at & 255}`, labels: {}, fqdns: at % 2 === 0 ? [`host-${at}.example`] : [] });
  nodes.push({ id: 'apiserver', kind: 'apiserver', name: 'apiserver', labels: {}, fqdns: [] }, { id: 'node/node1', kind: 'node', name: 'node1', labels: {}, fqdns: [] });
  return nodes;
}

function edgeOf(from, to, port, at, next) {
  const kind = next();
  const standing = kind < 0.86 ? 'allowed' : kind < 0.9 ? 'denied' : kind < 0.93 ? 'unspecified' : kind < 0.96 ? 'probe' : 'attempted';
  const number = standing === 'attempted' ? 0 : 1 + Math.floor(next() * 200);
  const first = Math.floor(next() * SLICES);
  const slices = Array.from({ length: SLICES }, (_, slice) => (slice >= first && (slice - first) % 5 === 0 ? 1 + Math.floor(next() * 9) : 0));
  const cut = at % 97 === 0 && standing === 'allowed';
  return {
    from: from.id, to: to.id, protocol: 'TCP', port, services: [], behind: [], connections: number, attempts: { unanswered: standing === 'attempted' ? 4 : 0, refused: 0 }, packets: [number * 9, number * 8], octets: [number * 1200, number * 9000], first: time(first), last: time(SLICES), established: number > 0, orientation: 'seen', probe: standing === 'probe',
    verdict: { egress: 'allowed', ingress: standing === 'denied' ? 'denied' : standing === 'unspecified' ? 'unspecified' : 'allowed' }, suspicious: [], standing, slices,
    ...(standing === 'denied' ? { deniedBy: { egress: [], ingress: [`${to.namespace ?? 'x'}/deny`] } } : {}),
    after: { egress: 'allowed', ingress: cut || standing === 'denied' || standing === 'attempted' ? 'denied' : 'allowed' },
    rules: cut || standing !== 'allowed' || to.kind !== 'workload' ? [] : [0],
    ...(cut ? { withheld: 'first seen after its source began to scan' } : {}),
  };
}

function judged(edges, workloads) {
  const [first] = workloads;
  const yaml = `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: flowfence-${first.name}\n  namespace: ${first.namespace}\nspec:\n  podSelector:\n    matchLabels:\n      app: ${first.name}\n`;
  const name = `${first.namespace}/flowfence-${first.name}`;
  const denied = edges.map((edge, at) => [edge, at]).filter(([{ standing }]) => standing === 'denied').slice(0, 200);
  return {
    rules: [{ policy: name, field: 'ingress[0]', yaml: `- from:\n    - podSelector:\n        matchLabels:\n          app: ${first.name}\n`, why: 'seen 12 times' }],
    policies: [{ name, kind: 'NetworkPolicy', state: 'new', file: `${name}.yaml`, yaml, diff: `--- /dev/null\n+++ ${name}\n@@ -0,0 +1,2 @@\n+apiVersion: networking.k8s.io/v1\n+kind: NetworkPolicy\n`, evidence: ['ingress[0]: 12 connections'] }],
    findings: denied.map(([edge, at]) => ({ id: `unexpected-connection:${at}`, rule: 'unexpected-connection', level: at % 5 === 0 ? 'error' : 'warning', title: `${edge.from} asked ${edge.to} on ${edge.port}/TCP and policies turned it away`, from: edge.from, to: edge.to, protocol: 'TCP', port: edge.port, evidence: { connections: edge.connections }, fix: 'decide whether it should pass', edges: [at] })),
    proof: { alone: { observed: edges.length, admitted: edges.length, cut: [], excess: [], reachableBefore: 40_000, reachableAfter: 900 }, beside: { observed: edges.length, admitted: edges.length, cut: [], excess: [], reachableBefore: 40_000, reachableAfter: 900 }, declared: [], inexpressible: [] },
    review: denied.slice(0, 5).map(([edge, at]) => ({ level: 'warning', text: `${edge.from} is turned away by ${edge.to}`, finding: `unexpected-connection:${at}` })),
  };
}

function key({ from, to, port }) {
  return `${from} ${to} ${port}`;
}

function time(slice) {
  return new Date(START + slice * 30 * MINUTE).toISOString();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [edges = '300', file] = process.argv.slice(2);
  const html = page(sample(Number(edges)));
  if (file === undefined) process.stdout.write(html);
  else writeFileSync(file, html);
}
