// What an explanation consists of, as in Python: parts, whose terms are products of factors, and the number they make.

/** A factor of all terms of a part: what `array` has at `indices`. "[]" in its name is where the index goes. */
function factor(name, array, indices) {
  return {
    name, indices, values: indices.map((at) => valueAt(array, at)), eps: array.eps,
    inside: indices.map((at) => isInside(array, at)),
  };
}

/** A factor worked out from numbers at `indices`. */
function madeFactor(name, values, indices, eps = 0) {
  return { name, indices, values, eps, inside: null };
}

/** A factor that is the same in `count` terms. */
function constant(name, value, count = 1) {
  return { name, indices: null, values: new Array(count).fill(value), eps: 0, inside: null };
}

/** The text of a factor in term t: "x[0, 5, 7, 3]". */
function factorText(each, t) {
  return each.name.replaceAll("[]", each.indices ? `[${each.indices[t].join(", ")}]` : "");
}

/**
 * Terms of one kind. `shape` and `axes` say how they are laid out: [KH, KW, C] and ["row", "column", "channel"];
 * `notes` has a remark for each term.
 */
function part(name, factors, shape = null, axes = [], notes = null, selects = false) {
  const last = factors[factors.length - 1];
  const values = factors[0].values.map((_, t) => (
    selects && last.values[t] === 0 ? 0 : product(factors.map((each) => each.values[t]))));
  return { name, factors, values, total: sum(values), shape: shape || [values.length], axes, notes };
}

/** The remark on term t: given, or that it lies in the padding. */
function noteOf(one, t) {
  if (one.notes) return one.notes[t];
  return one.factors.some((each) => each.inside && !each.inside[t]) ? textOf("note", "outside") : "";
}

/**
 * Where a number came from. `array` is where it stands, null if the file is without it; `says` has formula and reason;
 * `more` may have `seen` (a part of a map to draw a frame around), `inner` (explanations of factors that are sums
 * themselves) and `slack`, what the factors' own rounding adds.
 */
function explanation(what, array, at, parts, says, more = {}) {
  const value = array ? valueAt(array, at) : null;
  const total = sum(parts.map((one) => one.total));
  const terms = sum(parts.map((one) => one.values.length));
  const size = sum(parts.map((one) => sum(one.values.map(Math.abs))));
  const eps = Math.max(array ? array.eps : 0, ...parts.flatMap((one) => one.factors.map((each) => each.eps)));
  const smallest = 2 ** -149; // next to 0 numbers in float32 are multiples of it
  const rounding = (8 + Math.sqrt(terms)) * (eps * size + smallest) + (more.slack ?? 0);
  const difference = value === null || total === value ? 0 : total - value;
  const agrees = difference === 0 || Math.abs(difference) <= rounding || (Number.isNaN(total) && Number.isNaN(value));
  return { seen: null, inner: [], ...more, ...says, what, value, parts, total, terms, difference, agrees, eps };
}

/** A number with little to say about: its value and a sentence. */
function statement(what, array, at, reason) {
  const value = valueAt(array, at);
  return { what, value, parts: [], formula: "", reason, total: value, terms: 0, difference: 0, agrees: true, seen: null, inner: [] };
}
