// What an explanation consists of, as in Python: parts, whose terms are products of factors, and the number they make.

/** A factor of all terms of a part: what `array` has at `places`. "[]" in its name is where the place goes. */
function factor(name, array, places) {
  return {
    name, places, values: places.map((place) => valueAt(array, place)), eps: array.eps,
    inside: places.map((place) => isInside(array, place)),
  };
}

/** A factor worked out from numbers at `places`. */
function madeFactor(name, values, places, eps = 0) {
  return { name, places, values, eps, inside: null };
}

/** A factor that is the same in `count` terms. */
function constant(name, value, count = 1) {
  return { name, places: null, values: new Array(count).fill(value), eps: 0, inside: null };
}

/** The text of a factor in one term: "x[0, 5, 7, 3]". */
function factorText(each, index) {
  return each.name.replaceAll("[]", each.places ? `[${each.places[index].join(", ")}]` : "");
}

/**
 * Terms of one kind. `shape` and `axes` say how they are laid out: [KH, KW, C] and ["row", "column", "channel"];
 * `notes` has a remark for each term.
 */
function part(name, factors, shape = null, axes = [], notes = null) {
  const values = factors[0].values.map((_, i) => product(factors.map((each) => each.values[i])));
  return { name, factors, values, total: sum(values), shape: shape || [values.length], axes, notes };
}

/** The remark on a term: given, or that it lies in the padding. */
function noteOf(one, index) {
  if (one.notes) return one.notes[index];
  return one.factors.some((each) => each.inside && !each.inside[index]) ? "outside the image" : "";
}

/**
 * Where a number came from. `array` is where it stands, null if the file is without it; `more` may have `seen` (a part
 * of a map to draw a frame around), `inner` (explanations of factors that are sums themselves) and `slack`, what the
 * factors' own rounding adds.
 */
function explanation(what, array, at, parts, formula, reason, more = {}) {
  const value = array ? valueAt(array, at) : null;
  const total = sum(parts.map((one) => one.total));
  const terms = sum(parts.map((one) => one.values.length));
  const size = sum(parts.map((one) => sum(one.values.map(Math.abs))));
  const eps = Math.max(array ? array.eps : 0, ...parts.flatMap((one) => one.factors.map((each) => each.eps)));
  const rounding = eps * (8 + Math.sqrt(terms)) * size + (more.slack ?? 0);
  const difference = value === null || total === value ? 0 : total - value;
  const agrees = Math.abs(difference) <= rounding || (Number.isNaN(total) && Number.isNaN(value));
  return { seen: null, inner: [], ...more, what, value, parts, formula, reason, total, terms, difference, agrees, eps };
}

/** A number with little to say about: its value and a sentence. */
function statement(what, array, at, reason, formula = "") {
  const value = valueAt(array, at);
  return { what, value, parts: [], formula, reason, total: value, terms: 0, difference: 0, agrees: true, seen: null, inner: [] };
}

/** Write a number with four digits. */
function brief(value) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-4 ? value.toExponential(3) : String(Number(value.toPrecision(4)));
  return withMinus(text.replace("e+", "e"));
}

/** Write a number with eight digits, as many as float32 has. */
function long(value) {
  return value === 0 ? "0" : withMinus(value.toPrecision(8));
}

/** A minus as long as a plus. */
function withMinus(text) {
  return text.replaceAll("-", "\u2212");
}

/** Write "1 window" or "4 windows". */
function countOf(count, what) {
  return count === 1 ? `${count} ${what}` : `${count} ${what}s`;
}
