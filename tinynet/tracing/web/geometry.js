// How an array is laid out as maps, and which part of the picture a unit looks at.

/**
 * Return the maps of what a view shows: {label, rows, columns, count, start, down, right}. The last two are strides, as
 * NumPy has them: the number at (row, column) is number start + row * down + column * right of the array. A row of numbers
 * that was broken into lines ends after `count`.
 */
function mapsOf(view) {
  const shape = shownShape(view);
  const isParameter = view.direction === "backward" && view.which !== "x";
  if (shape.length === 4) {
    const [rows, columns] = isParameter ? shape : shape.slice(1);
    const [filters, filter] = isParameter ? [shape[3], view.filter] : [1, 0];
    const right = isParameter ? shape[2] * filters : shape[3];
    return range(isParameter ? shape[2] : shape[3]).map((m) => ({
      label: isParameter ? inputLabel(view, m) : channelName(view.station, m), rows, columns, count: rows * columns,
      start: m * filters + filter, down: columns * right, right,
    }));
  }
  if (shape.length === 3) { // the biases of filters that are not shared
    const [rows, columns, filters] = shape;
    return range(filters).map((m) => ({
      label: `filter ${m}`, rows, columns, count: rows * columns, start: m, down: columns * filters, right: filters,
    }));
  }
  if (shape.length === 2 && isParameter) return [lineMap(shape[0], view.filter, shape[1])];
  return [lineMap(product(shape))];
}

/** What of a filter's input a map of its weights is for: a channel, or where no place shares them a place and a channel. */
function inputLabel({ station }, m) {
  return CONTENT.stations[station].kind === "LocallyConnected2d" ? `input ${m} of its window` : `channel ${m}`;
}

/** The index in the view's array of the number at a row and a column of a map; null after the last one. */
function indexAt(view, map, row, column) {
  if (row * map.columns + column >= map.count) return null;
  return unravel(map.start + row * map.down + column * map.right, shownShape(view));
}

/** How many filters, or columns of w, there are to choose from; 0 where the view shows all at once. */
function filterCount(view) {
  if (view.direction === "forward" || view.which === "x") return 0;
  const shape = shownShape(view);
  return [2, 4].includes(shape.length) ? shape.at(-1) : 0;
}

/** A row of numbers, broken into lines of nearly a square where it is long. */
function lineMap(count, start = 0, step = 1) {
  const columns = count <= 16 ? count : Math.ceil(Math.sqrt(count));
  return { label: "", columns, rows: Math.ceil(count / columns), count, start, down: columns * step, right: step };
}

/** Where the number at an index is drawn: {map, row, column}. */
function positionOf(view, at) {
  const shape = shownShape(view);
  const isParameter = view.direction === "backward" && view.which !== "x";
  if (shape.length === 4) return isParameter ? { map: at[2], row: at[0], column: at[1] } : { map: at[3], row: at[1], column: at[2] };
  if (shape.length === 3) return { map: at[2], row: at[0], column: at[1] };
  if (!shape.length) return { map: 0, row: 0, column: 0 };
  const k = isParameter ? at[0] : at[at.length - 1];
  const { columns } = mapsOf(view)[0];
  return { map: 0, row: Math.floor(k / columns), column: k % columns };
}

/** The numbers of a map, row by row; nan after the last of a row that was broken into lines. */
function numbersOf(map, array) {
  const numbers = new Float32Array(map.rows * map.columns);
  let i = 0;
  for (let row = 0; row < map.rows; row++) {
    for (let column = 0; column < map.columns; column++, i++) {
      numbers[i] = i < map.count ? array.numbers[map.start + row * map.down + column * map.right] : NaN;
    }
  }
  return numbers;
}

function channelName(station, c) {
  const channels = shapeOf(CONTENT.stations[station].value)[3];
  return station === 0 && channels === 3 ? CONTENT.colours[c] : `channel ${c}`;
}

/** An index in words: "row 5, column 7, channel 3". */
function indexInWords(view, at) {
  const shape = shownShape(view);
  const isParameter = view.direction === "backward" && view.which !== "x";
  if (!shape.length) return "the one number";
  if (isParameter) return `${view.which}[${at.join(", ")}]`;
  if (shape.length === 4) return `row ${at[1]}, column ${at[2]}, ${channelName(view.station, at[3])}`;
  const scores = CONTENT.stations[view.station + 1]?.kind === "SoftmaxCrossEntropy";
  return scores ? className(at[1]) : `unit ${at[1]}`;
}

const KEEP_CHANNELS = [
  "MaxPool2d", "AvgPool2d", "SpatialResponseNorm", "BatchNorm2d", "ReLU", "Tanh", "Sigmoid", "Dropout", "Flatten",
];

/** The part of the picture that a unit depends on: {top, left, bottom, right}, both ends included; null for all of it,
 *  undefined behind a layer of one's own, which may look anywhere. */
function seenOnPicture(station, at) {
  const [, height, width] = shapeOf(CONTENT.stations[0].value);
  let box = at.length === 4 ? { top: at[1], left: at[2], bottom: at[1], right: at[2] } : null;
  let channel = at.length === 4 ? at[3] : null; // null where the unit depends on several
  for (let index = station; index > 0; index--) {
    const layer = layerOf(index);
    const { window, settings, kind } = layer;
    const inputShape = shapeOf(CONTENT.stations[index - 1].value);
    if (kind === "") return undefined;
    if (!box && kind === "Flatten") {
      const [row, column, c] = unravel(at[1], inputShape.slice(1));
      channel = c;
      box = { top: row, left: column, bottom: row, right: column };
    } else if (!box && !["ReLU", "Tanh", "Sigmoid", "Dropout"].includes(kind)) {
      return null;
    } else if (box && window) {
      [box.top, box.left] = corner(layer, box.top, box.left);
      [box.bottom, box.right] = corner(layer, box.bottom, box.right);
      box.bottom += window.kernel[0] - 1;
      box.right += window.kernel[1] - 1;
    } else if (box && kind === "SpatialResponseNorm") {
      const half = Math.floor(settings.size / 2);
      box = { top: box.top - half, left: box.left - half, bottom: box.bottom + half, right: box.right + half };
    } else if (box && kind === "Fire") {
      const half = channel !== null && channel < sidesOf(layer)[1].first ? 0 : 1; // filters of 1 x 1, or of 3 x 3 too
      box = { top: box.top - half, left: box.left - half, bottom: box.bottom + half, right: box.right + half };
    } else if (box && kind === "BatchNorm2d" && layer.fromBatch) {
      return null;
    }
    if (!KEEP_CHANNELS.includes(kind)) channel = null;
    if (box) { // what lies in the padding looks at nothing
      const [, rows, columns] = inputShape;
      box = {
        top: Math.max(box.top, 0), left: Math.max(box.left, 0),
        bottom: Math.min(box.bottom, rows - 1), right: Math.min(box.right, columns - 1),
      };
    }
  }
  return box && (box.top > 0 || box.left > 0 || box.bottom < height - 1 || box.right < width - 1) ? box : null;
}
