from dataclasses import dataclass

import numpy as np
from step_01_activations import ReLU
from step_02_linear import Flatten, Linear
from step_07_conv import Conv2d
from step_08_groups import GroupedConv2d
from step_09_max_pool import MaxPool2d
from step_11_lrn import LocalResponseNorm
from step_12_dropout import Dropout
from step_14_initialization import he_std, initialize
from step_15_network import Network


def paper_table():
    def conv(i, *settings, norm=False, pool=False):
        return [(f"conv{i}", "conv", *settings), (f"relu{i}", "relu"), *([(f"norm{i}", "lrn")] * norm),
                *([(f"pool{i}", "max", 3, 2)] * pool)]

    def hidden(i):
        return [(f"fc{i}", "linear", 4096), (f"relu{i}", "relu"), (f"dropout{i}", "dropout", 0.5)]

    return [*conv(1, 96, 11, 4, 0, 1, norm=True, pool=True), *conv(2, 256, 5, 1, 2, 2, norm=True, pool=True),
            *conv(3, 384, 3, 1, 1, 1), *conv(4, 384, 3, 1, 1, 2), *conv(5, 256, 3, 1, 1, 2, pool=True),
            ("flatten", "flatten"), *hidden(6), *hidden(7), ("fc8", "linear", 1000)]


@dataclass
class Plan:
    """What a row makes of a shape."""

    row: tuple
    shape: tuple

    def after(self):
        kind, settings = self.row[1], self.row[2:]
        if kind in ("conv", "max"):
            f, k, s, p = settings[:4] if kind == "conv" else (self.shape[2], *settings, 0)
            return (*(1 + (length + 2 * p - k) // s for length in self.shape[:2]), f)
        if kind == "flatten":
            return (int(np.prod(self.shape)),)
        return (settings[0],) if kind == "linear" else self.shape

    def parameters(self):
        kind, settings = self.row[1], self.row[2:]
        if kind == "conv":
            f, k, _, _, groups = settings
            return f * (k * k * self.shape[2] // groups + 1)
        return settings[0] * (self.shape[0] + 1) if kind == "linear" else 0

    def layer(self, number, seed):
        kind, settings = self.row[1], self.row[2:]
        if kind == "conv":
            *settings, groups = settings
            return Conv2d(self.shape[2], *settings) if groups == 1 else GroupedConv2d(self.shape[2], *settings, groups)
        if kind == "linear":
            return Linear(*self.shape, *settings)
        if kind == "dropout":
            return Dropout(settings[0], seed=[seed, number])
        return {"relu": ReLU, "lrn": LocalResponseNorm, "max": MaxPool2d, "flatten": Flatten}[kind](*settings)


def plans(table, shape):
    for row in table:
        plan = Plan(row, tuple(shape))
        yield plan
        shape = plan.after()


def output_shape(row, shape):
    return Plan(row, tuple(shape)).after()


def count_parameters(table, shape):
    return sum(plan.parameters() for plan in plans(table, shape))


def build(table, shape, seed=0):
    layers = [(plan.row[0], plan.layer(i, seed)) for i, plan in enumerate(plans(table, shape))]
    generator = np.random.default_rng(seed)
    for _, layer in layers:
        if getattr(layer, "params", None):
            initialize(layer, he_std(layer.params["w"].shape), 0, generator)
    return Network(layers)
