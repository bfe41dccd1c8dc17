// The map: a Cytoscape canvas that is told what is shown and where, and tells what was touched.

import cytoscape from 'cytoscape';
import { many } from '../data/words.js';
import { isNewlyIsolated } from '../data/standing.js';
import { at, h } from '../view/dom.js';
import { portsOf } from './fold.js';
import { sheet } from './looks.js';
import { GROUP_HEIGHT, HEIGHT, groupLabel, labelOf, widthOf } from './place.js';

/** Links beyond which the canvas draws none while it is moved, so that it moves at all. */
const MANY_LINKS = 250;

/** Between two links of a pair, in pixels. */
const BEND = 30;

/** Links beyond which only those of what is looked at say their ports. */
const CROWDED = 120;

// Its warnings are about drawings, and a console is no place for a reader to look.
cytoscape.warnings(false);

/** A map in `container`; `on` is `{choose(at), toggle(key)}`. */
export function map(container, on) {
  const guard = withoutItsOwnStyle();
  const cy = cytoscape({ container, style: sheet(false), minZoom: 0.03, maxZoom: 4, boxSelectionEnabled: false, hideEdgesOnViewport: false });
  guard.remove();
  keepInView(cy, container);
  let first = true;
  cy.on('tap', 'node', ({ target }) => on.choose([target.data('what') === 'node' ? 'node' : 'group', target.id()]));
  cy.on('tap', 'edge', ({ target }) => on.choose(target.data('at')));
  cy.on('tap', (event) => event.target === cy && on.choose(null));
  cy.on('dbltap', 'node', ({ target }) => target.data('what') !== 'node' && on.toggle(target.id()));
  return {
    cy,
    show(shown, placed, state) {
      update(cy, elements(shown, state), placed);
      cy.renderer().hideEdgesOnViewport = shown.drawn.length > MANY_LINKS;
      if (first) this.fit();
      first = false;
      mark(cy, state.at, shown.drawn);
    },
    fit: () => cy.fit(cy.nodes(), 30),
    dress: (isDark) => cy.style(sheet(isDark)),
    zoom: (factor) => cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } }),
    centre(id) {
      const node = cy.getElementById(id);
      if (node.nonempty()) cy.animate({ center: { eles: node }, duration: calm() ? 0 : 150 });
    },
  };
}

/** When the room changes, a picture that was seen whole is seen whole again, and else the middle stays in the middle. */
function keepInView(cy, container) {
  new ResizeObserver(() => {
    const [width, height] = [cy.width(), cy.height()];
    if (width === container.clientWidth && height === container.clientHeight) return;
    const { x1, y1, x2, y2 } = cy.nodes().renderedBoundingBox();
    const wasWhole = x1 >= 0 && y1 >= 0 && x2 <= width && y2 <= height;
    cy.resize();
    if (cy.width() === 0 || cy.height() === 0) return;
    if (wasWhole || width === 0) cy.fit(cy.nodes(), 30);
    else cy.panBy({ x: (cy.width() - width) / 2, y: (cy.height() - height) / 2 });
  }).observe(container);
}

function calm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** Cytoscape writes one rule into the page, which the policy of the page forbids and page.css has; it does not where it finds its element. */
function withoutItsOwnStyle() {
  const guard = h('i', { id: '__________cytoscape_stylesheet', hidden: true });
  at('map').append(guard);
  return guard;
}

/** Everything that is shown, by id. */
function elements(shown, state) {
  const all = new Map();
  for (const group of shown.groups) {
    const label = groupLabel(group.key);
    const what = group.isOpen ? 'open' : 'group';
    const name = group.isOpen ? `− ${label}` : `+ ${label}\n${many(group.members.length, 'member')}`;
    all.set(group.key, { what, label: flagged(name, alarm(group.members)), width: widthOf(label) + 24, height: GROUP_HEIGHT, alarm: alarm(group.members), fresh: state.after && !group.isOpen && group.members.some(isNewlyIsolated), kind: 'group' });
  }
  for (const node of shown.nodes) {
    const label = labelOf(node);
    all.set(node.id, { what: 'node', label: flagged(label, alarm([node])), width: widthOf(label), height: HEIGHT, kind: node.kind, alarm: alarm([node]), fresh: state.after && isNewlyIsolated(node), parent: node.group ?? undefined });
  }
  const isCrowded = shown.drawn.length > CROWDED;
  const bends = bent(shown.drawn);
  for (const link of shown.drawn) {
    const place = link.edges.length === 1 && link.edges[0].index !== undefined ? ['edge', link.edges[0].index] : ['link', link.from, link.to, link.standing];
    all.set(`l${link.key}`, { source: link.from, target: link.to, standing: link.standing, label: isCrowded ? '' : portsOf(link), ports: portsOf(link), crowded: isCrowded, bend: bends.get(link), at: place });
  }
  return all;
}

