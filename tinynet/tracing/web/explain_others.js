// Linear layers, layers in which one input makes one output, softmax, and the loss.

const LINEAR = {
  output(layer, at) {
    const [n, f] = at;
    const inputs = range(layer.params.w.shape[0]);
    const x = factor("x[]", layer.input, grid(n, inputs));
    const products = part("products", [x, factor("w[]", layer.params.w, grid(inputs, f))]);
    const parts = [products, part("bias", [factor("b[]", layer.params.b, [[f]])])];
    const reason = `The dot product of the ${countOf(inputs.length, "input")} with column ${f} of w, and the bias.`;
    const formula = "y[n, f] = sum over k of x[n, k] * w[k, f], + b[f]";
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, formula, reason);
  },

  inputGradient(layer, at) {
    const [n, k] = at;
    const outputs = range(layer.params.w.shape[1]);
    const dy = factor("dy[]", layer.upstream, grid(n, outputs));
    const parts = [part("products", [dy, factor("w[]", layer.params.w, grid(k, outputs))])];
    const reason = `The input went into ${countOf(outputs.length, "output")}: each sends back its gradient times the `
      + "weight that it met the input with.";
    const formula = "dx[n, k] = sum over f of dy[n, f] * w[k, f]";
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, formula, reason);
  },

  paramGradient(layer, name, at) {
    const upstream = factor("dy[]", layer.upstream, [[0, at[at.length - 1]]]);
    const isWeight = name === "w";
    const factors = isWeight ? [factor("x[]", layer.input, [[0, at[0]]]), upstream] : [upstream];
    const reason = isWeight ? "The weight was used once: its input times the gradient of its output."
      : "The bias was added once: the gradient of its output.";
    const formula = isWeight ? "dw[k, f] = sum over n of x[n, k] * dy[n, f]" : "db[f] = sum over n of dy[n, f]";
    const parts = [part(isWeight ? "products" : "upstream", factors)];
    return explanation(nameOfGradient(layer, name, at), layer.grads[name], at, parts, formula, reason);
  },
};

/** A layer in which one input makes one output: two functions of (layer, at) that return factors, formula, reason. */
function oneToOne(forward, backward) {
  return {
    output(layer, at) {
      const { factors, formula, reason } = forward(layer, at);
      const more = { seen: frameOfPlace(factors[0].places && factors[0].places[0], "input") };
      return explanation(nameOfOutput(layer, at), layer.output, at, [part("output", factors)], formula, reason, more);
    },
    inputGradient(layer, at) {
      const { factors, formula, reason } = backward(layer, at);
      const more = { seen: frameOfPlace(factors[0].places[0], "upstream") };
      const parts = [part("gradient", factors)];
      return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, formula, reason, more);
    },
  };
}

function frameOfPlace(place, map) {
  if (place.length === 4) return frame(map, [place[1]], [place[2]], place[3]);
  return { map, unit: place };
}

const RELU = oneToOne(
  (layer, at) => {
    const x = factor("x[]", layer.input, [at]);
    const on = x.values[0] > 0;
    const reason = on ? "The input is above zero and passes." : "The input is not above zero, so the unit is off.";
    return { factors: [x, constant("on", Number(on))], formula: "y = max(x, 0)", reason };
  },
  (layer, at) => {
    const on = valueAt(layer.output, at) > 0;
    const reason = on ? "The unit was on: the gradient passes as it is." : "The unit was off: its slope is 0, and nothing passes.";
    const factors = [factor("dy[]", layer.upstream, [at]), constant("slope", Number(on))];
    return { factors, formula: "dx = dy where y > 0, else 0", reason };
  },
);

/** tanh or sigmoid: a curve, and the slope that its output tells. */
function squash(name, curve, formula, slope, slopeText) {
  return oneToOne(
    (layer, at) => {
      const x = valueAt(layer.input, at);
      const factors = [madeFactor(`${name}(x[])`, [curve(x)], [at], layer.input.eps)];
      return { factors, formula, reason: `The ${name} of the input ${brief(x)}.` };
    },
    (layer, at) => {
      const y = valueAt(layer.output, at);
      const factors = [factor("dy[]", layer.upstream, [at]), madeFactor(slopeText, [slope(y)], [at], layer.output.eps)];
      const reason = "The gradient that comes in times the slope of the curve there.";
      return { factors, formula: `dx = dy * ${slopeText.replaceAll("[]", "")}`, reason };
    },
  );
}

const TANH = squash("tanh", Math.tanh, "y = tanh(x)", (y) => 1 - y * y, "(1 - y[]**2)");
const SIGMOID = squash(
  "sigmoid", (x) => 0.5 + 0.5 * Math.tanh(0.5 * x), "y = 1 / (1 + exp(-x))", (y) => y * (1 - y), "y[] * (1 - y[])",
);

function maskReason(layer, at) {
  const mask = valueAt(layer.saved.mask, at);
  return mask === 0 ? "The unit was dropped." : `The unit was kept, and is multiplied by ${brief(mask)}.`;
}

