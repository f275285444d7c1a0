// Normalisation: response normalisation across channels or within a map, and batch normalisation.

/** The places whose squares are in the scale of `at`, itself among them; the relation goes both ways. */
function neighbours(layer, [n, h, w, c]) {
  const { size, groups } = layer.settings;
  const half = Math.floor(size / 2);
  const [, height, width, channels] = layer.input.shape;
  const around = (place, first, end) => range(Math.max(first, place - half), Math.min(end, place + half + 1));
  if (layer.kind === "SpatialResponseNorm") return grid(n, around(h, 0, height), around(w, 0, width), c);
  const length = channels / groups;
  const first = Math.floor(c / length) * length; // of its group
  return grid(n, h, w, around(c, first, first + length));
}

function aroundText({ kind, settings }) {
  return kind === "LocalResponseNorm" ? `${settings.size} nearby channels` : `${settings.size} x ${settings.size} places around`;
}

/** The denominator before its power: k + alpha * the sum of squares nearby. */
function scaleAt(layer, at) {
  const { alpha, k } = layer.settings;
  return k + alpha * sum(neighbours(layer, at).map((place) => valueAt(layer.input, place) ** 2));
}

/** The scale at these places to a power, as a factor. */
function power(layer, places, exponent) {
  const values = places.map((place) => scaleAt(layer, place) ** exponent);
  return madeFactor(`scale[]**${exponent}`, values, places, layer.input.eps);
}

/** Where the denominator before its power came from. */
function scaleExplained(layer, at) {
  const { alpha, k } = layer.settings;
  const near = neighbours(layer, at);
  const squares = madeFactor("x[]**2", near.map((place) => valueAt(layer.input, place) ** 2), near);
  const parts = [part("k", [constant("k", k)]), part("squares", [constant("alpha", alpha, near.length), squares])];
  const reason = `The constant k, and alpha times the squares of ${countOf(near.length, "activation")} nearby.`;
  const formula = `scale = k + alpha * sum of x**2 over ${aroundText(layer)}`;
  return explanation(`scale[${at.join(", ")}]`, null, at, parts, formula, reason);
}

const RESPONSE_NORM = {
  output(layer, at) {
    const { beta } = layer.settings;
    const parts = [part("output", [factor("x[]", layer.input, [at]), power(layer, [at], -beta)])];
    const reason = `The input divided by scale**${beta}, where scale is ${brief(scaleAt(layer, at))}.`;
    const formula = `y = x / scale**beta,  scale = k + alpha * sum of x**2 over ${aroundText(layer)}`;
    const more = { inner: [scaleExplained(layer, at)], seen: frameAround(layer, at, "input") };
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, formula, reason, more);
  },

  inputGradient(layer, at) {
    const { alpha, beta } = layer.settings;
    const near = neighbours(layer, at);
    const own = part("own path", [factor("dy[]", layer.upstream, [at]), power(layer, [at], -beta)]);
    const slope = -2 * alpha * beta * valueAt(layer.input, at); // of scale**-beta, less a factor
    const shared = part("shared path", [
      constant("−2 alpha beta x", slope, near.length), factor("dy[]", layer.upstream, near),
      factor("x[]", layer.input, near), power(layer, near, -beta - 1),
    ]);
    const reason = "Two paths lead from the input to the loss: its own output, and the scale of every place nearby, "
      + `itself included (${countOf(near.length, "term")}).`;
    const formula = "dx[c] = dy[c] * scale[c]**-beta  -  2 alpha beta x[c] * sum over nearby c' of "
      + "dy[c'] x[c'] scale[c']**(-beta - 1)";
    const more = { inner: [scaleExplained(layer, at)], seen: frameAround(layer, at, "upstream") };
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, [own, shared], formula, reason, more);
  },
};

function frameAround(layer, at, map) {
  const near = neighbours(layer, at);
  const rows = [...new Set(near.map((place) => place[1]))];
  const columns = [...new Set(near.map((place) => place[2]))];
  return frame(map, rows, columns, at[3]);
}

const BATCH_AXES = ["image", "row", "column"];

/** All places of channel c, which share its mean and variance. */
function channelPlaces({ input }, c) {
  return grid(range(input.shape[0]), range(input.shape[1]), range(input.shape[2]), c);
}

const BATCH_NORM = {
  output(layer, at) {
    const c = at[3];
    const { normalized, deviation } = layer.saved;
    const places = channelPlaces(layer, c);
    const mean = layer.fromBatch ? sum(places.map((place) => valueAt(layer.input, place))) / places.length
      : valueAt(layer.runningMean, [c]);
    const scaled = part("scaled", [factor("w[]", layer.params.w, [[c]]), factor("normalized[]", normalized, [at])]);
    const parts = [scaled, part("bias", [factor("b[]", layer.params.b, [[c]])])];
    const whose = layer.fromBatch ? `channel ${c} in this batch` : `channel ${c} in training (running statistics)`;
    const reason = `The input ${brief(valueAt(layer.input, at))} minus the mean ${brief(mean)}, divided by the deviation `
      + `${brief(valueAt(deviation, [c]))} of ${whose}; that times w, and b.`;
    const formula = "y = w * normalized + b,  normalized = (x - mean) / sqrt(variance + eps)";
    const more = { seen: frame("input", [at[1]], [at[2]], c) };
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, formula, reason, more);
  },

  inputGradient(layer, at) {
    const c = at[3];
    const { normalized, deviation } = layer.saved;
    const slope = valueAt(layer.params.w, [c]) / valueAt(deviation, [c]);
    const parts = [part("own path", [constant("w / deviation", slope), factor("dy[]", layer.upstream, [at])])];
    let reason = "Mean and variance are the running ones here, so the only path is through the input's own output.";
    if (layer.fromBatch) {
      const places = channelPlaces(layer, c);
      const m = places.length;
      const shape = layer.input.shape.slice(0, 3);
      const dy = factor("dy[]", layer.upstream, places);
      const here = valueAt(normalized, at);
      parts.push(part("through the mean", [constant("−w / (deviation M)", -slope / m, m), dy], shape, BATCH_AXES));
      parts.push(part("through the variance", [
        constant("−w normalized / (deviation M)", (-slope * here) / m, m), dy, factor("normalized[]", normalized, places),
      ], shape, BATCH_AXES));
      reason = "Three paths lead from the input to the loss: its own output, the mean and the variance, through which "
        + `it moves all M = ${m} outputs of channel ${c}.`;
    }
    const formula = "dx = w / deviation * (dy - mean of dy - normalized * mean of (dy * normalized))";
    const more = { seen: frame("upstream", [at[1]], [at[2]], c) };
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, formula, reason, more);
  },

  paramGradient(layer, name, at) {
    const places = channelPlaces(layer, at[0]);
    const dy = factor("dy[]", layer.upstream, places);
    const used = countOf(places.length, "output");
    const shape = layer.input.shape.slice(0, 3);
    const isWeight = name === "w";
    const factors = isWeight ? [factor("normalized[]", layer.saved.normalized, places), dy] : [dy];
    const parts = [part(isWeight ? "products" : "upstream", factors, shape, BATCH_AXES)];
    const reason = isWeight ? `w was used in ${used}: each gives its normalised input times its gradient.`
      : `b was added in ${used}: the sum of their gradients.`;
    const formula = isWeight ? "dw[c] = sum over n, i and j of normalized * dy" : "db[c] = sum over n, i and j of dy";
    return explanation(nameOfGradient(layer, name, at), layer.grads[name], at, parts, formula, reason);
  },
};
