// The checked data with the look-ups that views ask for, made once.

/** What a node is folded into: its namespace, or the place that it stands for; null for what stands alone. */
export function groupOf(node) {
  if (node.namespace !== '') return `ns/${node.namespace}`;
  switch (node.kind) {
    case 'external':
      return '@outside';
    case 'node':
      return '@nodes';
    case 'unknown':
      return '@unknown';
    default:
      return null;
  }
}

/** The model of a page from its data. */
export function model(data) {
  const nodes = new Map(data.nodes.map((node) => [node.id, { ...node, group: groupOf(node), edges: [], findings: [] }]));
  const groups = new Map();
  for (const node of nodes.values()) {
    if (node.group === null) continue;
    if (!groups.has(node.group)) groups.set(node.group, { key: node.group, nodes: [] });
    groups.get(node.group).nodes.push(node);
  }
  const sorted = new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
  for (const group of sorted.values()) group.nodes.sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const edge of data.edges) {
    nodes.get(edge.from).edges.push(edge);
    if (edge.to !== edge.from) nodes.get(edge.to).edges.push(edge);
  }
  const findings = new Map(data.findings.map((finding) => [finding.id, finding]));
  const found = edgesFound(data);
  for (const finding of data.findings) {
    for (const id of new Set([finding.from, finding.to])) nodes.get(id)?.findings.push(finding);
  }
  return {
    ...data,
    byId: nodes,
    groups: sorted,
    findingsById: findings,
    findingsOf: (edge) => found.get(edge.index) ?? [],
    policiesByName: new Map(data.policies.map((policy) => [policy.name, policy])),
    namespaces: [...sorted.keys()].filter((key) => key.startsWith('ns/')).map((key) => key.slice(3)),
    ports: portsOf(data.edges),
  };
}

/** Findings of an edge: those that name it, and those that it names. */
function edgesFound(data) {
  const byId = new Map(data.findings.map((finding) => [finding.id, finding]));
  const found = new Map();
  const put = (index, finding) => {
    const list = found.get(index) ?? [];
    if (!list.includes(finding)) list.push(finding);
    found.set(index, list);
  };
  for (const finding of data.findings) for (const index of finding.edges) put(index, finding);
  for (const edge of data.edges) {
    for (const id of edge.suspicious) if (byId.has(id)) put(edge.index, byId.get(id));
  }
  return found;
}

function portsOf(edges) {
  const counts = new Map();
  for (const { port, protocol } of edges) {
    if (port === null) continue;
    const key = `${port}/${protocol}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([key]) => key);
}
