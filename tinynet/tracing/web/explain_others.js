// Linear layers, layers in which one input makes one output, softmax, and the loss.

const LINEAR = {
  output(layer, at) {
    const [n, f] = at;
    const inputs = range(layer.params.w.shape[0]);
    const x = factor("x[]", layer.input, grid(n, inputs));
    const products = part("products", [x, factor("w[]", layer.params.w, grid(inputs, f))]);
    const parts = [products, part("bias", [factor("b[]", layer.params.b, [[f]])])];
    const says = wording("Linear.output", { inputs: inputs.length, n, f });
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, says);
  },

  inputGradient(layer, at) {
    const [n, k] = at;
    const outputs = range(layer.params.w.shape[1]);
    const dy = factor("dy[]", layer.upstream, grid(n, outputs));
    const parts = [part("products", [dy, factor("w[]", layer.params.w, grid(k, outputs))])];
    const says = wording("Linear.x", { outputs: outputs.length });
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, says);
  },

  paramGradient(layer, name, at) {
    const upstream = factor("dy[]", layer.upstream, [[0, at[at.length - 1]]]);
    const isWeight = name === "w";
    const factors = isWeight ? [factor("x[]", layer.input, [[0, at[0]]]), upstream] : [upstream];
    const says = wording(isWeight ? "Linear.w" : "Linear.b", { images: 1 });
    const parts = [part(isWeight ? "products" : "upstream", factors)];
    return explanation(nameOfGradient(layer, name, at), layer.grads[name], at, parts, says);
  },
};

/** A layer in which one input makes one output: two functions of (layer, at) that return {factors, says, slack}. */
function oneToOne(forward, backward) {
  return {
    output(layer, at) {
      const { factors, says, slack, selects } = forward(layer, at);
      const more = { seen: frameOfIndex(factors[0].indices[0], "input"), slack };
      const parts = [part("output", factors, null, [], null, selects)];
      return explanation(nameOfOutput(layer, at), layer.output, at, parts, says, more);
    },
    inputGradient(layer, at) {
      const { factors, says, slack } = backward(layer, at);
      const more = { seen: frameOfIndex(factors[0].indices[0], "upstream"), slack };
      const parts = [part("gradient", factors)];
      return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, says, more);
    },
  };
}

function frameOfIndex(at, map) {
  if (at.length === 4) return frame(map, [at[1]], [at[2]], at[3]);
  return { map, unit: at };
}

const RELU = oneToOne(
  (layer, at) => {
    const x = factor("x[]", layer.input, [at]);
    const on = !(x.values[0] <= 0); // nan passes
    const which = Number.isNaN(x.values[0]) ? "nan" : on ? "on" : "off";
    return { factors: [x, constant("on", Number(on))], says: wording("ReLU.output", {}, which), selects: true };
  },
  (layer, at) => {
    const on = valueAt(layer.output, at) > 0;
    const factors = [factor("dy[]", layer.upstream, [at]), constant("slope", Number(on))];
    return { factors, says: wording("ReLU.x", {}, on ? "on" : "off") };
  },
);

/** tanh or sigmoid: a curve, and its slope, which follows from the output. */
function squash(name, curve, outputSection, gradientSection, slope, slopeText, last = 0) {
  return oneToOne(
    (layer, at) => {
      const x = valueAt(layer.input, at);
      const factors = [madeFactor(`${name}(x[])`, [curve(x)], [at], layer.input.eps)];
      return { factors, says: wording(outputSection, { x }), slack: last * layer.output.eps };
    },
    (layer, at) => {
      const y = valueAt(layer.output, at);
      const dy = factor("dy[]", layer.upstream, [at]);
      const factors = [dy, madeFactor(slopeText, [slope(y)], [at], layer.output.eps)];
      // Where y is next to 1 the slope is a small difference of numbers next to 1, and off by the last digit of these.
      return { factors, says: wording(gradientSection), slack: layer.output.eps * Math.abs(dy.values[0]) };
    },
  );
}

const TANH = squash("tanh", Math.tanh, "Tanh.output", "Tanh.x", (y) => 1 - y * y, "(1 - y[]**2)");
const SIGMOID = squash(
  "sigmoid", (x) => 0.5 + 0.5 * Math.tanh(0.5 * x), "Sigmoid.output", "Sigmoid.x", (y) => y * (1 - y), "y[] * (1 - y[])",
  1, // near 0 it is the difference of tanh and -1, and off by the last digit of these
);

/** Dropout's output or gradient: what comes in, times the mask. */
function masked(section, comesIn, layer, at) {
  const mask = factor("mask[]", layer.saved.mask, [at]);
  const value = mask.values[0];
  return { factors: [comesIn, mask], says: wording(section, { mask: value }, value === 0 ? "dropped" : "kept") };
}

