"""Exercise 2: the slope of the sigmoid.

    y = 1 / (1 + exp(-x))          (Krizhevsky et al. 2012, section 3.1)

Its slope can be written with y alone, which is why y is what the forward pass saves.

The forward pass is right. The gradient of x is wrong: mend `input_gradient`, and leave the rest as it is.
`tinynet exercise 2 --check` says how far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn


class Saved(NamedTuple):
    """The output, from which the slope follows."""

    y: np.ndarray


class Sigmoid(tn.Layer):
    """y = 1 / (1 + exp(-x)), computed as (1 + tanh(x / 2)) / 2, which is the same and never overflows."""

    def forward(self, x, train=False):
        self.check_input(x)
        y = 0.5 * np.tanh(0.5 * x) + 0.5
        return y, Saved(y)

    def input_gradient(self, dy, saved):
        return dy * saved.y * (1 + saved.y)
