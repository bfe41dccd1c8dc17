// How each way of standing looks: a colour of Okabe and Ito's set and a line of its own, so that neither is needed to
// tell them apart. The map, the legend and the exported picture read the same table.

/** `dark` is the colour on the dark page; `dash` is in pixels. */
export const LOOKS = {
  allowed: { light: '#444444', dark: '#c9c9c9', width: 2, dash: null },
  denied: { light: '#d55e00', dark: '#ff8a3d', width: 3, dash: [12, 4], mark: 'tee' },
  unspecified: { light: '#e69f00', dark: '#e69f00', width: 2, dash: [8, 4, 2, 4] },
  probe: { light: '#999999', dark: '#8a8a8a', width: 1.5, dash: [2, 4] },
  attempted: { light: '#0072b2', dark: '#56b4e9', width: 2, dash: [6, 5] },
  cut: { light: '#cc79a7', dark: '#e694c1', width: 4.5, dash: [14, 5], mark: 'tee' },
  unused: { light: '#666666', dark: '#aaaaaa', width: 0.8, dash: null },
};

export function colours(isDark) {
  return isDark
    ? { page: '#14171c', box: '#1f242c', group: '#262d38', line: '#8b95a5', text: '#eceff4', quiet: '#aab3c0', mark: '#56b4e9', error: '#ff8a3d', fresh: '#009e73' }
    : { page: '#ffffff', box: '#ffffff', group: '#eef2f6', line: '#5b6673', text: '#16191d', quiet: '#4a535e', mark: '#0072b2', error: '#b84a00', fresh: '#007a59' };
}

/** Cytoscape's style sheet. */
export function sheet(isDark) {
  const colour = colours(isDark);
  return [
    ...nodeLooks(colour),
    ...edgeLooks(colour),
    ...Object.entries(LOOKS).map(([standing, look]) => ({
      selector: `edge[standing = "${standing}"]`,
      style: {
        'line-color': isDark ? look.dark : look.light,
        'target-arrow-color': isDark ? look.dark : look.light,
        'mid-target-arrow-color': isDark ? look.dark : look.light,
        width: look.width,
        'line-style': look.dash === null ? 'solid' : 'dashed',
        ...(look.dash === null ? {} : { 'line-dash-pattern': look.dash }),
        'mid-target-arrow-shape': look.mark ?? 'none',
      },
    })),
    { selector: 'edge[?crowded][standing = "allowed"], edge[?crowded][standing = "probe"]', style: { opacity: 0.55 } },
    { selector: 'edge.near', style: { label: 'data(ports)', opacity: 1 } },
    { selector: '.dim', style: { opacity: 0.16 } },
    { selector: 'node.chosen', style: { 'border-color': colour.mark, 'border-width': 4 } },
    { selector: 'edge.chosen', style: { 'underlay-color': colour.mark, 'underlay-opacity': 0.35, 'underlay-padding': 5 } },
  ];
}

function nodeLooks(colour) {
  return [
    {
      selector: 'node',
      style: {
        shape: 'round-rectangle',
        width: 'data(width)',
        height: 'data(height)',
        label: 'data(label)',
        color: colour.text,
        'background-color': colour.box,
        'border-color': colour.line,
        'border-width': 1.2,
        'font-size': 12,
        'font-family': 'system-ui, "DejaVu Sans", sans-serif',
        'text-valign': 'center',
        'text-halign': 'center',
        'text-wrap': 'wrap',
        'text-max-width': 400,
      },
    },
    { selector: 'node[what = "group"]', style: { 'background-color': colour.group, 'border-style': 'double', 'border-width': 4, 'font-weight': 'bold' } },
    { selector: 'node[kind = "external"], node[kind = "unknown"]', style: { shape: 'ellipse' } },
    { selector: 'node[kind = "node"], node[kind = "apiserver"]', style: { shape: 'cut-rectangle' } },
    {
      selector: 'node[what = "open"]',
      style: { shape: 'round-rectangle', 'background-color': colour.group, 'background-opacity': 0.55, 'text-valign': 'top', 'text-halign': 'center', 'text-margin-y': -4, 'font-weight': 'bold', 'border-width': 1, padding: 22, 'compound-sizing-wrt-labels': 'exclude' },
    },
    { selector: 'node[alarm = "error"], node[alarm = "warning"]', style: { 'border-color': colour.error } },
    { selector: 'node[alarm = "error"]', style: { 'border-width': 3.5 } },
    { selector: 'node[?fresh]', style: { 'border-color': colour.fresh, 'border-style': 'double', 'border-width': 5 } },
  ];
}

function edgeLooks(colour) {
  return [
    {
      selector: 'edge',
      style: {
        'curve-style': 'unbundled-bezier',
        'control-point-distances': 'data(bend)',
        'control-point-weights': 0.5,
        'target-arrow-shape': 'triangle',
        'arrow-scale': 1.1,
        label: 'data(label)',
        'font-size': 10,
        color: colour.quiet,
        'text-background-color': colour.page,
        'text-background-opacity': 0.85,
        'text-background-padding': 2,
        'min-zoomed-font-size': 7,
        'text-events': 'yes',
      },
    },
    { selector: 'edge:loop', style: { 'curve-style': 'bezier', 'control-point-step-size': 70, 'loop-direction': '0deg', 'loop-sweep': '-50deg' } },
  ];
}
