// Layers with a window that slides over the image: convolutions, with shared filters or not, and pooling.

/** Row and column of the image, or of the padding before it, where window (i, j) starts. */
function corner({ window }, i, j) {
  return [i * window.stride[0] - window.padding[0], j * window.stride[1] - window.padding[1]];
}

/** The rows and the columns of the windows that see a place of the image. */
function windowsOver({ window }, place) {
  return window.outputSize.map((count, axis) => {
    const fromEdge = place[axis] + window.padding[axis];
    const first = Math.max(0, Math.ceil((fromEdge - window.kernel[axis] + 1) / window.stride[axis]));
    return range(first, Math.min(count, Math.floor(fromEdge / window.stride[axis]) + 1));
  });
}

/** How many channels and how many filters a group has. */
function groupsOf({ settings }) {
  const groups = settings.groups || 1;
  return [settings.in_channels / groups, settings.out_channels / groups];
}

/** The place in w of row a, column b, channel c of filter f at output (i, j). */
function weightPlace(layer, i, j, a, b, c, f) {
  if (layer.kind === "Conv2d") return [a, b, c, f];
  return [i, j, (a * layer.window.kernel[1] + b) * layer.settings.in_channels + c, f];
}

/** A frame around windows (i, j) of an output, or around one place of it: for the picture beside the number. */
function frame(map, rows, columns, channel) {
  return { map, top: rows[0], left: columns[0], height: rows.length, width: columns.length, channel };
}

const CONV = {
  output(layer, at) {
    const [n, i, j, f] = at;
    const [kh, kw] = layer.window.kernel;
    const [channels, filters] = groupsOf(layer);
    const [top, left] = corner(layer, i, j);
    const places = grid(range(kh), range(kw), range(channels)); // of the window and of the filter
    const first = Math.floor(f / filters) * channels; // channel of the filter's group
    const x = factor("x[]", layer.input, places.map(([a, b, c]) => [n, top + a, left + b, first + c]));
    const w = factor("w[]", layer.params.w, places.map(([a, b, c]) => weightPlace(layer, i, j, a, b, c, f)));
    const outside = x.inside.filter((inside) => !inside).length;
    const shared = layer.kind === "Conv2d";
    const reason = `The window of ${kh} × ${kw} places and ${countOf(channels, "channel")}, its corner at row ${top}, `
      + `column ${left}, times filter ${f}${shared ? "" : " of this place"}`
      + `${outside ? ` (${countOf(outside, "product")} of zeros outside the image)` : ""}, and the bias.`;
    const bias = factor("b[]", layer.params.b, [shared ? [f] : [i, j, f]]);
    const parts = [part("products", [x, w], [kh, kw, channels], ["row", "column", "channel"]), part("bias", [bias])];
    const formula = shared ? "y[n, i, j, f] = sum over the window at (i, j) of x * w[:, :, :, f], + b[f]"
      : "y[n, i, j, f] = sum over the window at (i, j) of x * w[i, j, :, f], + b[i, j, f]";
    const channel = first + strongestSlice(parts[0]);
    const seen = frame("input", range(top, top + kh), range(left, left + kw), channel);
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, formula, reason, { seen });
  },

  inputGradient(layer, at) {
    const [n, h, w, channel] = at;
    const [channels, filters] = groupsOf(layer);
    const group = Math.floor(channel / channels);
    const c = channel % channels;
    const [rows, columns] = windowsOver(layer, [h, w]);
    const uses = grid(n, rows, columns, range(group * filters, (group + 1) * filters));
    const dy = factor("dy[]", layer.upstream, uses);
    const weight = factor("w[]", layer.params.w, uses.map(([, i, j, f]) => {
      const [top, left] = corner(layer, i, j);
      return weightPlace(layer, i, j, h - top, w - left, c, f);
    }));
    const products = part("products", [dy, weight], [rows.length, columns.length, filters], ["row", "column", "filter"]);
    const reason = `The place lay in ${countOf(rows.length * columns.length, "window")} and met `
      + `${countOf(filters, "filter")} in each: every output it went into sends back its gradient times the weight `
      + "that it met there.";
    const formula = "dx[n, h, w, c] = sum over all windows (i, j) that see it and all filters f of dy[n, i, j, f] * weight";
    const seen = frame("upstream", rows, columns, group * filters + strongestSlice(products));
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, [products], formula, reason, { seen });
  },

  paramGradient(layer, name, at) {
    return name === "w" ? CONV.weightGradient(layer, at) : CONV.biasGradient(layer, at);
  },

  weightGradient(layer, at) {
    const shared = layer.kind === "Conv2d";
    const [channels, filters] = groupsOf(layer);
    const f = at[3];
    const [a, b, c] = shared ? at : unravel(at[2], [...layer.window.kernel, channels]);
    const [rows, columns] = shared ? layer.window.outputSize.map((count) => range(count)) : [[at[0]], [at[1]]];
    const uses = grid(0, rows, columns, f);
    const x = factor("x[]", layer.input, uses.map(([n, i, j]) => {
      const [top, left] = corner(layer, i, j);
      return [n, top + a, left + b, Math.floor(f / filters) * channels + c];
    }));
    const products = part("products", [x, factor("dy[]", layer.upstream, uses)], [1, rows.length, columns.length],
      ["image", "row", "column"]);
    const reason = `The weight was used in ${countOf(uses.length, "output")}: each gives the input that the weight met `
      + "there times its gradient.";
    const formula = shared
      ? "dw[a, b, c, f] = sum over images n and places (i, j) of x at (a, b) in the window * dy[n, i, j, f]"
      : "dw[i, j, k, f] = sum over images n of x[k] of the window * dy[n, i, j, f]";
    return explanation(nameOfGradient(layer, "w", at), layer.grads.w, at, [products], formula, reason);
  },

  biasGradient(layer, at) {
    const shared = layer.kind === "Conv2d";
    const [rows, columns] = shared ? layer.window.outputSize.map((count) => range(count)) : [[at[0]], [at[1]]];
    const uses = grid(0, rows, columns, at[at.length - 1]);
    const upstream = part("upstream", [factor("dy[]", layer.upstream, uses)], [1, rows.length, columns.length],
      ["image", "row", "column"]);
    const reason = `The bias was added in ${countOf(uses.length, "output")}: the sum of their gradients.`;
    const formula = shared ? "db[f] = sum over n, i and j of dy[n, i, j, f]" : "db[i, j, f] = sum over n of dy[n, i, j, f]";
    return explanation(nameOfGradient(layer, "b", at), layer.grads.b, at, [upstream], formula, reason);
  },
};

