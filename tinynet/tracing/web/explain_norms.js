// Normalization: response normalization across channels or within a map, and batch normalization.

/** The indices whose squares are in the scale of `at`, itself among them; the relation goes both ways. */
function neighbours(layer, at) {
  const { size, groups } = layer.settings;
  const half = Math.floor(size / 2);
  const [places, c] = [at.slice(0, -1), at[at.length - 1]];
  const channels = layer.input.shape[at.length - 1];
  const around = (middle, first, end) => range(Math.max(first, middle - half), Math.min(end, middle + half + 1));
  if (layer.kind === "SpatialResponseNorm") {
    const [[n, h, w], [, height, width]] = [places, layer.input.shape];
    return grid(n, around(h, 0, height), around(w, 0, width), c);
  }
  const length = channels / groups;
  const first = Math.floor(c / length) * length; // of its group
  return grid(...places, around(c, first, first + length));
}

function aroundText({ kind, settings: { size } }) {
  return textOf(kind === "LocalResponseNorm" ? "LocalResponseNorm" : "SpatialResponseNorm", "around", { size });
}

/** The denominator before its power: k + alpha * the sum of squares nearby. */
function scaleAt(layer, at) {
  const { alpha, k } = layer.settings;
  return k + alpha * sum(neighbours(layer, at).map((near) => valueAt(layer.input, near) ** 2));
}

/** The scale at these indices to a power, as a factor. */
function power(layer, indices, exponent) {
  const values = indices.map((at) => scaleAt(layer, at) ** exponent);
  return madeFactor(`scale[]**${formatted(exponent, ".6g")}`, values, indices, layer.input.eps);
}

/** Where the denominator before its power came from. */
function scaleExplained(layer, at) {
  const { alpha, k } = layer.settings;
  const near = neighbours(layer, at);
  const squares = madeFactor("x[]**2", near.map((each) => valueAt(layer.input, each) ** 2), near);
  const parts = [part("k", [constant("k", k)]), part("squares", [constant("alpha", alpha, near.length), squares])];
  const says = wording("ResponseNorm.scale", { around: aroundText(layer), count: near.length });
  return explanation(`scale[${at.join(", ")}]`, null, at, parts, says);
}

const RESPONSE_NORM = {
  output(layer, at) {
    const { beta } = layer.settings;
    const parts = [part("output", [factor("x[]", layer.input, [at]), power(layer, [at], -beta)])];
    const says = wording("ResponseNorm.output", { around: aroundText(layer), beta, scale: scaleAt(layer, at) });
    const more = { inner: [scaleExplained(layer, at)], seen: frameAround(layer, at, "input") };
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, says, more);
  },

  inputGradient(layer, at) {
    const { alpha, beta } = layer.settings;
    const near = neighbours(layer, at);
    const own = part("own path", [factor("dy[]", layer.upstream, [at]), power(layer, [at], -beta)]);
    const slope = -2 * alpha * beta * valueAt(layer.input, at); // of scale**-beta, less a factor
    const shared = part("shared path", [
      constant("-2 alpha beta x", slope, near.length), factor("dy[]", layer.upstream, near),
      factor("x[]", layer.input, near), power(layer, near, -beta - 1),
    ]);
    const says = wording("ResponseNorm.x", { count: near.length });
    const more = { inner: [scaleExplained(layer, at)], seen: frameAround(layer, at, "upstream") };
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, [own, shared], says, more);
  },
};

function frameAround(layer, at, map) {
  if (at.length !== 4) return frameOfIndex(at, map);
  const near = neighbours(layer, at);
  const rows = [...new Set(near.map((each) => each[1]))];
  const columns = [...new Set(near.map((each) => each[2]))];
  return frame(map, rows, columns, at[3]);
}

const BATCH_AXES = ["image", "row", "column"];

/** All indices of channel (or feature) c, which share its mean and variance. */
function channelIndices({ input }, c) {
  return grid(...input.shape.slice(0, -1).map((length) => range(length)), c);
}

/** A sum over all that share a mean: images, and for images with rows and columns their places. */
function summed(name, factors, { input }) {
  const shape = input.shape.slice(0, -1);
  return part(name, factors, shape, BATCH_AXES.slice(0, shape.length));
}

/** What the texts call a channel and the places that share its mean. */
function wordsFor({ input }) {
  return input.shape.length === 4 ? { channel: "channel", places: "n, i and j" } : { channel: "feature", places: "n" };
}

/** Where the square of the deviation came from. */
function varianceExplained(layer, c, mean) {
  const indices = channelIndices(layer, c);
  const m = indices.length;
  const squares = madeFactor("(x[] - mean)**2", indices.map((at) => (valueAt(layer.input, at) - mean) ** 2), indices);
  const parts = [
    summed("squares", [constant("1 / M", 1 / m, m), squares], layer),
    part("eps", [constant("eps", layer.settings.eps)]),
  ];
  return explanation(`deviation[${c}]**2`, null, [c], parts, wording("BatchNorm.variance", { m }));
}

const BATCH_NORM = {
  output(layer, at) {
    const c = at[at.length - 1];
    const { normalized, deviation } = layer.saved;
    const indices = channelIndices(layer, c);
    const mean = layer.fromBatch ? sum(indices.map((each) => valueAt(layer.input, each))) / indices.length
      : valueAt(layer.runningMean, [c]);
    const scaled = part("scaled", [factor("w[]", layer.params.w, [[c]]), factor("normalized[]", normalized, [at])]);
    const parts = [scaled, part("bias", [factor("b[]", layer.params.b, [[c]])])];
    const numbers = { x: valueAt(layer.input, at), mean, deviation: valueAt(deviation, [c]), c };
    const says = wording("BatchNorm.output", { ...numbers, ...wordsFor(layer) }, layer.fromBatch ? "batch" : "running");
    const inner = layer.fromBatch ? [varianceExplained(layer, c, mean)] : [];
    const more = { inner, seen: frameOfIndex(at, "input") };
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, says, more);
  },

  inputGradient(layer, at) {
    const c = at[at.length - 1];
    const { normalized, deviation } = layer.saved;
    const slope = valueAt(layer.params.w, [c]) / valueAt(deviation, [c]);
    const parts = [part("own path", [constant("w / deviation", slope), factor("dy[]", layer.upstream, [at])])];
    let says = wording("BatchNorm.x", {}, "running");
    if (layer.fromBatch) {
      const indices = channelIndices(layer, c);
      const m = indices.length;
      const dy = factor("dy[]", layer.upstream, indices);
      const here = valueAt(normalized, at);
      parts.push(summed("through the mean", [constant("-w / (deviation M)", -slope / m, m), dy], layer));
      parts.push(summed("through the variance", [
        constant("-w normalized / (deviation M)", (-slope * here) / m, m), dy, factor("normalized[]", normalized, indices),
      ], layer));
      says = wording("BatchNorm.x", { m, c, ...wordsFor(layer) }, "batch");
    }
    const more = { seen: frameOfIndex(at, "upstream") };
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, says, more);
  },

  paramGradient(layer, name, at) {
    const indices = channelIndices(layer, at[0]);
    const dy = factor("dy[]", layer.upstream, indices);
    const isWeight = name === "w";
    const factors = isWeight ? [factor("normalized[]", layer.saved.normalized, indices), dy] : [dy];
    const parts = [summed(isWeight ? "products" : "upstream", factors, layer)];
    const says = wording(isWeight ? "BatchNorm.w" : "BatchNorm.b", { outputs: indices.length, ...wordsFor(layer) });
    return explanation(nameOfGradient(layer, name, at), layer.grads[name], at, parts, says);
  },
};
