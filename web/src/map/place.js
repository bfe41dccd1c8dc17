// Where things stand. Columns are found once, of the whole graph folded and of a namespace when it is first opened; what
// opens grows in its column, the columns right of it give way, and nothing else changes its order.

import { groupName, nodeName } from '../data/words.js';
import { columns } from './columns.js';

/** Between columns and within them. `aside` is how far every other member of a column steps out, and `shift` how far every
 * other column stands lower, so that links past a node are seen. */
const GAP = { x: 150, y: 54, aside: 34, shift: 36 };
const INSIDE = { x: 84, y: 20, aside: 16, shift: 26 };
const PADDING = 22;

export const HEIGHT = 34;
export const GROUP_HEIGHT = 52;

/** A placer, which remembers columns. */
export function placer(model) {
  const top = topColumns(model);
  const inside = new Map();
  return (shown) => positions(model, top, inside, shown);
}

export function widthOf(label) {
  return Math.min(230, Math.max(64, 22 + 7.3 * label.length));
}

/** What stands on a node, short enough to stand there. */
export function labelOf(node) {
  const name = node.group === null ? nodeName(node) : node.fqdns.length > 0 ? nodeName({ ...node, name: node.fqdns[0], namespace: '', fqdns: [] }) : nodeName({ ...node, namespace: '' });
  return name.length > 28 ? `${name.slice(0, 27)}…` : name;
}

export function groupLabel(key) {
  const name = groupName(key);
  return name.length > 26 ? `${name.slice(0, 25)}…` : name;
}

function topColumns(model) {
  const end = (id) => model.byId.get(id).group ?? id;
  const keys = [...model.groups.keys(), ...[...model.byId.values()].filter((node) => node.group === null).map(({ id }) => id)];
  return columns(keys, weighed(model.edges, end));
}

function weighed(edges, end) {
  const links = new Map();
  for (const edge of edges) {
    const [from, to] = [end(edge.from), end(edge.to)];
    if (from === to || from === null || to === null) continue;
    const key = JSON.stringify([from, to]);
    const link = links.get(key) ?? { from, to, weight: 0 };
    link.weight += 1;
    links.set(key, link);
  }
  return [...links.values()];
}

function insideColumns(group) {
  const members = new Set(group.nodes.map(({ id }) => id));
  const edges = new Set(group.nodes.flatMap((node) => node.edges));
  const links = weighed(edges, (id) => (members.has(id) ? id : null));
  return columns([...members], links);
}

function positions(model, top, inside, shown) {
  const groups = new Map(shown.groups.map((group) => [group.key, group]));
  const nodes = new Map(shown.nodes.map((node) => [node.id, node]));
  const placed = new Map();
  const boxes = top.map((column) => column.map((key) => box(model, inside, groups, nodes, key)).filter((each) => each !== null)).filter((column) => column.length > 0);
  stack(boxes, GAP, (each, x, y) => {
    placed.set(each.key, { x, y });
    for (const [id, { x: dx, y: dy }] of each.members) placed.set(id, { x: x + dx, y: y + dy });
  });
  return placed;
}

/** The room that a shown group or node takes, and where its members are from its middle. */
function box(model, inside, groups, nodes, key) {
  const group = groups.get(key);
  if (group === undefined) {
    return nodes.has(key) ? { key, width: widthOf(labelOf(nodes.get(key))), height: HEIGHT, members: [] } : null;
  }
  if (!group.isOpen) return { key, width: widthOf(groupLabel(key)) + 24, height: GROUP_HEIGHT, members: [] };
  if (!inside.has(key)) inside.set(key, insideColumns(model.groups.get(key)));
  const within = inside.get(key).map((column) => column.filter((id) => nodes.has(id)).map((id) => ({ key: id, width: widthOf(labelOf(nodes.get(id))), height: HEIGHT })));
  const members = [];
  const { width, height } = stack(within.filter((column) => column.length > 0), INSIDE, (each, x, y) => members.push([each.key, { x, y }]));
  return { key, width: width + 2 * PADDING, height: height + 2 * PADDING + 20, members };
}

/** Puts columns beside one another, each as a stack about the middle line; tells the whole's size. */
function stack(all, gap, put) {
  const widths = all.map((column) => Math.max(...column.map(({ width }) => width)));
  const heights = all.map((column) => column.reduce((sum, { height }) => sum + height, 0) + gap.y * (column.length - 1));
  const width = widths.reduce((sum, each) => sum + each, 0) + gap.x * Math.max(0, all.length - 1);
  const room = all.some((column) => column.length >= 3) ? 2 * gap.aside : 0;
  let left = -width / 2;
  all.forEach((column, at) => {
    let y = -heights[at] / 2 + (at % 2 === 0 ? -gap.shift : gap.shift) / 2;
    column.forEach((each, index) => {
      const aside = column.length < 3 ? 0 : index % 2 === 0 ? -gap.aside : gap.aside;
      put(each, left + widths[at] / 2 + aside, y + each.height / 2);
      y += each.height + gap.y;
    });
    left += widths[at] + gap.x;
  });
  return { width: width + room, height: Math.max(0, ...heights) + (all.length > 1 ? gap.shift : 0) };
}
