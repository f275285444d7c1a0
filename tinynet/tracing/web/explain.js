// Which explanation belongs to which layer, and the way in: explainUnit.

const EXPLAINERS = {
  Conv2d: CONV, LocallyConnected2d: CONV, Fire: FIRE, Linear: LINEAR, MaxPool2d: MAX_POOL, AvgPool2d: AVERAGE_POOL,
  LocalResponseNorm: RESPONSE_NORM, SpatialResponseNorm: RESPONSE_NORM, BatchNorm1d: BATCH_NORM, BatchNorm2d: BATCH_NORM,
  ReLU: RELU, Tanh: TANH, Sigmoid: SIGMOID, Dropout: DROPOUT, Flatten: FLATTEN, Softmax: SOFTMAX, SoftmaxCrossEntropy: LOSS,
};

const PIXEL_COLOURS = ["red", "green", "blue"]; // of the picture's pixels; a network may take blue first

/** Return the layer that made the array of a station, with its arrays instead of their numbers. */
function layerOf(index) {
  const [before, here] = [CONTENT.stations[index - 1], CONTENT.stations[index]];
  const arrays = {
    input: before.value, output: here.value, upstream: here.gradient, inputGradient: before.gradient,
    runningMean: here.runningMean,
  };
  const [params, grads, saved] = [here.params, here.grads, here.saved].map((numbers) => withArrays({}, numbers));
  return withArrays({ ...here, params, grads, saved }, arrays);
}

/** Give an object arrays by name, each decoded only when it is asked for; null for what the file is without. */
function withArrays(object, numbers) {
  for (const [name, number] of Object.entries(numbers)) {
    Object.defineProperty(object, name, { enumerable: true, get: () => (number === null ? null : arrayOf(number)) });
  }
  return object;
}

/** Return the shape of one of the page's arrays. */
function shapeOf(number) {
  return CONTENT.arrays[number].shape;
}

function lastStation() {
  return CONTENT.stations.length - 1;
}

/** Which array a view shows: the values of a station, the gradient there, or that of a parameter. */
function shownNumber({ direction, station, which }) {
  const here = CONTENT.stations[station];
  if (direction === "forward") return here.value;
  return which === "x" ? here.gradient : here.grads[which];
}

/** Return that array; null where the file is without it. */
function shownArray(view) {
  const number = shownNumber(view);
  return number === null ? null : arrayOf(number);
}

/** Return the shape of that array, also where the file is without it. */
function shownShape(view) {
  const number = shownNumber(view);
  return number === null ? CONTENT.stations[view.station].shapes[view.which] : shapeOf(number);
}

/** Where the number at index `at` of what a view shows came from. */
function explainUnit(view, at) {
  const { direction, station, which } = view;
  if (direction === "forward") return station === 0 ? pictureStatement(at) : explainedBy(station, "output", "x", at);
  if (which !== "x") return explainedBy(station, "paramGradient", which, at);
  if (station < lastStation()) return explainedBy(station + 1, "inputGradient", "x", at);
  return statement("d loss / d loss", arrayOf(CONTENT.stations[station].gradient), at,
    "The backward pass starts here, with d loss / d loss = 1. Each layer passes on how much the loss would change with "
    + "each of its inputs.");
}

function explainedBy(station, kind, name, at) {
  const layer = layerOf(station);
  const explainer = EXPLAINERS[layer.kind];
  const what = kind === "output" ? nameOfOutput(layer, at) : nameOfGradient(layer, name, at);
  const array = kind === "output" ? layer.output : name === "x" ? layer.inputGradient : layer.grads[name];
  const { params } = CONTENT.stations[station];
  const withoutParams = kind === "paramGradient" && !name.startsWith("squeeze_"); // a fire module's squeeze needs the others
  const missing = withoutParams ? [] : Object.keys(params).filter((each) => params[each] === null);
  if (missing.length) {
    const left = missing.map((each) => `${layer.name}.${each}`).join(", ");
    return statement(what, array, at, `This file is without ${left}, so the products cannot be shown here; `
      + "in Python the trace has them.");
  }
  if (!explainer) {
    return statement(what, array, at, "The page has no explanation for this kind of layer; in Python, `explain` asks its backward.");
  }
  return kind === "paramGradient" ? explainer.paramGradient(layer, name, at) : explainer[kind](layer, at);
}

function pictureStatement(at) {
  const values = arrayOf(CONTENT.stations[0].value);
  const position = at.length === 4 ? `row ${at[1]}, column ${at[2]}, ${channelName(0, at[3])}` : `number ${at[1]}`;
  if (CONTENT.pixels === null) return statement(`picture[${at.join(", ")}]`, values, at, `A number of the image: ${position}.`);
  const channel = values.shape[3] === 3 ? PIXEL_COLOURS.indexOf(CONTENT.colours[at[3]]) : at[3];
  const pixel = valueAt(arrayOf(CONTENT.pixels), [at[1], at[2], channel]);
  return statement(`picture[${at.join(", ")}]`, values, at, `The image has ${pixel} of 255 at ${position}; the `
    + "network gets this number minus the mean (and divided, where it needs that).");
}

function nameOfOutput(layer, at) {
  return `${layer.name}.output[${at.join(", ")}]`;
}

function nameOfGradient(layer, name, at) {
  return `d loss / d ${layer.name}.${name}[${at.join(", ")}]`;
}

/** A class by number and, where it has one, by name: a network may have more outputs than the data has classes. */
function className(index) {
  const name = CONTENT.classNames?.[index];
  return name === undefined ? `class ${index}` : `class ${index} (${name})`;
}

/** The line that gives the same explanation in Python. */
function pythonLine({ direction, station, which }, at) {
  const index = at.length === 1 ? `(${at[0]},)` : `(${at.join(", ")})`;
  if (direction === "forward") {
    return station === 0 ? "" : `trace["${CONTENT.stations[station].name}"].explain(output=${index})`;
  }
  const layer = which === "x" ? station + 1 : station;
  return layer > lastStation() ? "" : `trace["${CONTENT.stations[layer].name}"].explain(grad="${which}", at=${index})`;
}
