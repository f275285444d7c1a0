// The classes by name, with what the network makes of each: its score and its probability.

const MOST_CLASSES = 10;

/**
 * Return a table of the most probable classes and of the label, for a view of the scores or of the loss: the scores and
 * the probabilities that softmax makes of them; in the backward pass the gradients that follow from these. Null for any
 * other view.
 */
function scoresTable({ direction, station, which }) {
  const atScores = station === lastStation() - 1 && which === "x";
  if (!atScores && !(station === lastStation() && direction === "forward")) return null;
  const [{ value, gradient }, { saved }] = CONTENT.stations.slice(-2);
  const probabilities = arrayOf(saved.probabilities).numbers;
  const order = range(probabilities.length).sort((a, b) => probabilities[b] - probabilities[a] || a - b);
  const shown = order.filter((c, rank) => rank < MOST_CLASSES || c === CONTENT.label);
  const score = (c) => brief(arrayOf(value).numbers[c]);
  const probability = (c) => shareCell(probabilities[c]);
  const slope = (c) => brief(arrayOf(gradient).numbers[c]);
  const columns = direction === "forward" ? { class: nameCell, score, probability }
    : { class: nameCell, probability, gradient: slope };
  const head = Object.keys(columns).map((name) => el("th", { scope: "col" }, name));
  const rows = shown.map((c) => el("tr", { class: c === CONTENT.label ? "label" : null },
    ...Object.values(columns).map((cell) => el("td", {}, cell(c)))));
  const caption = shown.length < order.length && `${shown.length} of ${order.length} classes, the most probable first`;
  return el("table", { class: "scores" }, caption ? el("caption", {}, caption) : null,
    el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
}

function nameCell(c) {
  const known = CONTENT.classNames?.[c];
  const name = known === undefined ? `class ${c}` : `${c} (${known})`;
  return c === CONTENT.label ? `${name}, the label` : name;
}

/** A probability as a number and as a bar. */
function shareCell(probability) {
  return el("span", {}, percent(probability), el("span", { class: "bar", style: `width: ${100 * probability}%` }));
}

function percent(probability) {
  return `${(100 * probability).toFixed(1)}%`;
}
