"""All steps of the course in their order, with their hints."""
from ..errors import ArgumentError
from .examine_alexnet import ALEXNET
from .examine_arrays import ARRAYS
from .examine_augmentation import AUGMENTATION
from .examine_layers import LAYERS
from .examine_network import examine_network
from .examine_training import TRAINING
from .step import Part, Step

PARTS: dict[str, Part] = LAYERS | TRAINING | ARRAYS | ALEXNET | AUGMENTATION | {
    "Network": Part("Network", examine_network)}


def step(number: int, name: str, title: str, wanted: str, hints: tuple[str, ...], uses: tuple[int, ...] = ()) -> Step:
    """Return a step; `wanted` has the names of its parts."""
    return Step(number, name, title, tuple(PARTS[each] for each in wanted.split()), hints, uses)


STEPS: tuple[Step, ...] = (
    step(1, "activations", "ReLU, tanh and sigmoid", "ReLU Tanh Sigmoid", (
        "np.maximum and np.tanh do the forward passes. For backward, write down the slope of each function at x: dx is "
        "dy times it, number by number.",
        "ReLU: which x let a change through? dy's own sign has nothing to do with it. tanh: the derivative of "
        "sinh / cosh is 1 - tanh**2. sigmoid: exp(-x) / (1 + exp(-x))**2 is y * (1 - y).",
        "With the slopes written in y, `saved` need be no more than y.",
    )),
    step(2, "linear", "a fully connected layer, images to rows", "Linear Flatten", (
        "y[n, j] = b[j] + sum_i x[n, i] * w[i, j]. Differentiate by one number: by x[n, i], by w[i, j], by b[j]. Which "
        "dy belong to it, and what is the sum over?",
        "dx[n, i] = sum_j dy[n, j] * w[i, j]. dw[i, j] = sum_n x[n, i] * dy[n, j]. db[j] = sum_n dy[n, j]. The first "
        "two are products of matrices: which one has to be transposed, so that the sum runs over the right index?",
        "dx is dy @ w.T, dw is x.T @ dy, db is dy.sum(axis=0). Flatten: x.reshape(len(x), -1), and back to the old "
        "shape.",
    )),
    step(3, "loss", "softmax and cross-entropy", "softmax_cross_entropy", (
        "Subtract each row's largest score first. scores[np.arange(N), labels] picks each image's right score.",
        "log p = shifted - log(sum(exp(shifted))), the sum along axis 1 with keepdims=True. The loss is minus the mean "
        "of log p at the labels.",
        "dscores: p = exp(log p), then 1 less at the labels, then divided by N: the loss is a mean over N images.",
    )),
    step(4, "sgd", "SGD with momentum and weight decay", "SGD", (
        "Go through self.net.params.items(). For each name there is a velocity, self.velocity[name], and a gradient.",
        "The velocity has to be kept: v[...] = ... writes into the array that is in self.velocity; v = ... would not.",
        "v[...] = momentum * v - weight_decay * learning_rate * w - learning_rate * g; then w += v.",
    )),
    step(5, "training_step", "one step of training", "training_step", (
        "Four calls, in the order of the arrows at the top of the file.",
        "net.forward(images, train=True) gives the scores and saved; the loss gives dscores, and net.backward wants "
        "both dscores and saved.",
        "net.backward returns (dx, grads): dx belongs to the images, nobody needs it. optimizer.step(grads) is last.",
    ), (3,)),
    step(6, "im2col", "im2col and its way back", "im2col col2im", (
        "im2col: np.pad(x, ((0, 0), (p, p), (p, p), (0, 0))) puts p = padding zeros around. Make rows of the shape "
        "(N, OH, OW, K, K, C), and reshape at the end. col2im: the same way back. Reshape the rows to that shape, and "
        "begin with zeros of the padded size; a pixel gets a number from each window that sees it.",
        "im2col: what do all windows see at the place (u, v) of the window? The pixels u, u + stride, u + 2 * stride, "
        "... down, OH of them: the slice u : u + (OH - 1) * stride + 1 : stride. col2im: the same loop over (u, v) and "
        "the same slices, with the two sides exchanged; = would keep the last window's number alone, += adds them up.",
        "im2col: rows[:, :, :, u, v] = x[slice]. col2im: total[slice] += rows[:, :, :, u, v]. At the end cut out "
        "[p : p + H, p : p + W]; [p:-p] fails for p = 0.",
    )),
    step(7, "conv", "convolution", "Conv2d", (
        "rows = im2col(x, ...), w.reshape(-1, F): the product is (N*OH*OW, F). Add b, reshape to (N, OH, OW, F).",
        "Backward is that of a Linear: dy as rows (N*OH*OW, F) gives dw = rows.T @ dy, db, and drows = dy @ w.T.",
        "drows has the gradients of what the windows saw; col2im adds them up to images. dw has to have the shape of "
        "w.",
    ), (6,)),
    step(8, "groups", "convolution in groups", "GroupedConv2d", (
        "Group g has the channels g * C/G to (g + 1) * C/G and the filters g * F/G to (g + 1) * F/G.",
        "A Conv2d of step 7 for each group does it: give it the slices w[..., filters] and b[filters] as its params.",
        "Put the outputs of the groups together along the last axis (np.concatenate), and in backward their dx, dw "
        "and db.",
    ), (6, 7)),
    step(9, "max_pool", "max-pooling", "MaxPool2d", (
        "y is the largest of K * K slices: np.maximum of what all windows have at (u, v), for each place (u, v).",
        "In backward go through the same slices. Where a slice equals y, that pixel won: add dy there, with +=.",
        "For ties keep an array `free`, True for each window. A pixel wins where its slice equals y and the window is "
        "still free; then the window is free no more.",
    )),
    step(10, "avg_pool", "average pooling", "AvgPool2d", (
        "y is the sum of K * K slices, divided by K * K.",
        "Each pixel under a window had the share 1 / (K * K) in its mean, so it gets dy / (K * K) of it.",
        "Add to slices of an array of zeros with +=: windows may overlap. saved needs only the shape of x.",
    )),
    step(11, "lrn", "local response normalization", "LocalResponseNorm", (
        "With half = size // 2 zeros at both ends of the channels, the sum over nearby ones is a sum of `size` slices.",
        "y[c'] = x[c'] * scale[c']**-beta. Derivative by x[c], own path (c' = c): scale[c]**-beta. Through the scale: "
        "x[c'] * (-beta) * scale[c']**(-beta - 1) * 2 * alpha * x[c], for each c' near c.",
        "So dx[c] = dy[c] * scale[c]**-beta - 2 * alpha * beta * x[c] * (the sum over nearby c' of "
        "dy[c'] * x[c'] * scale[c']**(-beta - 1)). c' is near c just when c is near c': the same sum as in forward.",
    )),
    step(12, "dropout", "dropout", "Dropout", (
        "self.generator.random(x.shape) >= self.p is True with probability 1 - p.",
        "Let the mask have the factor 1 / (1 - p) in it already; then y = x * mask, dx = dy * mask.",
        "(...).astype(x.dtype) / (1 - self.p) keeps float32. In evaluation the mask is all ones.",
    )),
    step(13, "batch_norm", "batch normalization", "BatchNorm2d", (
        "Means over all but the channels: axis=(0, 1, 2). b and w: sums over the same axes. Keep `normalized`, the "
        "deviation and `train` in saved.",
        "Call d = dy * w / deviation. In evaluation dx = d. In training the mean of the batch takes its mean away: "
        "d - d.mean(...). What about the variance?",
        "It takes away the part along `normalized`: normalized * (d * normalized).mean(...). So dx = d - d.mean - "
        "normalized * (d * normalized).mean, with axis=(0, 1, 2).",
    )),
    step(14, "initialization", "the numbers to begin with", "he_std initialize", (
        "fan_in is the product of all but the last number of the shape.",
        "w[...] = std * generator.standard_normal(w.shape): the generator is moved on by each draw. Do not make one "
        "yourself.",
        "np.prod(shape[:-1]) is fan_in. layer.params['b'][...] = bias fills the array in place.",
    )),
    step(15, "network", "layers in a line", "Network", (
        "forward: keep a list of what each layer saved, in order. backward: go through layers and list in reverse.",
        "The dx that a layer returns is the dy of the one before it. The last dx is the network's.",
        "f'{name}.{key}' for key, array in getattr(layer, 'params', {}).items() names the parameters; the grads of a "
        "layer get the same names.",
    )),
    step(16, "alexnet", "AlexNet's table", "paper_table output_shape count_parameters build", (
        "output_shape first: conv and max change height and width as in steps 7 and 9, conv and linear the last "
        "number, flatten everything. The other two need it: both go through the rows with the shape before each.",
        "A conv has kernel * kernel * (C // groups) * filters weights and `filters` biases, a linear in * out and out.",
        "build: a list of (name, layer) for Network. GroupedConv2d(C, filters, kernel, stride, padding, groups), "
        "Linear(inputs, outputs), MaxPool2d(kernel, stride), Dropout(p, seed=[seed, number of the row]).",
    ), (1, 2, 6, 7, 8, 9, 11, 12, 14, 15)),
    step(17, "augmentation", "crops, mirror images, colours", "random_crop random_mirror pca_colour", (
        "generator.integers(H - size + 1, size=N) draws N tops, from 0 to H - size. A loop over the images is fine.",
        "images[:, :, ::-1] are the mirror images; generator.random(N) < 0.5 says which to take; np.where needs that "
        "with the shape (N, 1, 1, 1).",
        "alpha = generator.normal(0, 0.1, (N, 3)); for one image the shift is 255 * eigenvectors @ (alpha * "
        "eigenvalues), for all 255 * (alpha * eigenvalues) @ eigenvectors.T. It has the shape (N, 3).",
    )),
)


def find_step(number: int) -> Step:
    """Return the step with this number; ArgumentError where it does not exist."""
    for each in STEPS:
        if each.number == number:
            return each
    raise ArgumentError(f"step {number} does not exist; there are 1 to {len(STEPS)}")


def uses_text(of: Step) -> str:
    """Return "uses 3 and 6"; nothing for a step that uses no other."""
    if not of.uses:
        return ""
    *first, last = (str(number) for number in of.uses)
    return f"uses {', '.join(first)} and {last}" if first else f"uses {last}"
