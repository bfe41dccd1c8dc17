// A small shop as data of a page: what the topics' claims are about. Fields as `flowfence graph -o html` writes them.
import { page } from '../../web/page.mjs';

const TIME = { start: '2026-01-05T08:00:00Z', end: '2026-01-05T09:00:00Z' };

function workload(namespace, name, more = {}) {
  return { id: `${namespace}/Deployment/${name}`, kind: 'workload', namespace, name, labels: { app: name }, fqdns: [], isolated: { ingress: false, egress: false }, after: { ingress: true, egress: true }, ...more };
}

function edge(from, to, port, standing, more = {}) {
  const connections = standing === 'attempted' ? 0 : 7;
  return {
    from, to, protocol: 'TCP', port, services: [], behind: [], connections, attempts: { unanswered: standing === 'attempted' ? 3 : 0, refused: 0 }, packets: [40, 38], octets: [4000, 90_000], first: '2026-01-05T08:03:10.5Z', last: '2026-01-05T08:50:00Z', established: connections > 0, orientation: 'seen', probe: standing === 'probe',
    verdict: { egress: 'allowed', ingress: standing === 'denied' ? 'denied' : 'allowed' }, suspicious: [], standing, slices: [1, 2, 0, 4, 0, 0], after: { egress: 'allowed', ingress: 'allowed' }, rules: [], ...more,
  };
}

const [web, api, blog, cache] = ['shop/Deployment/web', 'shop/Deployment/api', 'shop/Deployment/blog', 'data/Deployment/cache'];
const scan = 'port-scan:shop/Deployment/blog';
const withheld = { withheld: 'first seen after shop/Deployment/blog began to scan', after: { egress: 'denied', ingress: 'denied' }, suspicious: [scan] };
const RULE = '- from:\n    - podSelector:\n        matchLabels:\n          app: web\n  ports:\n    - port: 8080\n      protocol: TCP\n';
const POLICY = `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: flowfence-api\n  namespace: shop\nspec:\n  podSelector:\n    matchLabels:\n      app: api\n  ingress:\n    ${RULE.replaceAll('\n', '\n    ').trimEnd()}\n`;

export function shop() {
  return {
    apiVersion: 'flowfence.dev/v1', kind: 'Page', title: 'The shop', generator: 'flowfence 0.0.0', window: TIME,
    nodes: [
      workload('shop', 'web', { isolated: { ingress: true, egress: false } }), workload('shop', 'api', { isolated: { ingress: true, egress: false } }), workload('shop', 'blog'), workload('data', 'cache'), workload('data', 'idle', { after: { ingress: false, egress: false } }),
      { id: 'external/198.51.100.9/32', kind: 'external', name: '198.51.100.9', labels: {}, fqdns: ['pool.miner.example'] }, { id: 'node/node1', kind: 'node', name: 'node1', labels: {}, fqdns: [] }, { id: 'apiserver', kind: 'apiserver', name: 'apiserver', labels: {}, fqdns: [] },
    ],
    edges: [
      edge(web, api, 8080, 'allowed', { rules: [0], services: ['shop/api'], admittedBy: { egress: [], ingress: [{ policy: 'shop/api-allow', field: 'ingress[0]' }] } }),
      edge(web, api, 21, 'denied', { connections: 0, attempts: { unanswered: 2, refused: 0 }, after: { egress: 'denied', ingress: 'denied' }, withheld: 'an attempt, never a connection', deniedBy: { egress: [], ingress: ['shop/api-deny'] } }),
      edge(api, cache, 6379, 'allowed', { slices: [0, 0, 0, 0, 0, 5] }),
      edge(blog, cache, 6379, 'allowed', withheld), edge(blog, web, 22, 'attempted', withheld), edge(blog, api, 22, 'attempted', withheld), edge(blog, 'external/198.51.100.9/32', 3333, 'allowed', { ...withheld, after: { egress: 'denied', ingress: '' } }),
      edge('node/node1', web, 8080, 'probe', { probe: true }),
      { ...edge(api, 'apiserver', null, 'unspecified'), protocol: 'ICMP', icmp: { type: 8, code: 0 }, verdict: { egress: 'unspecified', ingress: '' }, after: { egress: 'unspecified', ingress: '' } },
    ],
    unused: [{ from: web, to: cache, ports: 'TCP 6379' }],
    slices: { ...TIME, count: 6 },
    rules: [{ policy: 'shop/flowfence-api', field: 'ingress[0]', yaml: RULE, why: '7 connections from shop/web' }],
    policies: [
      { name: 'shop/flowfence-api', kind: 'NetworkPolicy', state: 'new', file: 'shop/flowfence-api.yaml', yaml: POLICY, diff: `--- /dev/null\n+++ shop/flowfence-api.yaml\n@@ -0,0 +1,2 @@\n+apiVersion: networking.k8s.io/v1\n+kind: NetworkPolicy\n`, evidence: ['ingress[0]: 7 connections from shop/Deployment/web'] },
      { name: 'shop/api-deny', kind: 'NetworkPolicy', state: 'removed', yaml: 'kind: NetworkPolicy\n', evidence: [] },
    ],
    findings: [
      { id: scan, rule: 'port-scan', level: 'error', title: 'shop/Deployment/blog tried 2 targets on 2 addresses that did not answer', from: blog, to: null, protocol: null, port: null, evidence: { targets: 2, ports: ['22/TCP'], asked: [web, api] }, fix: 'inspect shop/Deployment/blog and cut it off', edges: [4, 5] },
      { id: 'refused-attempt:1', rule: 'refused-attempt', level: 'warning', title: 'shop/Deployment/web asked shop/Deployment/api for TCP 21', from: web, to: api, protocol: 'TCP', port: 21, evidence: {}, fix: 'correct what it asks for', edges: [1] },
      { id: 'workload-uncovered:cache', rule: 'workload-uncovered', level: 'note', title: 'no policy covers data/Deployment/cache', from: null, to: cache, evidence: null, fix: 'apply the policies', edges: [] },
    ],
    proof: { alone: { observed: 2, admitted: 2, cut: [], excess: [], reachableBefore: 20, reachableAfter: 2 }, beside: { observed: 2, admitted: 2, cut: [], excess: [], reachableBefore: 20, reachableAfter: 3 }, declared: [{ kind: 'nodes', subject: web, direction: 'ingress', peer: null, protocol: 'TCP', port: '8080', why: 'every node' }], inexpressible: [{ from: api, to: 'apiserver', protocol: 'ICMP', port: null }] },
    readiness: { all: { verdict: 'keep watching', workloads: { ready: 3, keepWatching: 1, blind: 0 } } },
    completeness: { packets: 900, records: 80, logLines: 0, loss: 0.012, pods: 5, podsUnseen: 1, podsUnseenShare: 0.2, counts: { arp: 4, 'broken-checksum': 2 }, files: [{ name: 'node1.pcap', packets: 900 }] },
    review: [{ level: 'error', text: 'shop/blog scans: look at it before anything else', finding: scan }, { level: 'note', text: 'shop/flowfence-api is new', policy: 'shop/flowfence-api' }],
  };
}

export function shopPage(change = (data) => data) {
  return page(change(shop()));
}
