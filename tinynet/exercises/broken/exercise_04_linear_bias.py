"""Exercise 4: a bias and its batch.

    y = x @ w + b,   that is   y[n, j] = b[j] + sum over i of x[n, i] * w[i, j]

The fully connected layer (Krizhevsky et al. 2012, section 3.5). One bias b[j] takes part in N outputs, one for each
image of the batch.

The forward pass and the gradients of x and w are right. The gradient of b is right for a batch of one image and too
small for larger ones: mend `param_gradients`. `tinynet exercise 4 --check` says how far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn


class Saved(NamedTuple):
    """The input (N, in)."""

    x: np.ndarray


class Linear(tn.Layer):
    """y = x @ w + b."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.params["w"] = np.zeros((in_features, out_features), np.float32)   # the check draws other numbers
        self.params["b"] = np.zeros(out_features, np.float32)

    def forward(self, x, train=False):
        self.check_input(x)
        return x @ self.params["w"] + self.params["b"], Saved(x)               # (N, out)

    def input_gradient(self, dy, saved):
        return dy @ self.params["w"].T                                         # (N, in)

    def param_gradients(self, dy, saved):
        return {"w": saved.x.T @ dy, "b": dy.mean(axis=0)}                     # (in, out), (out,)

    def output_shape(self, shape):
        return (self.out_features,)
