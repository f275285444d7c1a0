// Layers with a window that slides over the image: convolutions, with shared filters or not, and pooling.

/** Row and column of the image, or of the padding before it, where window (i, j) starts. */
function corner({ window }, i, j) {
  return [i * window.stride[0] - window.padding[0], j * window.stride[1] - window.padding[1]];
}

/** The rows and the columns of the windows that see a position of the image. */
function windowsOver({ window }, position) {
  return window.outputSize.map((count, axis) => {
    const fromEdge = position[axis] + window.padding[axis];
    const first = Math.max(0, Math.ceil((fromEdge - window.kernel[axis] + 1) / window.stride[axis]));
    return range(first, Math.min(count, Math.floor(fromEdge / window.stride[axis]) + 1));
  });
}

/** How many channels and how many filters a group has. */
function groupsOf({ settings }) {
  const groups = settings.groups || 1;
  return [settings.in_channels / groups, settings.out_channels / groups];
}

/** The index in w of row a, column b, channel c of filter f at output (i, j). */
function weightIndex(layer, i, j, a, b, c, f) {
  if (layer.kind === "Conv2d") return [a, b, c, f];
  return [i, j, (a * layer.window.kernel[1] + b) * layer.settings.in_channels + c, f];
}

/** A frame around windows (i, j) of an output, or around one position: for the picture beside the number. */
function frame(map, rows, columns, channel) {
  return { map, top: rows[0], left: columns[0], height: rows.length, width: columns.length, channel };
}

const CONV = {
  output(layer, at) {
    const [n, i, j, f] = at;
    const [height, width] = layer.window.kernel;
    const [channels, filters] = groupsOf(layer);
    const [top, left] = corner(layer, i, j);
    const inWindow = grid(range(height), range(width), range(channels)); // and in the filter
    const first = Math.floor(f / filters) * channels; // channel of the filter's group
    const x = factor("x[]", layer.input, inWindow.map(([a, b, c]) => [n, top + a, left + b, first + c]));
    const w = factor("w[]", layer.params.w, inWindow.map(([a, b, c]) => weightIndex(layer, i, j, a, b, c, f)));
    const shared = layer.kind === "Conv2d";
    const count = x.inside.filter((inside) => !inside).length;
    const outside = count ? textOf("Conv2d.output", "outside", { count }) : "";
    const says = wording(shared ? "Conv2d.output" : "LocallyConnected2d.output",
      { height, width, channels, top, left, n, f, outside });
    const bias = factor("b[]", layer.params.b, [shared ? [f] : [i, j, f]]);
    const parts = [part("products", [x, w], [height, width, channels], ["row", "column", "channel"]), part("bias", [bias])];
    const channel = first + strongestSlice(parts[0]);
    const seen = frame("input", range(top, top + height), range(left, left + width), channel);
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, says, { seen });
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
      return weightIndex(layer, i, j, h - top, w - left, c, f);
    }));
    const products = part("products", [dy, weight], [rows.length, columns.length, filters], ["row", "column", "filter"]);
    const says = wording("Conv2d.x", { windows: rows.length * columns.length, filters });
    const seen = frame("upstream", rows, columns, group * filters + strongestSlice(products));
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, [products], says, { seen });
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
    const says = wording(shared ? "Conv2d.w" : "LocallyConnected2d.w", { outputs: uses.length });
    return explanation(nameOfGradient(layer, "w", at), layer.grads.w, at, [products], says);
  },

  biasGradient(layer, at) {
    const shared = layer.kind === "Conv2d";
    const [rows, columns] = shared ? layer.window.outputSize.map((count) => range(count)) : [[at[0]], [at[1]]];
    const uses = grid(0, rows, columns, at[at.length - 1]);
    const upstream = part("upstream", [factor("dy[]", layer.upstream, uses)], [1, rows.length, columns.length],
      ["image", "row", "column"]);
    const says = wording(shared ? "Conv2d.b" : "LocallyConnected2d.b", { outputs: uses.length });
    return explanation(nameOfGradient(layer, "b", at), layer.grads.b, at, [upstream], says);
  },
};