const DROPOUT = oneToOne(
  (layer, at) => masked("Dropout.output", factor("x[]", layer.input, [at]), layer, at),
  (layer, at) => masked("Dropout.x", factor("dy[]", layer.upstream, [at]), layer, at),
);

const FLATTEN = oneToOne(
  (layer, [n, k]) => ({
    factors: [factor("x[]", layer.input, [[n, ...unravel(k, layer.input.shape.slice(1))]])],
    says: wording("Flatten.output"),
  }),
  (layer, [n, ...place]) => ({
    factors: [factor("dy[]", layer.upstream, [[n, place.reduce((k, i, axis) => k * layer.input.shape[axis + 1] + i, 0)]])],
    says: wording("Flatten.x"),
  }),
);

/** Where one probability came from: an exponential and the sum of them all. */
function probability(layer, at, what, probabilities) {
  const row = at.slice(0, -1);
  const c = at[at.length - 1];
  const indices = grid(...row, range(layer.input.shape[layer.input.shape.length - 1]));
  const scores = indices.map((each) => valueAt(layer.input, each));
  const largest = Math.max(...scores);
  const name = "exp(x[] - largest)";
  const exps = madeFactor(name, scores.map((x) => Math.exp(x - largest)), indices, layer.input.eps);
  const total = sum(exps.values);
  const inner = explanation("sum of exp", null, [], [part("exponentials", [exps])], wording("Softmax.sum"));
  const one = madeFactor(name, [exps.values[c]], [indices[c]], layer.input.eps);
  const parts = [part("probability", [one, constant("1 / sum of exp", 1 / total)])];
  const says = wording("Softmax.output", { largest, count: indices.length });
  // An exponent is rounded in its last digit, and an exponential is off by as large a part of itself.
  const off = largest - scores[c] + sum(scores.map((x, i) => (exps.values[i] ? exps.values[i] * (largest - x) : 0))) / total;
  const slack = exps.values[c] === 0 ? 0 : (2 * probabilities.eps * off * exps.values[c]) / total;
  return explanation(what, probabilities, at, parts, says, { inner: [inner], slack });
}

const SOFTMAX = {
  output: (layer, at) => probability(layer, at, nameOfOutput(layer, at), layer.output),

  inputGradient(layer, at) {
    const c = at[at.length - 1];
    const indices = grid(...at.slice(0, -1), range(layer.input.shape[layer.input.shape.length - 1]));
    const y = indices.map((each) => valueAt(layer.output, each));
    const jacobian = madeFactor("d y[] / d x", y.map((value, i) => value * ((i === c ? 1 : 0) - y[c])), indices);
    const dy = factor("dy[]", layer.upstream, indices);
    const says = wording("Softmax.x", { count: indices.length });
    // dy[c] and the sum of dy * y, whose difference the layer takes, are nearly equal where y[c] is next to 1
    const size = Math.abs(dy.values[c]) + sum(dy.values.map((value, i) => Math.abs(value * y[i])));
    const parts = [part("products", [dy, jacobian])];
    const slack = 4 * layer.output.eps * y[c] * size;
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, says, { slack });
  },
};

const LOSS = {
  output(layer, at) {
    const label = [0, CONTENT.label];
    const scores = Array.from(layer.input.numbers);
    const largest = Math.max(...scores);
    // -log p, as log of the sum less the label's score, which a probability near 0 cannot break
    const surprise = Math.log(sum(scores.map((x) => Math.exp(x - largest)))) - (scores[CONTENT.label] - largest);
    const parts = [part("images", [madeFactor("-log p[]", [surprise], [label]), constant("1 / N", 1)])];
    const says = wording("SoftmaxCrossEntropy.output", { label: className(CONTENT.label), n: 1 }, "one");
    const inner = [probability(layer, label, `p[${label.join(", ")}]`, layer.saved.probabilities)];
    const slack = 8 * layer.output.eps; // near 0 a loss is the logarithm of a sum next to 1
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, says, { inner, slack });
  },

  inputGradient(layer, at) {
    const c = at[1];
    const parts = [
      part("probability", [factor("p[]", layer.saved.probabilities, [at]), constant("1 / N", 1)]),
      part("one-hot label", [constant(`-(class ${c} is the label)`, c === CONTENT.label ? -1 : 0), constant("1 / N", 1)]),
    ];
    const says = wording("SoftmaxCrossEntropy.x", { chosen: className(c), label: className(CONTENT.label), n: 1 });
    const inner = [probability(layer, at, `p[${at.join(", ")}]`, layer.saved.probabilities)];
    const scores = Array.from(layer.input.numbers);
    const largest = Math.max(...scores);
    const logP = scores[c] - largest - Math.log(sum(scores.map((x) => Math.exp(x - largest)))); // the layer's exponent
    const slack = logP === -Infinity ? 0 : 4 * layer.output.eps * -logP * Math.exp(logP);
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, says, { inner, slack });
  },
};