const DROPOUT = oneToOne(
  (layer, at) => ({
    factors: [factor("x[]", layer.input, [at]), factor("mask[]", layer.saved.mask, [at])],
    formula: "y = x * mask,  mask is 0 with probability p, else 1 / (1 - p); 1 in evaluation",
    reason: maskReason(layer, at),
  }),
  (layer, at) => ({
    factors: [factor("dy[]", layer.upstream, [at]), factor("mask[]", layer.saved.mask, [at])],
    formula: "dx = dy * mask", reason: maskReason(layer, at),
  }),
);

const FLATTEN = oneToOne(
  (layer, [n, k]) => ({
    factors: [factor("x[]", layer.input, [[n, ...unravel(k, layer.input.shape.slice(1))]])],
    formula: "y[n, k] = x[n, h, w, c],  k = (h * W + w) * C + c", reason: "The same number at its place in a row.",
  }),
  (layer, [n, h, w, c]) => ({
    factors: [factor("dy[]", layer.upstream, [[n, (h * layer.input.shape[2] + w) * layer.input.shape[3] + c]])],
    formula: "dx[n, h, w, c] = dy[n, k],  k = (h * W + w) * C + c",
    reason: "The gradient of the same number at its place in the row.",
  }),
);

/** Where one probability came from: an exponential and the sum of them all. */
function probability(layer, at, what, probabilities) {
  const row = at.slice(0, -1);
  const c = at[at.length - 1];
  const places = grid(...row, range(layer.input.shape[layer.input.shape.length - 1]));
  const scores = places.map((place) => valueAt(layer.input, place));
  const largest = Math.max(...scores);
  const name = `exp(x[] − ${brief(largest)})`;
  const exps = madeFactor(name, scores.map((x) => Math.exp(x - largest)), places, layer.input.eps);
  const total = sum(exps.values);
  const inner = explanation("sum of exp", null, [], [part("exponentials", [exps])], "sum of exp(x - largest)",
    "The exponentials of the row.");
  const one = madeFactor(name, [exps.values[c]], [places[c]], layer.input.eps);
  const reason = "The exponential of its score, less the row's largest (which cancels), divided by the sum of the "
    + `exponentials of ${countOf(places.length, "score")}.`;
  const parts = [part("probability", [one, constant("1 / sum of exp", 1 / total)])];
  return explanation(what, probabilities, at, parts, "y[c] = exp(x[c]) / sum of exp(x)", reason, { inner: [inner] });
}

const SOFTMAX = {
  output: (layer, at) => probability(layer, at, nameOfOutput(layer, at), layer.output),

  inputGradient(layer, at) {
    const c = at[at.length - 1];
    const places = grid(...at.slice(0, -1), range(layer.input.shape[layer.input.shape.length - 1]));
    const y = places.map((place) => valueAt(layer.output, place));
    const jacobian = madeFactor("d y[] / d x", y.map((value, i) => value * ((i === c ? 1 : 0) - y[c])), places);
    const parts = [part("products", [factor("dy[]", layer.upstream, places), jacobian])];
    const reason = `The input moves every probability of its row, ${places.length} in all: each gradient that comes in `
      + "times its entry in the Jacobian.";
    const formula = "dx[c] = sum over i of dy[i] * y[i] * ((1 if i == c else 0) - y[c])";
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, formula, reason);
  },
};

const LOSS = {
  output(layer, at) {
    const place = [0, CONTENT.label];
    const scores = Array.from(layer.input.numbers);
    const largest = Math.max(...scores);
    // -log p, as log of the sum less the label's score, which a probability near 0 cannot break
    const surprise = Math.log(sum(scores.map((x) => Math.exp(x - largest)))) - (scores[CONTENT.label] - largest);
    const parts = [part("images", [madeFactor("−log p[]", [surprise], [place]), constant("1 / N", 1)])];
    const formula = "loss = mean over images n of -log p[n, label of n],  p = softmax of the scores";
    const reason = `Minus the logarithm of the probability of ${className(CONTENT.label)}, the label; the mean over N = 1 image.`;
    const inner = [probability(layer, place, `p[${place.join(", ")}]`, layer.saved.probabilities)];
    // As in Python, for a loss near 0: the scores are rounded, not their difference.
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, formula, reason, { inner, slack: 1e-6 });
  },

  inputGradient(layer, at) {
    const c = at[1];
    const isLabel = c === CONTENT.label;
    const parts = [
      part("probability", [factor("p[]", layer.saved.probabilities, [at]), constant("1 / N", 1)]),
      part("one-hot label", [constant(`−(class ${c} is the label)`, isLabel ? -1 : 0), constant("1 / N", 1)]),
    ];
    const reason = `The probability of ${className(c)}, less 1 where it is the label `
      + `(here ${className(CONTENT.label)}), over N images.`;
    const inner = [probability(layer, at, `p[${at.join(", ")}]`, layer.saved.probabilities)];
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, "dx = (p - one-hot label) / N", reason,
      { inner });
  },
};
