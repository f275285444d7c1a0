"""Exercise 17: two towers.

    y[n, i, j, f] = b[f] + sum over the window at (i, j), and over the channels of f's group, of x * w[:, :, :, f]

Krizhevsky et al. 2012, section 3.5: the network was spread over two devices, and in most layers a filter sees only the
channels of its own half. With `groups` parts, w is (KH, KW, C // groups, F).

The forward pass and the gradients of x and b are right. The gradient of w is right for one group only: mend
`param_gradients`. `tinynet exercise 17 --check` says how far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn
from tinynet.ops import col2im, im2col, make_window


class Saved(NamedTuple):
    """The input (N, H, W, C)."""

    x: np.ndarray


class Conv2d(tn.Layer):
    """y[n, i, j, f] = b[f] + sum over the window at (i, j) and f's group of x * w[:, :, :, f]."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
        super().__init__()
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.window = make_window("Conv2d", kernel_size, stride, padding, False)
        self.params["w"] = np.zeros((*self.window.kernel, in_channels // groups, out_channels), np.float32)
        self.params["b"] = np.zeros(out_channels, np.float32)                  # the check draws other numbers

    def forward(self, x, train=False):
        self.check_input(x)
        parts = [im2col(x[..., channels], self.window) @ w for channels, _, w in self.each_group()]
        rows = np.concatenate(parts, axis=1) + self.params["b"]                # (N*OH*OW, F)
        return rows.reshape(len(x), *self.output_shape(x.shape[1:])), Saved(x)

    def input_gradient(self, dy, saved):
        dx = np.empty_like(saved.x)                                            # (N, H, W, C)
        rows = dy.reshape(-1, self.out_channels)                               # (N*OH*OW, F)
        for channels, filters, w in self.each_group():
            dx[..., channels] = col2im(rows[:, filters] @ w.T, saved.x[..., channels].shape, self.window)
        return dx

    def param_gradients(self, dy, saved):
        dw = np.empty_like(self.params["w"])                                   # (KH, KW, C/G, F)
        rows = dy.reshape(-1, self.out_channels)                               # (N*OH*OW, F)
        for _, filters, w in self.each_group():
            cols = im2col(saved.x[..., : self.in_channels // self.groups], self.window)
            dw[..., filters] = (cols.T @ rows[:, filters]).reshape(*dw.shape[:3], w.shape[1])
        return {"w": dw, "b": rows.sum(axis=0)}

    def each_group(self):
        """Yield each group's channels, its filters, and its weights as a matrix (KH*KW*C/G, F/G)."""
        c, f = self.in_channels // self.groups, self.out_channels // self.groups
        for g in range(self.groups):
            filters = slice(g * f, (g + 1) * f)
            yield slice(g * c, (g + 1) * c), filters, self.params["w"][..., filters].reshape(-1, f)

    def output_shape(self, shape):
        return (*self.window.output_size(shape[:2]), self.out_channels)
