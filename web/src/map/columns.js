// Columns for nodes and their order within, layered as Sugiyama, Tagawa and Toda do it: who asks stands left of who answers.
// Cycles are broken by one linear order, from who asks most of its share to who is asked most, so it costs next to nothing at
// 10,000 edges; and there are never more columns than a screen is wide, however long the longest chain.

const SWEEPS = 4;
const MOST_IN_LAYERS = 400;

/** Columns of keys. `links` are `{from, to, weight}` among `keys`; the same input gives the same columns. */
export function columns(keys, links) {
  const real = links.filter(({ from, to }) => from !== to);
  if (real.length === 0 || keys.length > MOST_IN_LAYERS) return blocks(keys);
  const linked = new Set(real.flatMap(({ from, to }) => [from, to]));
  const order = linear(keys.filter((key) => linked.has(key)), real);
  const layers = narrowed(ranked(order, real), order.length);
  return [...sweep(layers, real), ...blocks(keys.filter((key) => !linked.has(key)))];
}

/** From who only asks to who is only asked. */
function linear(keys, links) {
  const [out, all] = [new Map(), new Map()];
  for (const { from, to, weight } of links) {
    out.set(from, (out.get(from) ?? 0) + weight);
    for (const key of [from, to]) all.set(key, (all.get(key) ?? 0) + weight);
  }
  const share = (key) => (out.get(key) ?? 0) / all.get(key);
  return [...keys].sort((a, b) => share(b) - share(a) || compare(a, b));
}

/** The longest way from the left, over links that go with the order. */
function ranked(order, links) {
  const at = new Map(order.map((key, index) => [key, index]));
  const coming = new Map(order.map((key) => [key, []]));
  for (const { from, to } of links) if (at.get(from) < at.get(to)) coming.get(to).push(from);
  const ranks = new Map();
  for (const key of order) ranks.set(key, Math.max(0, ...coming.get(key).map((from) => ranks.get(from) + 1)));
  const layers = Array.from({ length: Math.max(...ranks.values()) + 1 }, () => []);
  for (const key of order) layers[ranks.get(key)].push(key);
  return layers;
}

/** At most as many layers as keep the picture about as wide as a screen: neighbours share one, and long ones are split. */
function narrowed(layers, number) {
  const most = Math.max(3, Math.ceil(Math.sqrt(number * 0.8)));
  const longest = Math.max(6, Math.ceil(number / most) + 2);
  const joined = [];
  const share = Math.ceil(number / most);
  for (const layer of layers) {
    const last = joined.at(-1);
    if (layers.length > most && last !== undefined && last.length + layer.length <= share) last.push(...layer);
    else joined.push([...layer]);
  }
  return joined.flatMap((layer) => pieces(layer, longest));
}

/** Orders each layer by the middle of its neighbours, back and forth. */
function sweep(layers, links) {
  const near = new Map();
  for (const { from, to } of links) {
    for (const [key, other] of [[from, to], [to, from]]) near.set(key, [...(near.get(key) ?? []), other]);
  }
  for (let time = 0; time < SWEEPS; time += 1) {
    const height = new Map();
    for (const layer of layers) layer.forEach((key, index) => height.set(key, index - (layer.length - 1) / 2));
    for (const layer of time % 2 === 0 ? layers : layers.toReversed()) {
      const middle = new Map(layer.map((key) => [key, mean(near.get(key).map((other) => height.get(other)))]));
      layer.sort((a, b) => middle.get(a) - middle.get(b) || compare(a, b));
      layer.forEach((key, index) => height.set(key, index - (layer.length - 1) / 2));
    }
  }
  return layers;
}

/** A block about as wide as it is high, for nodes are three times wider than high. */
function blocks(keys) {
  return pieces(keys, Math.max(1, Math.ceil(Math.sqrt(keys.length * 3))));
}

function pieces(keys, length) {
  const parts = Math.ceil(keys.length / length);
  const each = Math.ceil(keys.length / Math.max(1, parts));
  return Array.from({ length: parts }, (_, at) => keys.slice(at * each, (at + 1) * each)).filter((piece) => piece.length > 0);
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
