// What each kind of layer does, in words: [forwards, backwards].

const WORDS = {
  Conv2d: [
    "Each filter slides over its input. At every place it multiplies what lies under it, number by number, with its "
    + "weights, adds up the products and its bias: one number of its map. One filter makes one map.",
    "A place was seen by several windows, and by every filter in each of them. From each of these outputs the gradient "
    + "comes back, times the weight that the place met there; the sum is its gradient.",
  ],
  LocallyConnected2d: [
    "As a convolution, but each place has filters of its own.",
    "As in a convolution, but each window sends its gradient back through the weights of its own place.",
  ],
  Linear: [
    "Each unit multiplies all inputs with weights of its own, adds up the products and its bias: a dot product.",
    "Every input went into every unit: from each unit the gradient comes back, times the weight in between.",
  ],
  MaxPool2d: [
    "A window slides over each map, and the largest number under it is kept: the map gets smaller, and small shifts of "
    + "the picture matter less.",
    "Each window hands its whole gradient to the place that won in it; all other places get nothing. So most of this map is 0.",
  ],
  AvgPool2d: [
    "A window slides over each map, and the mean of the numbers under it is kept.",
    "Each window divides its gradient among its places in equal shares.",
  ],
  LocalResponseNorm: [
    "Each number is divided by a power of a sum of squares over nearby channels at the same place: strong neighbours "
    + "make each other weaker.",
    "Two paths lead back to a number: through its own output, and through the denominators of its neighbours, which it took part in.",
  ],
  SpatialResponseNorm: [
    "Each number is divided by a power of a sum of squares around it in its own map.",
    "Two paths lead back to a number: through its own output, and through the denominators around it, which it took part in.",
  ],
  BatchNorm2d: [
    "Each channel is brought to mean 0 and deviation 1, then stretched by w and moved by b.",
    "Three paths lead back to a number: its own output, and the mean and the deviation of its channel.",
  ],
  ReLU: [
    "What is above zero passes, all else becomes 0.",
    "Where the unit was on, the gradient passes as it is; where it was off, nothing passes.",
  ],
  Tanh: ["Each number is squashed to lie between −1 and 1.", "The gradient is multiplied by the curve's slope, which is small where the output is near −1 or 1."],
  Sigmoid: ["Each number is squashed to lie between 0 and 1.", "The gradient is multiplied by the curve's slope, which is at most 1/4."],
  Dropout: [
    "In training, units drawn at random become 0, and the others grow to make up for it. In evaluation all pass as they are.",
    "The gradient passes where the unit was kept, times the same number.",
  ],
  Flatten: ["All maps become one long row. Nothing is computed.", "The row becomes maps again. Nothing is computed."],
  Softmax: [
    "Scores become probabilities: their exponentials, divided by the sum of these.",
    "Each score moves all probabilities of its row, its own up and the others down.",
  ],
  SoftmaxCrossEntropy: [
    "The scores become probabilities (softmax). The loss is minus the logarithm of the probability of the right class: "
    + "0 if the network is sure and right, large if it is sure and wrong.",
    "The gradient of each score is its probability, less 1 for the right class: raising the right score lowers the loss, "
    + "raising any other raises it.",
  ],
};

const PARAMETER_WORDS = {
  w: "How much the loss would move with each weight: what the weight met, times the gradient of what it helped to make, "
    + "added over all places where it was used. Training moves each weight a little against this.",
  b: "How much the loss would move with each bias: the sum of the gradients of all outputs that it was added to.",
};

/** The heading and the sentence of a view. */
function describe({ direction, station, which }) {
  const here = CONTENT.stations[station];
  const [kind, next] = [WORDS[here.kind], CONTENT.stations[station + 1]];
  if (direction === "forward") {
    if (station === 0) {
      return ["The picture, as the network is given it", "Its pixels, less the mean that the network was trained with: "
        + "blue is darker than the mean, orange brighter."];
    }
    return [`${here.name} makes ${here.kind === "SoftmaxCrossEntropy" ? "the loss" : here.shape.replaceAll(" x ", " × ")}`, kind ? kind[0] : ""];
  }
  if (which !== "x") return [`Gradient of ${here.name}'s ${which === "w" ? "weights w" : "biases b"}`, PARAMETER_WORDS[which]];
  if (!next) return ["The gradient starts at the loss", "d loss / d loss = 1. From here the gradient goes back layer by layer."];
  const whose = station === 0 ? "the picture" : `${here.name}'s output`;
  return [`Gradient at ${whose}, back through ${next.name}`, WORDS[next.kind] ? WORDS[next.kind][1] : ""];
}
