// What lines mean, and how many edges of each kind are shown: the line is drawn as the map draws it.

import { STANDING } from '../data/words.js';
import { standingOf } from '../data/standing.js';
import { LOOKS } from '../map/looks.js';
import { at, fill, h } from './dom.js';
import { isDark } from './theme.js';

export function showLegend(state, edges) {
  const counts = new Map();
  for (const edge of edges) counts.set(standingOf(edge, state.after), (counts.get(standingOf(edge, state.after)) ?? 0) + 1);
  const shown = Object.keys(LOOKS).filter((standing) => (standing !== 'cut' || state.after) && (standing !== 'unused' || state.unused));
  fill(at('legend'), shown.map((standing) => h('li', {}, sample(standing), ` ${STANDING[standing]}`, standing === 'unused' ? '' : ` ${counts.get(standing) ?? 0}`)));
}

function sample(standing) {
  const look = LOOKS[standing];
  const picture = shape('svg', { class: 'sample', viewBox: '0 0 44 12', width: 44, height: 12, 'aria-hidden': 'true' });
  const colour = isDark() ? look.dark : look.light;
  picture.append(shape('path', { d: 'M0 6H36', stroke: colour, 'stroke-width': look.width, ...(look.dash === null ? {} : { 'stroke-dasharray': look.dash.join(' ') }) }), shape('path', { d: 'M36 1L44 6L36 11z', fill: colour }));
  if (look.mark === 'tee') picture.append(shape('path', { d: 'M20 0V12', stroke: colour, 'stroke-width': 3 }));
  return picture;
}

function shape(tag, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
