import numpy as np
from step_01_activations import ReLU
from step_02_linear import Flatten, Linear
from step_08_groups import GroupedConv2d
from step_09_max_pool import MaxPool2d
from step_11_lrn import LocalResponseNorm
from step_12_dropout import Dropout
from step_14_initialization import he_std, initialize
from step_15_network import Network

TEXT = """
conv1 conv 96 11 4 0 1|relu1 relu|norm1 lrn|pool1 max 3 2
conv2 conv 256 5 1 2 2|relu2 relu|norm2 lrn|pool2 max 3 2
conv3 conv 384 3 1 1 1|relu3 relu
conv4 conv 384 3 1 1 2|relu4 relu
conv5 conv 256 3 1 1 2|relu5 relu|pool5 max 3 2|flatten flatten
fc6 linear 4096|relu6 relu|dropout6 dropout 0.5
fc7 linear 4096|relu7 relu|dropout7 dropout 0.5
fc8 linear 1000"""


def paper_table():
    rows = TEXT.strip().replace("\n", "|").split("|")
    return [tuple(float(word) if "." in word else int(word) if word.isdigit() else word for word in row.split())
            for row in rows]


def output_shape(row, shape):
    name, kind, *numbers = row
    shape = np.array(shape)
    if kind == "conv":
        f, k, s, p, _ = numbers
        return tuple(int(n) for n in (*((shape[:2] + 2 * p - k) // s + 1), f))
    if kind == "max":
        k, s = numbers
        return tuple(int(n) for n in (*((shape[:2] - k) // s + 1), shape[2]))
    return {"flatten": (int(shape.prod()),), "linear": tuple(numbers)}.get(kind, tuple(int(n) for n in shape))


def weights(row, shape):
    if row[1] == "conv":
        return row[3], row[3], shape[2] // row[6], row[2]
    return (shape[0], row[2]) if row[1] == "linear" else None


def count_parameters(table, shape):
    total = 0
    for row in table:
        of_w = weights(row, shape)
        total += int(np.prod(of_w)) + of_w[-1] if of_w else 0
        shape = output_shape(row, shape)
    return total


def build(table, shape, seed=0):
    makers = {
        "conv": lambda shape, i, f, k, s, p, g: GroupedConv2d(shape[2], f, k, stride=s, padding=p, groups=g),
        "linear": lambda shape, i, out: Linear(shape[0], out), "relu": lambda shape, i: ReLU(),
        "lrn": lambda shape, i: LocalResponseNorm(), "max": lambda shape, i, k, s: MaxPool2d(k, s),
        "flatten": lambda shape, i: Flatten(), "dropout": lambda shape, i, p: Dropout(p=p, seed=1000 * seed + i),
    }
    layers, generator = [], np.random.default_rng(seed)
    for i, row in enumerate(table):
        layers.append((row[0], makers[row[1]](shape, i, *row[2:])))
        of_w = weights(row, shape)
        if of_w:
            initialize(layers[-1][1], he_std(of_w), 0, generator)
        shape = output_shape(row, shape)
    return Network(layers)
