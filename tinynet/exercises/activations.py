"""Exercises on layers that treat each number alone, and on what is around them: matrices, loss, optimizer."""
from .examine import examine_layer, examine_loss, examine_optimizer
from .exercise import Case, Exercise, Mend

FLAT = Case("5 rows of 7", {}, (5, 7))
IMAGES = Case("2 images of 3 x 4", {}, (2, 3, 4, 2))
LINEAR = (
    Case("1 row", {"in_features": 4, "out_features": 3}, (1, 4)),
    Case("5 rows", {"in_features": 4, "out_features": 3}, (5, 4)),
    Case("as many out as in", {"in_features": 4, "out_features": 4}, (3, 4)),
)

RELU_MASK = Exercise(
    1, "relu_mask", "easy", "the mask of ReLU", "ReLU", examine_layer, (FLAT, IMAGES), (
        "A mask says where something passes. What decides here where dy passes, and what should?",
        "dy may have either sign at any index: whether a small change of x reaches the loss depends on x alone.",
        "`saved.y` tells where x was above zero.",
    ), (Mend("dy * (dy > 0)", "dy * (saved.y > 0)"),),
    "The slope of max(x, 0) is 1 where x > 0, so dy passes there, whatever its own sign; below zero x has no influence "
    "and its gradient is 0. Letting only positive dy pass is what some pictures of networks do on purpose "
    "(deconvolution, guided backpropagation), and it is not the gradient.",
    bug="relu-mask-of-gradient",
)

SIGMOID_SIGN = Exercise(
    2, "sigmoid_sign", "easy", "the slope of the sigmoid", "Sigmoid", examine_layer, (FLAT, IMAGES), (
        "Far to the right the curve is flat and y is nearly 1. What slope does the line give there?",
        "Differentiate 1 / (1 + exp(-x)): exp(-x) / (1 + exp(-x))**2. Write both factors with y.",
        "exp(-x) / (1 + exp(-x)) is 1 - y.",
    ), (Mend("(1 + saved.y)", "(1 - saved.y)"),),
    "dy/dx = exp(-x) / (1 + exp(-x))**2 = y * (1 - y): at most 1/4, at x = 0, and nearly 0 where the unit is "
    "saturated. With the other sign the slope would be 2 where the curve is flat.",
    # no bug: the catalogue's sigmoid-sign has another sign wrong
)

TANH_SLOPE = Exercise(
    3, "tanh_slope", "easy", "the slope of tanh", "Tanh", examine_layer, (FLAT, IMAGES), (
        "tanh rises everywhere. What does the line give at x = 3?",
        "The derivative of tanh(x) is 1 - tanh(x)**2. For small x, tanh(x) is nearly x.",
        "The square belongs to the output, which is saved too.",
    ), (Mend("(1 - saved.x * saved.x)", "(1 - saved.y * saved.y)"),),
    "tanh' = 1 - tanh**2, so the slope follows from the output: 1 - y * y. With x for y it is right to first order "
    "near zero, where small initial weights keep a network, and turns negative for |x| > 1: such a mistake shows "
    "only after some training. With y alone in the formula, x need not be saved.",
    # no bug: the catalogue has no slope that uses the input for the output
)

LINEAR_BIAS = Exercise(
    4, "linear_bias", "easy", "a bias and its batch", "Linear", examine_layer, LINEAR, (
        "By which factor is the gradient of b off, for a batch of 2 images, of 5, of N?",
        "Change b[j] a little: how many outputs change? The loss feels all of them.",
        "The contributions of all images add up. If the loss is a mean over the batch, its 1/N is in dy already.",
    ), (Mend("dy.mean(axis=0)", "dy.sum(axis=0)"),),
    "b[j] is added to y[n, j] for every n, so d loss / d b[j] is the sum of dy[n, j] over n. The product for w, x.T @ "
    "dy, sums over the batch without saying so. A mean over the batch belongs in the loss, once; taking it again "
    "here makes biases learn N times more slowly than weights.",
    bug="linear-bias-mean",
)

LOSS_MEAN = Exercise(
    5, "loss_mean", "easy", "the loss of a batch", "softmax_cross_entropy", examine_loss, (
        Case("1 image", {"labels": [2]}, (1, 4)), Case("3 images", {"labels": [0, 2, 2]}, (3, 4)),
        Case("6 images of 2 classes", {"labels": [1, 0, 0, 1, 1, 0]}, (6, 2)),
    ), (
        "By which factor is the gradient off, for a batch of 2 images, of 3, of N?",
        "Which step of the loss has no counterpart in the gradient?",
        "The loss is a mean over N images: each image's part in it has a factor 1 / N.",
    ), (Mend("return float(loss), dscores", "return float(loss), dscores / len(scores)"),),
    "For one image the gradient is softmax(scores) - onehot(label). The loss is the mean over the batch, so each "
    "image's gradient carries 1 / N. Forgotten, it makes the learning rate grow with the batch, and no test with a "
    "batch of one can see it. It must be the number of images that divides, not the number of entries.",
    bug="loss-batch-size-forgotten",
)

