// A fire module: each side's window on the squeezed maps times its filter, and the way back through both sides.

/** The two convolutions that see the squeezed maps: {name, w, padding, first}; first is its first channel in the output. */
function sidesOf({ params, shapes }) {
  return [
    { name: "expand1", w: params.expand1_w, padding: 0, first: 0 },
    { name: "expand3", w: params.expand3_w, padding: 1, first: shapes.expand1_w[3] },
  ];
}

/** Where a factor stands in the part's largest term; null where all terms are 0. */
function strongestIndex(one, of) {
  const sizes = one.values.map(Math.abs);
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0);
  return largest > 0 ? of.indices[sizes.indexOf(largest)] : null;
}

function biasOf(layer, conv, f) {
  return part("bias", [factor(`${conv}_b[]`, layer.params[`${conv}_b`], [[f]])]);
}

/** The slopes of the ReLU behind the sides: 1 where the output is above zero, else 0. */
function slopes({ output }, indices) {
  return madeFactor("(y[] > 0)", indices.map((at) => (valueAt(output, at) > 0 ? 1 : 0)), indices);
}

/** Where a squeezed number above zero came from. */
function squeezedExplained(layer, at) {
  const channels = range(layer.input.shape[3]);
  const x = factor("x[]", layer.input, grid(...at.slice(0, 3), channels));
  const w = factor("squeeze_w[]", layer.params.squeeze_w, grid(0, 0, channels, at[3]));
  const parts = [part("products", [x, w]), biasOf(layer, "squeeze", at[3])];
  const says = wording("Fire.squeezed", { channels: channels.length });
  return explanation(`squeezed[${at.join(", ")}]`, layer.saved.squeezed, at, parts, says);
}

/** The gradients at the squeeze's output as a factor, and how far each may be off: {dsqueezed, rounding}. */
function squeezeGradients(layer, indices) {
  const { output, upstream, saved: { squeezed } } = layer;
  const [, height, width, channels] = output.shape;
  const sides = sidesOf(layer);
  const eps = Math.max(upstream.eps, ...sides.map(({ w }) => w.eps));
  const count = sum(sides.map(({ w: { shape } }) => shape[0] * shape[1] * shape[3]));
  const [values, rounding] = [[], []];
  for (const at of indices) {
    const [n, row, column, s] = at;
    let [value, size] = [0, 0];
    for (const { w, padding, first } of valueAt(squeezed, at) > 0 ? sides : []) {
      const [kh, kw, maps, filters] = w.shape;
      for (const [a, b] of grid(range(kh), range(kw))) {
        const [i, j] = [row + padding - a, column + padding - b]; // of the window that sees it at (a, b)
        if (i < 0 || j < 0 || i >= height || j >= width) continue;
        const place = ((n * height + i) * width + j) * channels + first;
        const weights = ((a * kw + b) * maps + s) * filters;
        for (let f = 0; f < filters; f++) {
          if (!(output.numbers[place + f] > 0)) continue;
          const term = upstream.numbers[place + f] * w.numbers[weights + f];
          value += term;
          size += Math.abs(term);
        }
      }
    }
    values.push(value);
    rounding.push(eps * (8 + Math.sqrt(count)) * size);
  }
  return { dsqueezed: madeFactor("dsqueezed[]", values, indices, eps), rounding };
}

/** Where the gradient at the squeeze's output came from, of a squeezed number above zero. */
function squeezeGradientExplained(layer, [n, h, w, s]) {
  const [, height, width] = layer.output.shape;
  const parts = sidesOf(layer).map((side) => {
    const filters = side.w.shape[3];
    const around = (middle, length) => range(Math.max(0, middle - side.padding), Math.min(length, middle + side.padding + 1));
    const [rows, columns] = [around(h, height), around(w, width)];
    const uses = grid(n, rows, columns, range(side.first, side.first + filters));
    const weight = factor(`${side.name}_w[]`, side.w,
      uses.map(([, i, j, f]) => [h - i + side.padding, w - j + side.padding, s, f - side.first]));
    return part(side.name, [factor("dy[]", layer.upstream, uses), slopes(layer, uses), weight],
      [rows.length, columns.length, filters], ["row", "column", "filter"]);
  });
  const says = wording("Fire.dsqueezed", { windows: parts[1].shape[0] * parts[1].shape[1] });
  return explanation(`dsqueezed[${[n, h, w, s].join(", ")}]`, null, [], parts, says);
}

