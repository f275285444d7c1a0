// What explanations say, from TEXTS, the copy of ../explain/texts.toml that page.py puts into the page; and numbers as text.

/** Return the formula of a section and one of its reasons, filled in: {formula, reason}. */
function wording(section, values = {}, reason = "reason") {
  return { formula: textOf(section, "formula", values), reason: textOf(section, reason, values) };
}

/** Return a text with its {placeholders} filled in. */
function textOf(section, name, values = {}) {
  return TEXTS[section][name].replace(/\{(\w+):?([^}]*)\}/g, (_, key, form) => {
    if (!(key in values)) throw new Error(`${section}.${name}: nothing is given for {${key}}`);
    return written(values[key], form);
  });
}

/** Write a value: as it is, "1 window" or "4 windows" for the form "window", or a number in a format like ".6g". */
function written(value, form) {
  if (/^[a-z]+$/i.test(form)) return countOf(value, form);
  const text = form ? formatted(value, form) : String(value);
  return typeof value === "number" ? withMinus(text) : text;
}

/** Write a number as Python does: ".4g" has four digits, ".1e" one after the point. */
function formatted(value, form) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const [digits, general] = [Number(form[1]), form[2] === "g"];
  const [mantissa, power] = (value || 0).toExponential(general ? digits - 1 : digits).split("e");
  if (general && power >= -4 && power < digits) return String(Number(value.toPrecision(digits)));
  return `${general ? Number(mantissa) : mantissa}e${power[0]}${power.slice(1).padStart(2, "0")}`;
}

/** Write a number with four digits. */
function brief(value) {
  return withMinus(formatted(value, ".4g"));
}

/** A minus as long as a plus. */
function withMinus(text) {
  return text.replaceAll("-", "\u2212");
}

/** Write "1 window" or "4 windows". */
function countOf(count, what) {
  return count === 1 ? `${count} ${what}` : `${count} ${what}s`;
}
