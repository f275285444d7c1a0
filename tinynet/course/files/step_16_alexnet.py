"""Step 16 of 17: AlexNet's table.

A network is a list of rows, from which `build` makes the layers of the earlier steps. A row is one of

    ("conv1", "conv", filters, kernel, stride, padding, groups)
    ("relu1", "relu")
    ("norm1", "lrn")                         with the usual settings of step 11
    ("pool1", "max", kernel, stride)
    ("flatten", "flatten")
    ("fc6", "linear", outputs)
    ("dropout6", "dropout", p)

The paper's network (Krizhevsky et al. 2012, section 3.5 and figure 2) takes images of 227 x 227 x 3:

    conv1    96 filters of 11 x 11, stride 4, no padding         then ReLU, LRN, max-pooling 3 x 3 with stride 2
    conv2    256 of 5 x 5, stride 1, padding 2, in two groups    then ReLU, LRN, max-pooling 3 x 3 with stride 2
    conv3    384 of 3 x 3, stride 1, padding 1, sees everything  then ReLU
    conv4    384 of 3 x 3, stride 1, padding 1, in two groups    then ReLU
    conv5    256 of 3 x 3, stride 1, padding 1, in two groups    then ReLU, max-pooling 3 x 3 with stride 2, flatten
    fc6      4096 outputs                                        then ReLU, dropout with p = 0.5
    fc7      4096 outputs                                        then ReLU, dropout with p = 0.5
    fc8      1000 outputs: the scores of the classes

(Many accounts have a pooling behind every convolution. There are three.) It has 60,965,224 parameters.

SMALL, below, is a shorter one for images of 32 x 32, with one fully connected layer: what `tinynet course train`
trains, with your layers.

To write: four functions.   Uses steps 1, 2, 8, 9, 11, 12, 14 and 15.   Then: tinynet course check 16
"""
import numpy as np
from step_01_activations import ReLU
from step_02_linear import Flatten, Linear
from step_08_groups import GroupedConv2d
from step_09_max_pool import MaxPool2d
from step_11_lrn import LocalResponseNorm
from step_12_dropout import Dropout
from step_14_initialization import he_std, initialize
from step_15_network import Network

SMALL = [                                        # from 32 x 32 x 3
    ("conv1", "conv", 16, 5, 1, 2, 1),           # 32 x 32 x 16
    ("relu1", "relu"),
    ("norm1", "lrn"),
    ("pool1", "max", 3, 2),                      # 15 x 15 x 16
    ("conv2", "conv", 32, 3, 1, 1, 2),           # 15 x 15 x 32
    ("relu2", "relu"),
    ("norm2", "lrn"),
    ("pool2", "max", 3, 2),                      # 7 x 7 x 32
    ("conv3", "conv", 64, 3, 1, 1, 1),           # 7 x 7 x 64
    ("relu3", "relu"),
    ("conv4", "conv", 64, 3, 1, 1, 2),           # 7 x 7 x 64
    ("relu4", "relu"),
    ("pool4", "max", 3, 2),                      # 3 x 3 x 64
    ("flatten", "flatten"),                      # 576
    ("dropout5", "dropout", 0.5),
    ("fc5", "linear", 10),
]


def paper_table():
    """Return the paper's network as a list of rows, from conv1 to fc8, with names as above: relu1, norm1, pool1, ..."""
    # solution
    convs = [(96, 11, 4, 0, 1), (256, 5, 1, 2, 2), (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2)]
    rows = []
    for i, conv in enumerate(convs, 1):
        rows += [(f"conv{i}", "conv", *conv), (f"relu{i}", "relu")]
        rows += [(f"norm{i}", "lrn")] if i in (1, 2) else []
        rows += [(f"pool{i}", "max", 3, 2)] if i in (1, 2, 5) else []
    rows += [("flatten", "flatten")]
    for i in (6, 7):
        rows += [(f"fc{i}", "linear", 4096), (f"relu{i}", "relu"), (f"dropout{i}", "dropout", 0.5)]
    return [*rows, ("fc8", "linear", 1000)]


def output_shape(row, shape):
    """Return the shape of one image behind the row's layer, a tuple, for its shape before: (H, W, C) or (features,)."""
    # solution
    kind = row[1]
    if kind == "conv":
        _, _, filters, kernel, stride, padding, _ = row
        return (*((length + 2 * padding - kernel) // stride + 1 for length in shape[:2]), filters)
    if kind == "max":
        _, _, kernel, stride = row
        return (*((length - kernel) // stride + 1 for length in shape[:2]), shape[2])
    if kind == "flatten":
        return (int(np.prod(shape)),)
    return (row[2],) if kind == "linear" else tuple(shape)


def count_parameters(table, shape):
    """Return how many numbers training adjusts, an int, for images of `shape` (H, W, C); make no layer for it."""
    # solution
    total = 0
    for row in table:
        if row[1] == "conv":
            _, _, filters, kernel, _, _, groups = row
            total += kernel * kernel * (shape[2] // groups) * filters + filters
        elif row[1] == "linear":
            total += shape[0] * row[2] + row[2]
        shape = output_shape(row, shape)
    return total


def build(table, shape, seed=0):
    """Return a Network of the rows of `table`, for images of `shape` (H, W, C).

    Weights are drawn by `initialize` with the std that `he_std` gives, from one generator,
    np.random.default_rng(seed); biases are 0. Give each dropout a seed of its own, such as [seed, number of the row]:
    two with the same seed would drop the same units.
    """
    # solution
    generator, layers = np.random.default_rng(seed), []
    for i, row in enumerate(table):
        name, kind, *settings = row
        if kind == "conv":
            layer = GroupedConv2d(shape[2], *settings)
        elif kind == "linear":
            layer = Linear(shape[0], *settings)
        elif kind == "dropout":
            layer = Dropout(*settings, seed=[seed, i])
        else:
            layer = {"relu": ReLU, "lrn": LocalResponseNorm, "max": MaxPool2d, "flatten": Flatten}[kind](*settings)
        if kind in ("conv", "linear"):
            initialize(layer, he_std(layer.params["w"].shape), 0, generator)
        layers.append((name, layer))
        shape = output_shape(row, shape)
    return Network(layers)
