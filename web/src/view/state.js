// What the reader has chosen; views listen, the fragment keeps it.

export const TABS = ['map', 'findings', 'policies', 'proof', 'completeness'];

/** The state of a page that nobody touched. */
export function fresh(model) {
  return {
    tab: TABS.includes(model.open) ? model.open : 'map',
    open: new Set(),
    at: null,
    ns: '',
    verdict: '',
    port: '',
    text: '',
    findings: false,
    unused: false,
    after: false,
    list: false,
    span: [0, model.slices === null ? 0 : model.slices.count],
    finding: '',
    policy: '',
  };
}

/** A store: `get`, `set` with a change, `listen` for changes. */
export function store(initial) {
  let state = initial;
  const listeners = [];
  return {
    get: () => state,
    set(change) {
      const before = state;
      state = { ...state, ...change };
      for (const listener of listeners) listener(state, before);
    },
    listen: (listener) => listeners.push(listener),
  };
}

/** Whether anything is filtered away. */
export function isFiltered(state, model) {
  return state.ns !== '' || state.verdict !== '' || state.port !== '' || state.text !== '' || state.findings || isPartOfTime(state, model);
}

export function isPartOfTime(state, model) {
  return model.slices !== null && (state.span[0] > 0 || state.span[1] < model.slices.count);
}
