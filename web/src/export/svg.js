// The map as it stands, drawn again as SVG: positions and curves from the canvas, looks from the same table.

import { LOOKS, colours } from '../map/looks.js';
import { visible } from '../data/visible.js';

const FONT = 'font-family="system-ui, DejaVu Sans, sans-serif"';

/** An SVG document of all that is shown, with its legend left to the reader's page. */
export function svg(cy, title, isDark) {
  const colour = colours(isDark);
  const { x1, y1, w, h } = cy.elements().boundingBox();
  const box = [x1 - 20, y1 - 20, w + 40, h + 40].map(round);
  const standings = [...new Set(cy.edges().map((edge) => edge.data('standing')))].sort();
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box.join(' ')}" width="${box[2]}" height="${box[3]}">`,
    `<title>${escape(visible(title))}</title>`,
    `<defs>${standings.map((standing) => arrow(standing, isDark)).join('')}</defs>`,
    `<rect x="${box[0]}" y="${box[1]}" width="${box[2]}" height="${box[3]}" fill="${colour.page}"/>`,
    ...cy.nodes('[what = "open"]').map((node) => node_(node, colour)),
    ...cy.edges().map((edge) => edge_(edge, isDark, colour)),
    ...cy.nodes('[what != "open"]').map((node) => node_(node, colour)),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function arrow(standing, isDark) {
  return `<marker id="${standing}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="${line(standing, isDark)}"/></marker>`;
}

function line(standing, isDark) {
  return isDark ? LOOKS[standing].dark : LOOKS[standing].light;
}

function edge_(edge, isDark, colour) {
  const standing = edge.data('standing');
  const look = LOOKS[standing];
  const [from, to, middle] = [edge.sourceEndpoint(), edge.targetEndpoint(), edge.midpoint()];
  if (![from, to, middle].every((point) => Number.isFinite(point?.x) && Number.isFinite(point?.y))) return '';
  const dash = look.dash === null ? '' : ` stroke-dasharray="${look.dash.join(' ')}"`;
  const path = `<path d="M${pair(from)}${curve(edge.controlPoints() ?? [], to)}" fill="none" stroke="${line(standing, isDark)}" stroke-width="${look.width}"${dash} marker-end="url(#${standing})"/>`;
  const label = edge.data('label');
  return label === '' ? path : `${path}<text x="${round(middle.x)}" y="${round(middle.y + 3)}" ${FONT} font-size="10" text-anchor="middle" fill="${colour.quiet}" stroke="${colour.page}" stroke-width="3" paint-order="stroke">${escape(label)}</text>`;
}

/** One control point is a quadratic curve; of several, neighbours meet halfway. */
function curve(points, to) {
  if (points.length === 0) return `L${pair(to)}`;
  return points.map((point, at) => {
    const next = points[at + 1];
    return `Q${pair(point)} ${pair(next === undefined ? to : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`;
  }).join('');
}

function node_(node, colour) {
  const isOpen = node.data('what') === 'open';
  const isGroup = node.data('what') !== 'node';
  const { x1, y1, w, h } = isOpen ? node.boundingBox({ includeLabels: false }) : { x1: node.position('x') - node.width() / 2, y1: node.position('y') - node.height() / 2, w: node.width(), h: node.height() };
  const stroke = node.data('alarm') === '' ? colour.line : colour.error;
  const radius = node.data('kind') === 'external' || node.data('kind') === 'unknown' ? h / 2 : 6;
  const lines = node.data('label').split('\n');
  const middle = x1 + w / 2;
  const top = isOpen ? y1 - 6 : y1 + h / 2 + 4 - (lines.length - 1) * 7;
  const text = lines.map((each, at) => `<tspan x="${round(middle)}" y="${round(top + 14 * at)}">${escape(each)}</tspan>`).join('');
  return `<rect x="${round(x1)}" y="${round(y1)}" width="${round(w)}" height="${round(h)}" rx="${round(radius)}" fill="${isGroup ? colour.group : colour.box}" stroke="${stroke}" stroke-width="${node.data('alarm') === 'error' ? 3 : 1.2}"/><text ${FONT} font-size="12"${isGroup ? ' font-weight="bold"' : ''} text-anchor="middle" fill="${colour.text}">${text}</text>`;
}

function pair({ x, y }) {
  return `${round(x)} ${round(y)}`;
}

function round(number) {
  return Math.round(number * 10) / 10;
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escape(text) {
  return text.replace(/[&<>"]/g, (found) => ENTITIES[found]);
}