/** How far each link of a pair steps out of the straight line. Cytoscape could find that by itself, at half the cost of a frame. */
function bent(links) {
  const pairs = new Map();
  for (const link of links) {
    const pair = link.from < link.to ? `${link.from.length}:${link.from}${link.to}` : `${link.to.length}:${link.to}${link.from}`;
    pairs.set(pair, [...(pairs.get(pair) ?? []), link]);
  }
  const bends = new Map();
  for (const pair of pairs.values()) {
    pair.forEach((link, index) => bends.set(link, BEND * (index - (pair.length - 1) / 2) * (link.from < link.to ? 1 : -1)));
  }
  return bends;
}

function alarm(nodes) {
  const levels = nodes.flatMap((node) => node.findings.map(({ level }) => level));
  return levels.includes('error') ? 'error' : levels.includes('warning') ? 'warning' : '';
}

function flagged(label, level) {
  return level === 'error' ? `⚠ ${label}` : label;
}

/** Only what changed is touched: the rest of 10,000 edges costs nothing. */
function update(cy, wanted, placed) {
  cy.batch(() => {
    const gone = cy.elements().filter((element) => !fits(element, wanted.get(element.id())));
    const losing = gone.filter('node');
    gone.union(losing.descendants()).union(losing.connectedEdges()).remove();
    const nodes = [];
    const edges = [];
    for (const [id, data] of wanted) {
      const there = cy.getElementById(id);
      if (there.nonempty()) refresh(there, data);
      else if (data.source !== undefined) edges.push({ group: 'edges', data: { id, ...data } });
      else nodes.push({ group: 'nodes', data: { id, ...data } });
    }
    nodes.sort((a, b) => (a.data.what === 'open' ? 0 : 1) - (b.data.what === 'open' ? 0 : 1));
    cy.add(nodes);
    cy.add(edges);
    cy.nodes().forEach((node) => {
      const to = placed.get(node.id());
      const { x, y } = node.position();
      if (!node.isParent() && to !== undefined && (to.x !== x || to.y !== y)) node.position(to);
    });
  });
}

/** Cytoscape styles again whatever is set, equal or not. */
function refresh(element, data) {
  if (Object.entries(data).some(([key, value]) => key !== 'at' && element.data(key) !== value)) element.data(data);
}

function fits(element, data) {
  return data !== undefined && (element.isEdge() || (element.data('what') === data.what && element.data('parent') === data.parent));
}

/** What is looked at stands out with its neighbours, the rest steps back. Only classes that change are touched. */
function mark(cy, place, links) {
  const chosen = chosenOf(cy, place, links);
  const around = near(chosen);
  const whole = around.union(around.edges().connectedNodes());
  const clear = whole.union(whole.nodes().ancestors());
  const speaking = around.edges().length <= CROWDED ? around.edges() : cy.collection();
  cy.batch(() => {
    cy.elements().forEach((element) => {
      classed(element, 'chosen', chosen.has(element));
      classed(element, 'near', speaking.has(element));
      classed(element, 'dim', chosen.nonempty() && !clear.has(element));
    });
  });
}

function classed(element, name, isOn) {
  if (element.hasClass(name) !== isOn) element.toggleClass(name, isOn);
}

/** Elements and the links that they and their members have. */
function near(chosen) {
  const inner = chosen.nodes().union(chosen.nodes().descendants());
  return chosen.union(inner).union(inner.connectedEdges());
}

function chosenOf(cy, place, links) {
  if (place === null) return cy.collection();
  const [kind, first, second, third] = place;
  if (kind === 'node' || kind === 'group') return cy.getElementById(first);
  const link = links.find((each) => (kind === 'edge' ? each.edges.some(({ index }) => index === first) : each.from === first && each.to === second && each.standing === third));
  return link === undefined ? cy.collection() : cy.getElementById(`l${link.key}`);
}
