// Names come from outside. Nothing in them may hide, reorder or fill the page: controls and direction marks become
// visible, and what is too long is cut.

const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\u{e0000}-\u{e0fff}]/gu;

/** A text on one line, at most `most` characters, whose hidden characters are written as `<U+202E>`. */
export function visible(value, most = 120) {
  return cut(String(value), most).replace(HIDDEN, named);
}

/** The same for a text of several lines: line feeds and tabs stay. */
export function visibleLines(value, most = 2_000_000) {
  return cut(String(value), most).replace(HIDDEN, (found) => (found === '\n' || found === '\t' ? found : named(found)));
}

function named(found) {
  return `<U+${found.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}>`;
}

function cut(value, most) {
  if (value.length <= most) return value;
  const kept = value.slice(0, most - 1);
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`;
}
