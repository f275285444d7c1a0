"""Exercise 6: backward through a matrix.

    y = x @ w + b,   that is   y[n, j] = b[j] + sum over i of x[n, i] * w[i, j]

The fully connected layer (Krizhevsky et al. 2012, section 3.5).

The forward pass and the gradients of w and b are right. The gradient of x has the right shape, whatever the sizes of
the layer, and wrong numbers in it: mend `input_gradient`. `tinynet exercise 6 --check` says how far you are.
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
        back = self.params["w"].reshape(self.out_features, self.in_features)   # (out, in)
        return dy @ back                                                       # (N, in)

    def param_gradients(self, dy, saved):
        return {"w": saved.x.T @ dy, "b": dy.sum(axis=0)}                      # (in, out), (out,)

    def output_shape(self, shape):
        return (self.out_features,)
