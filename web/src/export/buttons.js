// The export buttons of the tool bar.

import { at } from '../view/dom.js';
import { say } from '../view/say.js';
import { isDark } from '../view/theme.js';
import { csv } from './csv.js';
import { png } from './png.js';
import { save } from './save.js';
import { svg } from './svg.js';

export function exports(page) {
  const picture = () => svg(page.map.cy, page.model.title, isDark());
  at('export-svg').addEventListener('click', () => {
    save('flowfence.svg', 'image/svg+xml', picture());
    say('The map was saved as SVG.');
  });
  at('export-png').addEventListener('click', async () => {
    const octets = await png(picture());
    if (octets === null) return say('The browser could not draw a picture this large: save the SVG, or fold and filter first.');
    save('flowfence.png', 'image/png', octets);
    return say('The map was saved as PNG.');
  });
  at('export-csv').addEventListener('click', () => {
    save('flowfence.csv', 'text/csv', csv(page.model, page.state(), page.edges()));
    say('The edges that are shown were saved as CSV.');
  });
}
