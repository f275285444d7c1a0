import numpy as np
import step_01_activations
import step_02_linear
import step_08_groups
import step_09_max_pool
import step_11_lrn
import step_12_dropout
import step_14_initialization as init
import step_15_network


def paper_table():
    return [
        ("conv1", "conv", 96, 11, 4, 0, 1), ("relu1", "relu"), ("norm1", "lrn"), ("pool1", "max", 3, 2),
        ("conv2", "conv", 256, 5, 1, 2, 2), ("relu2", "relu"), ("norm2", "lrn"), ("pool2", "max", 3, 2),
        ("conv3", "conv", 384, 3, 1, 1, 1), ("relu3", "relu"),
        ("conv4", "conv", 384, 3, 1, 1, 2), ("relu4", "relu"),
        ("conv5", "conv", 256, 3, 1, 1, 2), ("relu5", "relu"), ("pool5", "max", 3, 2), ("flatten", "flatten"),
        ("fc6", "linear", 4096), ("relu6", "relu"), ("dropout6", "dropout", 0.5),
        ("fc7", "linear", 4096), ("relu7", "relu"), ("dropout7", "dropout", 0.5),
        ("fc8", "linear", 1000),
    ]


def output_shape(row, shape):
    if row[1] == "conv":
        h = (shape[0] + 2 * row[5] - row[3]) // row[4] + 1
        w = (shape[1] + 2 * row[5] - row[3]) // row[4] + 1
        return h, w, row[2]
    if row[1] == "max":
        return (shape[0] - row[2]) // row[3] + 1, (shape[1] - row[2]) // row[3] + 1, shape[2]
    if row[1] == "flatten":
        return (shape[0] * shape[1] * shape[2],)
    if row[1] == "linear":
        return (row[2],)
    return shape


def count_parameters(table, shape):
    count = 0
    for row in table:
        if row[1] == "conv":
            count += row[3] ** 2 * shape[2] * row[2] // row[6] + row[2]
        if row[1] == "linear":
            count += (shape[0] + 1) * row[2]
        shape = output_shape(row, shape)
    return count


def build(table, shape, seed=0):
    generator = np.random.default_rng([seed, 7])
    layers = []
    for row in table:
        if row[1] == "conv":
            layer = step_08_groups.GroupedConv2d(shape[2], row[2], row[3], row[4], row[5], row[6])
        elif row[1] == "relu":
            layer = step_01_activations.ReLU()
        elif row[1] == "lrn":
            layer = step_11_lrn.LocalResponseNorm()
        elif row[1] == "max":
            layer = step_09_max_pool.MaxPool2d(row[2], row[3])
        elif row[1] == "flatten":
            layer = step_02_linear.Flatten()
        elif row[1] == "linear":
            layer = step_02_linear.Linear(shape[0], row[2])
        else:
            layer = step_12_dropout.Dropout(row[2], int(generator.integers(10**6)))
        if row[1] in ("conv", "linear"):
            init.initialize(layer, init.he_std(layer.params["w"].shape), 0.0, generator)
        layers += [(row[0], layer)]
        shape = output_shape(row, shape)
    return step_15_network.Network(layers)
