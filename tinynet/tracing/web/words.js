// What each kind of layer does, in words: [forward, backward].

const WORDS = {
  Conv2d: [
    "Each filter slides over its input. At every position it multiplies the numbers under it with its weights, and adds up "
    + "the products and its bias: one number of its map. One filter makes one map.",
    "A number was seen by several windows, and by every filter in each of them. Each of these outputs sends back its "
    + "gradient times the weight that the number met there; the sum is the number's gradient.",
  ],
  Fire: [
    "A few filters of 1 × 1 squeeze the input into a few maps (and what is not above zero becomes 0). Filters of 1 × 1 and of "
    + "3 × 3, side by side, see these maps; their maps are joined, and again what is not above zero becomes 0.",
    "The gradient goes back through both sides, where they were above zero, and adds up at the squeezed maps; from there, where "
    + "these were above zero, to the input.",
  ],
  LocallyConnected2d: [
    "Like a convolution, but each window has its own filters.",
    "Like in a convolution, but each window sends its gradient back through its own weights.",
  ],
  Linear: [
    "Each unit multiplies all inputs with its own weights, and adds up the products and its bias: a dot product.",
    "Every input went into every unit: each unit sends back its gradient times the weight between the two.",
  ],
  MaxPool2d: [
    "A window slides over each map, and the largest number under it is kept: the map gets smaller, and small shifts of "
    + "the picture matter less.",
    "Each window gives its whole gradient to the number that won in it; all others get nothing. So most of this map is 0.",
  ],
  AvgPool2d: [
    "A window slides over each map, and the mean of the numbers under it is kept.",
    "Each window divides its gradient among its numbers in equal shares.",
  ],
  LocalResponseNorm: [
    "Each number is divided by a power of a sum of squares over nearby channels at the same position: strong neighbours "
    + "make each other weaker.",
    "Two paths lead back to a number: through its own output, and through the denominators of its neighbours, which it is part of.",
  ],
  SpatialResponseNorm: [
    "Each number is divided by a power of a sum of squares around it in its own map.",
    "Two paths lead back to a number: through its own output, and through the denominators around it, which it is part of.",
  ],
  BatchNorm1d: [
    "Each feature is normalized to mean 0 and standard deviation 1, then multiplied by w and shifted by b.",
    "Three paths lead back to a number: its own output, and the mean and the deviation of its feature.",
  ],
  BatchNorm2d: [
    "Each channel is normalized to mean 0 and standard deviation 1, then multiplied by w and shifted by b.",
    "Three paths lead back to a number: its own output, and the mean and the deviation of its channel.",
  ],
  ReLU: [
    "What is above zero passes, everything else becomes 0.",
    "Where the unit was on, the gradient passes as it is; where it was off, nothing passes.",
  ],
  Tanh: ["Each number is squashed to lie between −1 and 1.", "The gradient is multiplied by the curve's slope, which is small where the output is near −1 or 1."],
  Sigmoid: ["Each number is squashed to lie between 0 and 1.", "The gradient is multiplied by the curve's slope, which is at most 1/4."],
  Dropout: [
    "In training, units drawn at random become 0, and the others grow to make up for it. In evaluation all pass unchanged.",
    "The gradient passes where the unit was kept, times the same number.",
  ],
  Flatten: ["All maps become one long row. Nothing is computed.", "The row becomes maps again. Nothing is computed."],
  Softmax: [
    "Scores become probabilities: their exponentials, divided by the sum of these.",
    "Each score moves all probabilities of its row, its own up and the others down.",
  ],
  SoftmaxCrossEntropy: [
    "The scores become probabilities (softmax). The loss is minus the logarithm of the probability of the right class: "
    + "near 0 if the network is sure and right, large if it is sure and wrong.",
    "The gradient of each score is its probability, less 1 for the right class: raising the right score lowers the loss, "
    + "raising any other raises it.",
  ],
};

/** The same of batch normalization in evaluation, where mean and deviation are numbers that were kept in training. */
const EVALUATION_WORDS = {
  BatchNorm1d: [
    "Each feature is normalized by the mean and the deviation that were kept in training, then multiplied by w and shifted by b.",
    "The mean and the deviation do not depend on this picture: one path leads back, through a number's own output.",
  ],
  BatchNorm2d: [
    "Each channel is normalized by the mean and the deviation that were kept in training, then multiplied by w and shifted by b.",
    "The mean and the deviation do not depend on this picture: one path leads back, through a number's own output.",
  ],
};

/** What a station's layer does, in words, or what the station is without a layer: [forward, backward]. */
function wordsOf(station) {
  return (!station.fromBatch && EVALUATION_WORDS[station.kind]) || WORDS[station.kind] || ["", ""];
}

const PARAMETER_WORDS = {
  weights: "How much the loss would change with each weight: the input that the weight met times the gradient of the output, "
    + "added up over all its uses. Training moves each weight a little against this gradient.",
  biases: "How much the loss would change with each bias: the sum of the gradients of all outputs that it was added to.",
};

/** What a parameter of this name has, "weights" or "biases"; "" for one of a layer of one's own, called otherwise.
 *  A fire module has three of either: "squeeze_w"; a network in a network names the layer first: "conv1.w". */
function kindOfParameter(name) {
  return { w: "weights", b: "biases" }[name.split(/[._]/).at(-1)] ?? "";
}

/** The heading and the sentence of a view. */
function describe({ direction, station, which }) {
  const here = CONTENT.stations[station];
  const next = CONTENT.stations[station + 1];
  if (direction === "forward") {
    if (station === 0) {
      return ["The picture, as the network gets it", "Its pixels minus the mean: blue is darker than the mean, "
        + "orange brighter."];
    }
    const heading = here.kind === "SoftmaxCrossEntropy" ? "The loss" : `${here.name} makes ${here.shape.replaceAll(" x ", " × ")}`;
    return [heading, wordsOf(here)[0]];
  }
  if (which !== "x") return [`Gradient of ${here.name}'s ${kindOfParameter(which) || "parameter"} ${which}`,
    PARAMETER_WORDS[kindOfParameter(which)] ?? "How much the loss would change with each of its numbers."];
  if (!next) return ["The gradient starts at the loss", "d loss / d loss = 1. From here the gradient goes backward, layer by layer."];
  const whose = station === 0 ? "the picture" : `${here.name}'s output`;
  return [`Gradient at ${whose}, backward through ${next.name}`, wordsOf(next)[1]];
}