LINEAR_TRANSPOSE = Exercise(
    6, "linear_transpose", "easy", "backward through a matrix", "Linear", examine_layer, LINEAR, (
        "Write dx[n, i] out as a sum: over which index, and which entry of w stands in it?",
        "dx[n, i] = sum over j of dy[n, j] * w[i, j]. Which matrix has w[i, j] in row j and column i?",
        "reshape keeps the numbers in their order in memory and cuts it into other rows; it does not swap the axes.",
    ), (Mend("self.params[\"w\"].reshape(self.out_features, self.in_features)   # (out, in)",
             "self.params[\"w\"].T                                               # (out, in)"),),
    "x[n, i] reaches y[n, j] with the factor w[i, j], so dx = dy @ w.T. The reshaped matrix has the same shape as "
    "w.T, and other numbers at each index: shapes that fit are no proof. It is right only where w has a single row or "
    "column.",
    bug="linear-input-not-transposed",
)

RELU_MEMORY = Exercise(
    8, "relu_memory", "medium", "a layer that remembers", "ReLU", examine_layer, (FLAT, IMAGES), (
        "After forward(x1) and forward(x2), what does backward(dy1, saved1) use?",
        "Everything that depends on one call has to be in `saved`; `self` has only settings and parameters.",
        "`saved.y` tells where x was above zero in the call that it belongs to.",
    ), (Mend("        self.mask = y > 0\n", ""), Mend("dy * self.mask", "dy * (saved.y > 0)")),
    "self.mask is overwritten by the second forward pass, and the first backward pass then uses the second one's "
    "mask: the gradient is wrong without any error, or fails where the batches differ in size. Gradient checks run "
    "forward and backward in turn and may not see it. What belongs to a call is returned as `saved`.",
    # no bug: the catalogue's contract-saved-on-self is a Linear
)

DROPOUT_SCALE = Exercise(
    9, "dropout_scale", "medium", "dropout, backward through the mask", "Dropout", examine_layer, (
        Case("p = 0.3", {"p": 0.3}, (6, 8)), Case("p = 0.5", {"p": 0.5}, (2, 3, 4, 2)),
        Case("evaluation", {"p": 0.3}, (6, 8), train=False),
    ), (
        "By which factor is the gradient off, where it is not zero?",
        "y is x times something, and dx must be dy times the same. Is all of it in `saved`?",
        "Scaling in `input_gradient` would be wrong in evaluation. Put the factor into the mask, in `forward`.",
    ), (Mend(">= self.p).astype(x.dtype)\n", ">= self.p).astype(x.dtype) / (1 - self.p)\n"),
        Mend("return x * mask / (1 - self.p), Saved(mask)", "return x * mask, Saved(mask)")),
    "In training y = x * mask with a mask of 0 and 1 / (1 - p), so dx = dy * mask with the same mask. If the factor is "
    "part of the mask, forward and backward cannot disagree, and evaluation, whose mask is all ones, needs no case of "
    "its own. Gradients that lack the factor are too small by 1 - p in every layer below a dropout.",
    bug="dropout-not-scaled",
)

SGD_MOMENTUM = Exercise(
    10, "sgd_momentum", "medium", "momentum", "SGD", examine_optimizer, (
        Case("momentum alone", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.0}, (3, 2)),
        Case("decay alone", {"learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.5}, (3, 2)),
        Case("both", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.5}, (4, 5)),
    ), (
        "Why can the first step be right, whatever is done with the velocity?",
        "Go through the formula term by term, signs included, beside the lines of `step`.",
        "Momentum keeps a part of the old velocity: the step goes on in the direction that it had.",
    ), (Mend("v *= -self.momentum", "v *= self.momentum"),),
    "v <- momentum * v - ...: the old velocity is kept with its sign, so that steps in one direction add up and "
    "reach 1 / (1 - momentum) times a single step. With the other sign, each step takes back a part of the one "
    "before: steps in one direction come to 1 / (1 + momentum) times a single step, about half.",
    bug="sgd-momentum-sign",
)

SOFTMAX_JACOBIAN = Exercise(
    11, "softmax_jacobian", "medium", "every input of softmax reaches every output", "Softmax", examine_layer, (
        Case("2 classes", {}, (3, 2)), Case("5 rows of 7", {}, (5, 7)),
        Case("at each position of an image", {}, (2, 3, 2, 4)),
    ), (
        "Add a little to x[0]. Which of the y change?",
        "For i = j the derivative is y[i] * (1 - y[i]), which is there. For i != j it is -y[i] * y[j].",
        "dx[j] = sum over i of dy[i] * y[i] * ((i == j) - y[j]). Take y[j] out of the sum.",
        "What is left is dy[j] minus the sum over i of dy[i] * y[i], along the last axis.",
    ), (Mend("dy * saved.y * (1 - saved.y)",
             "saved.y * (dy - (dy * saved.y).sum(axis=-1, keepdims=True))"),),
    "The Jacobian is d y[i] / d x[j] = y[i] * ((i == j) - y[j]), not only its diagonal. Its product with dy is "
    "y * (dy - sum(dy * y)): no matrix is written out. With dy all ones the right gradient is 0, because the outputs "
    "always sum to 1; a check that uses such a dy lets a backward of zeros pass.",
    bug="softmax-diagonal-only",
)

ACTIVATIONS = (RELU_MASK, SIGMOID_SIGN, TANH_SLOPE, LINEAR_BIAS, LOSS_MEAN, LINEAR_TRANSPOSE, RELU_MEMORY,
               DROPOUT_SCALE, SGD_MOMENTUM, SOFTMAX_JACOBIAN)