/** What window (i, j) sees of channel c, row by row, and the frame around it. */
function seenByPool(layer, [n, i, j, c]) {
  const [top, left] = corner(layer, i, j);
  const [rows, columns] = [range(top, top + layer.window.kernel[0]), range(left, left + layer.window.kernel[1])];
  return [factor("x[]", layer.input, grid(n, rows, columns, c)), frame("input", rows, columns, c)];
}

/** Which number wins: the first, row by row, that is the largest; -1 where nan leaves no winner. */
function winnerOf(x) {
  const inside = range(x.values.length).filter((k) => x.inside[k]);
  const values = inside.map((k) => x.values[k]);
  return values.some(Number.isNaN) ? -1 : inside[values.indexOf(Math.max(...values))];
}

const MAX_POOL = {
  output(layer, at) {
    const [x, seen] = seenByPool(layer, at);
    const first = winnerOf(x);
    const wins = madeFactor("wins", x.values.map((_, k) => (k === first ? 1 : 0)), x.indices);
    const notes = x.values.map((value, k) => {
      if (k === first) return textOf("note", "winner");
      if (!x.inside[k]) return textOf("note", "outside");
      return value === x.values[first] ? textOf("note", "later") : "";
    });
    const count = x.inside.filter(Boolean).length;
    const says = first < 0 ? wording("MaxPool2d.output", {}, "nan")
      : wording("MaxPool2d.output", { count, winner: factorText(x, first) });
    const parts = [part("window", [x, wins], layer.window.kernel, ["row", "column"], notes, first >= 0)];
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, says, { seen });
  },

  inputGradient(layer, at) {
    const [n, h, w, c] = at;
    const [rows, columns] = windowsOver(layer, [h, w]);
    const uses = grid(n, rows, columns, c);
    const winners = uses.map((use) => {
      const [x] = seenByPool(layer, use);
      return winnerOf(x) < 0 ? "" : factorText(x, winnerOf(x));
    });
    const here = `x[${at.join(", ")}]`;
    const wins = winners.map((winner) => (winner === here ? 1 : 0));
    const notes = winners.map((winner) => {
      if (winner === here) return textOf("note", "won");
      return winner ? textOf("note", "lost", { winner }) : textOf("note", "nan");
    });
    const factors = [factor("dy[]", layer.upstream, uses), madeFactor("won", wins, uses)];
    const parts = [part("windows", factors, [rows.length, columns.length], ["row", "column"], notes)];
    const says = wording("MaxPool2d.x", { windows: uses.length, won: sum(wins) });
    const seen = frame("upstream", rows, columns, c);
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, says, { seen });
  },
};

const AVERAGE_POOL = {
  /** How many positions of the image and its padding window (i, j) sees. */
  cells(layer, i, j) {
    const { kernel, stride, padding } = layer.window;
    return product([i, j].map((index, axis) => {
      const start = index * stride[axis];
      return Math.min(start + kernel[axis], layer.input.shape[1 + axis] + 2 * padding[axis]) - start;
    }));
  },

  output(layer, at) {
    const [x, seen] = seenByPool(layer, at);
    const count = AVERAGE_POOL.cells(layer, at[1], at[2]);
    const share = constant(`1 / ${count}`, 1 / count, x.values.length);
    const parts = [part("window", [x, share], layer.window.kernel, ["row", "column"])];
    return explanation(nameOfOutput(layer, at), layer.output, at, parts, wording("AvgPool2d.output", { count }), { seen });
  },

  inputGradient(layer, at) {
    const [n, h, w, c] = at;
    const [rows, columns] = windowsOver(layer, [h, w]);
    const uses = grid(n, rows, columns, c);
    const share = madeFactor("share[]", uses.map(([, i, j]) => 1 / AVERAGE_POOL.cells(layer, i, j)), grid(rows, columns));
    const factors = [factor("dy[]", layer.upstream, uses), share];
    const parts = [part("windows", factors, [rows.length, columns.length], ["row", "column"])];
    const says = wording("AvgPool2d.x", { windows: uses.length });
    const seen = frame("upstream", rows, columns, c);
    return explanation(nameOfGradient(layer, "x", at), layer.inputGradient, at, parts, says, { seen });
  },
};