const FIRE = {
  output(layer, at) {
    const [n, i, j, channel] = at;
    const side = sidesOf(layer).findLast(({ first }) => channel >= first);
    const f = channel - side.first;
    const [height, width, maps] = side.w.shape;
    const [top, left] = [i - side.padding, j - side.padding];
    const inWindow = grid(range(height), range(width), range(maps)); // and in the filter
    const squeezed = factor("squeezed[]", layer.saved.squeezed, inWindow.map(([a, b, s]) => [n, top + a, left + b, s]));
    const w = factor(`${side.name}_w[]`, side.w, inWindow.map(([a, b, s]) => [a, b, s, f]));
    const parts = [part("products", [squeezed, w], [height, width, maps], ["row", "column", "channel"]), biasOf(layer, side.name, f)];
    const before = sum(parts.map((one) => one.total));
    const on = before > 0;
    if (!on) parts.push(part("ReLU", [constant("-(products + bias)", -before)]));
    const count = squeezed.inside.filter((inside) => !inside).length;
    const outside = count ? textOf("Conv2d.output", "outside", { count }) : "";
    const which = Number.isNaN(before) ? "nan" : on ? "on" : "off";
    const says = wording("Fire.output", { height, width, maps, top, left, n, f, side: side.name, before, outside }, which);
    const where = strongestIndex(parts[0], squeezed);
    const inner = where ? [squeezedExplained(layer, where)] : [];
    const seen = where ? frame("input", range(top, top + height), range(left, left + width), strongestChannel(inner[0])) : null;
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, says, { inner, seen });
  },

  inputGradient(layer, at) {
    const [n, h, w, c] = at;
    const maps = range(layer.params.squeeze_w.shape[3]);
    const { dsqueezed, rounding } = squeezeGradients(layer, grid(n, h, w, maps));
    const weight = factor("squeeze_w[]", layer.params.squeeze_w, grid(0, 0, c, maps));
    const products = part("products", [dsqueezed, weight]);
    const where = strongestIndex(products, dsqueezed);
    const inner = where ? [squeezeGradientExplained(layer, where)] : [];
    const slack = sum(rounding.map((each, s) => each * Math.abs(weight.values[s])));
    const says = wording("Fire.x", { maps: maps.length });
    const more = { inner, slack, seen: frame("upstream", [h], [w], 0) };
    if (where) {
      const three = inner[0].parts[1];
      const uses = three.factors[0].indices;
      const [[, top, left], [, bottom, right]] = [uses[0], uses[uses.length - 1]];
      const channel = sidesOf(layer)[1].first + strongestSlice(three);
      more.seen = frame("upstream", range(top, bottom + 1), range(left, right + 1), channel);
    }
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, [products], says, more);
  },

  paramGradient(layer, name, at) {
    const [conv, key] = name.split("_");
    return conv === "squeeze" ? FIRE.ofSqueeze(layer, name, key, at) : FIRE.ofExpand(layer, name, conv, key, at);
  },

  ofSqueeze(layer, name, key, at) {
    const shape = layer.input.shape.slice(0, 3);
    const places = shape.map((length) => range(length));
    const { dsqueezed, rounding } = squeezeGradients(layer, grid(...places, at[at.length - 1]));
    const factors = key === "w" ? [factor("x[]", layer.input, grid(...places, at[2])), dsqueezed] : [dsqueezed];
    const one = part(key === "w" ? "products" : "upstream", factors, shape, BATCH_AXES);
    const where = strongestIndex(one, dsqueezed);
    const slack = sum(rounding.map((each, t) => (key === "w" ? each * Math.abs(factors[0].values[t]) : each)));
    const says = wording(key === "w" ? "Fire.squeeze_w" : "Fire.squeeze_b", { places: rounding.length });
    const more = { slack, inner: where ? [squeezeGradientExplained(layer, where)] : [] };
    return explanation(nameOfGradient(layer, name, at), layer.grads[name], at, [one], says, more);
  },

  ofExpand(layer, name, conv, key, at) {
    const side = sidesOf(layer).find((each) => each.name === conv);
    const shape = layer.output.shape.slice(0, 3);
    const uses = grid(...shape.map((length) => range(length)), side.first + at[at.length - 1]);
    const factors = [factor("dy[]", layer.upstream, uses), slopes(layer, uses)];
    if (key === "w") {
      const [a, b, s] = at;
      const met = uses.map(([n, i, j]) => [n, i - side.padding + a, j - side.padding + b, s]);
      factors.unshift(factor("squeezed[]", layer.saved.squeezed, met));
    }
    const one = part(key === "w" ? "products" : "upstream", factors, shape, BATCH_AXES);
    const says = wording(key === "w" ? "Fire.expand_w" : "Fire.expand_b", { name, outputs: uses.length });
    const where = key === "w" ? strongestIndex(one, factors[0]) : null;
    const inner = where ? [squeezedExplained(layer, where)] : [];
    return explanation(nameOfGradient(layer, name, at), layer.grads[name], at, [one], says, { inner });
  },
};

/** Which channel of the input adds most to a squeezed number. */
function strongestChannel(explained) {
  const [products] = explained.parts;
  return strongestIndex(products, products.factors[0])?.[3] ?? 0;
}
