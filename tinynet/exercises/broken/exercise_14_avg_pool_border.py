"""Exercise 14: averages at the border.

    y[n, i, j, c] = the mean of x[n, :, :, c] under the window at (i, j)

As in LeNet-5 (LeCun et al. 1998). With ceil_mode, sizes round up and the last window may reach past the image: its mean
is then taken over the places that it really sees. (Places added by `padding` count, as zeros.)

The forward pass is right. The gradient of x is wrong where a window reaches past the image: mend `input_gradient`.
`tinynet exercise 14 --check` says how far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn
from tinynet.ops import make_window, window_sum, window_sum_back


class Saved(NamedTuple):
    """The input (N, H, W, C), of which backward needs the shape alone."""

    x: np.ndarray


class AvgPool2d(tn.Layer):
    """y[n, i, j, c] = the mean of x[n, :, :, c] under the window at (i, j)."""

    def __init__(self, kernel_size=3, stride=2, padding=0, ceil_mode=False):
        super().__init__()
        self.kernel_size, self.stride, self.padding, self.ceil_mode = kernel_size, stride, padding, ceil_mode
        self.window = make_window("AvgPool2d", kernel_size, stride, padding, ceil_mode)

    def forward(self, x, train=False):
        self.check_input(x)
        cells = self.window.cells(x.shape[1:3])  # (OH, OW): how many places each window sees
        return window_sum(x, self.window) / cells[:, :, None].astype(x.dtype), Saved(x)     # (N, OH, OW, C)

    def input_gradient(self, dy, saved):
        kh, kw = self.window.kernel
        return window_sum_back(dy / (kh * kw), saved.x.shape, self.window)  # to all places under each window

    def output_shape(self, shape):
        h, w, c = shape
        return (*self.window.output_size((h, w)), c)
