"""Exercise 7: images to rows, and back.

    y[n, (i * W + j) * C + c] = x[n, i, j, c]

Flatten stands between the last pooling and the first fully connected layer: images (N, H, W, C) become rows
(N, H*W*C), the channel running fastest.

The forward pass is right. The gradient of x has the right shape, but its numbers are at wrong indices; images of one
channel, or of one pixel, do not show it. Mend `input_gradient`. `tinynet exercise 7 --check` says how far you are.
"""
import math
from typing import NamedTuple

import numpy as np

import tinynet as tn


class Saved(NamedTuple):
    """The input, of which backward needs the shape alone."""

    x: np.ndarray


class Flatten(tn.Layer):
    """y = x with all axes but the first made one."""

    def forward(self, x, train=False):
        self.check_input(x)
        return x.reshape(len(x), -1), Saved(x)

    def input_gradient(self, dy, saved):
        n, h, w, c = saved.x.shape
        return dy.reshape(n, c, h, w).transpose(0, 2, 3, 1)                    # (N, H, W, C)

    def output_shape(self, shape):
        return (math.prod(shape),)
