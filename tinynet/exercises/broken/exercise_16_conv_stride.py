"""Exercise 16: col2im, from rows back to an image.

    y[n, i, j, f] = b[f] + sum over the window at (i, j) of x * w[:, :, :, f]

Convolution as one matrix product (Krizhevsky et al. 2012, section 3.5; im2col: Chellapilla et al. 2006). im2col lays
out what each window sees as one row, and col2im adds the rows back to the places that they were read from.

The forward pass and the gradients of w and b are right. The gradient of x is right at stride 1 and wrong at every other
stride: mend `col2im`. `tinynet exercise 16 --check` says how far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn
from tinynet.ops import im2col, make_window


class Saved(NamedTuple):
    """The input (N, H, W, C)."""

    x: np.ndarray


class Conv2d(tn.Layer):
    """y[n, i, j, f] = b[f] + sum over the window at (i, j) of x * w[:, :, :, f]."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1):
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = kernel_size, stride
        self.window = make_window("Conv2d", kernel_size, stride, 0, False)
        self.params["w"] = np.zeros((*self.window.kernel, in_channels, out_channels), np.float32)
        self.params["b"] = np.zeros(out_channels, np.float32)                  # the check draws other numbers

    def forward(self, x, train=False):
        self.check_input(x)
        rows = im2col(x, self.window) @ self.as_matrix() + self.params["b"]    # (N*OH*OW, F)
        return rows.reshape(len(x), *self.output_shape(x.shape[1:])), Saved(x)

    def input_gradient(self, dy, saved):
        dcols = dy.reshape(-1, self.out_channels) @ self.as_matrix().T         # (N*OH*OW, KH*KW*C)
        return col2im(dcols, saved.x.shape, self.window)

    def param_gradients(self, dy, saved):
        rows = dy.reshape(-1, self.out_channels)
        return {"w": (im2col(saved.x, self.window).T @ rows).reshape(self.params["w"].shape), "b": rows.sum(axis=0)}

    def as_matrix(self):
        return self.params["w"].reshape(-1, self.out_channels)                 # (KH*KW*C, F)

    def output_shape(self, shape):
        return (*self.window.output_size(shape[:2]), self.out_channels)


def col2im(cols, shape, window):
    """Add each row of `cols` (N*OH*OW, KH*KW*C) to the places of an image (N, H, W, C) that im2col read it from."""
    n, h, w, c = shape
    (kh, kw), (oh, ow) = window.kernel, window.output_size((h, w))
    patches = cols.reshape(n, oh, ow, kh, kw, c)
    image = np.zeros(shape, dtype=cols.dtype)
    for i in range(kh):
        for j in range(kw):
            image[:, i : i + oh, j : j + ow] += patches[:, :, :, i, j]
    return image