/** What window (i, j) sees of channel c, row by row, and the frame around it. */
function seenByPool(layer, [n, i, j, c]) {
  const [top, left] = corner(layer, i, j);
  const [rows, columns] = [range(top, top + layer.window.kernel[0]), range(left, left + layer.window.kernel[1])];
  return [factor("x[]", layer.input, grid(n, rows, columns, c)), frame("input", rows, columns, c)];
}

/** Which place wins: the first, row by row, with the largest value; -1 where nan leaves no winner. */
function winner(x) {
  const values = x.values.map((value, k) => (x.inside[k] ? value : -Infinity));
  return values.some(Number.isNaN) ? -1 : values.indexOf(Math.max(...values));
}

const MAX_POOL = {
  output(layer, at) {
    const [x, seen] = seenByPool(layer, at);
    const first = winner(x);
    const wins = madeFactor("wins", x.values.map((_, k) => (k === first ? 1 : 0)), x.places);
    const notes = x.values.map((value, k) => {
      if (k === first) return "the winner";
      if (!x.inside[k]) return "outside the image";
      return value === x.values[first] ? "as large, but later" : "";
    });
    const count = x.inside.filter(Boolean).length;
    const reason = first < 0 ? "There is nan under the window, which makes its maximum nan."
      : `The largest of the ${countOf(count, "place")} under the window is ${factorText(x, first)}.`;
    const parts = [part("window", [x, wins], layer.window.kernel, ["row", "column"], notes)];
    const formula = "y[n, i, j, c] = the largest x[n, :, :, c] under the window at (i, j)";
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, formula, reason, { seen });
  },

  inputGradient(layer, at) {
    const [n, h, w, c] = at;
    const [rows, columns] = windowsOver(layer, [h, w]);
    const uses = grid(n, rows, columns, c);
    const winners = uses.map((use) => {
      const [x] = seenByPool(layer, use);
      return winner(x) < 0 ? "" : factorText(x, winner(x));
    });
    const here = `x[${at.join(", ")}]`;
    const wins = winners.map((place) => (place === here ? 1 : 0));
    const notes = winners.map((place) => (place === here ? "won" : place ? `the winner was ${place}` : "no winner"));
    const factors = [factor("dy[]", layer.upstream, uses), madeFactor("won", wins, uses)];
    const parts = [part("windows", factors, [rows.length, columns.length], ["row", "column"], notes)];
    const reason = `The place lay in ${countOf(uses.length, "window")} and won in ${sum(wins)}: the whole gradient of a `
      + "window goes to its winner, the others get nothing.";
    const formula = "dx[n, h, w, c] = sum of dy[n, i, j, c] over the windows (i, j) in which it was the (first) largest";
    const seen = frame("upstream", rows, columns, c);
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, formula, reason, { seen });
  },
};

const AVERAGE_POOL = {
  /** How many places of the image and its padding window (i, j) sees. */
  cells(layer, i, j) {
    const { kernel, stride, padding } = layer.window;
    return product([i, j].map((index, axis) => {
      const start = index * stride[axis];
      return Math.min(start + kernel[axis], layer.input.shape[1 + axis] + 2 * padding[axis]) - start;
    }));
  },

  output(layer, at) {
    const [x, seen] = seenByPool(layer, at);
    const cells = AVERAGE_POOL.cells(layer, at[1], at[2]);
    const share = constant(`1 / ${cells}`, 1 / cells, x.values.length);
    const parts = [part("window", [x, share], layer.window.kernel, ["row", "column"])];
    const reason = `The mean over ${countOf(cells, "place")} under the window, zeros of the padding counted.`;
    const formula = "y[n, i, j, c] = the mean of x[n, :, :, c] under the window at (i, j)";
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, formula, reason, { seen });
  },

  inputGradient(layer, at) {
    const [n, h, w, c] = at;
    const [rows, columns] = windowsOver(layer, [h, w]);
    const uses = grid(n, rows, columns, c);
    const share = madeFactor("share[]", uses.map(([, i, j]) => 1 / AVERAGE_POOL.cells(layer, i, j)), grid(rows, columns));
    const factors = [factor("dy[]", layer.upstream, uses), share];
    const parts = [part("windows", factors, [rows.length, columns.length], ["row", "column"])];
    const reason = `The place lay in ${countOf(uses.length, "window")}: each sends back its gradient divided by the `
      + "number of places in its mean.";
    const formula = "dx[n, h, w, c] = sum over the windows (i, j) that see it of dy[n, i, j, c] / places in the window";
    const seen = frame("upstream", rows, columns, c);
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, formula, reason, { seen });
  },
};
