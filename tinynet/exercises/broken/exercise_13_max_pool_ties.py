"""Exercise 13: two winners in one window.

    y[n, i, j, c] = the largest x[n, :, :, c] under the window at (i, j)

Krizhevsky et al. 2012, section 3.4. After a ReLU many windows hold nothing but zeros, so ties are common. The gradient
of a window then goes to one place: the first, row by row, that holds the maximum.

The forward pass is right. The gradient of x is right as long as no window has a tie: mend `input_gradient`.
Finite differences cannot help here: at a tie there is no derivative. `tinynet exercise 13 --check` says how far
you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn


class Saved(NamedTuple):
    """The input (N, H, W, C) and the maxima (N, OH, OW, C)."""

    x: np.ndarray
    y: np.ndarray


class MaxPool2d(tn.Layer):
    """y[n, i, j, c] = the largest x[n, :, :, c] under the window at (i, j)."""

    def __init__(self, kernel_size=3, stride=2):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x, train=False):
        self.check_input(x)
        y = np.max([x[place] for place in self.places(x.shape)], axis=0)       # (N, OH, OW, C)
        return y, Saved(x, y)

    def input_gradient(self, dy, saved):
        dx = np.zeros_like(saved.x)                                            # (N, H, W, C)
        for place in self.places(saved.x.shape):
            wins = saved.x[place] == saved.y                                   # (N, OH, OW, C)
            dx[place] += dy * wins
        return dx

    def places(self, shape):
        """For each place in the window, row by row: what picks that place of all (OH, OW) windows out of an image."""
        k, s = self.kernel_size, self.stride
        oh, ow, _ = self.output_shape(shape[1:])
        for i in range(k):
            for j in range(k):
                yield slice(None), slice(i, i + (oh - 1) * s + 1, s), slice(j, j + (ow - 1) * s + 1, s)

    def output_shape(self, shape):
        h, w, c = shape
        return (h - self.kernel_size) // self.stride + 1, (w - self.kernel_size) // self.stride + 1, c
