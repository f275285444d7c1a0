"""Exercise 15: zeros around the image.

    y[n, i, j, f] = b[f] + sum over the window at (i, j) of x * w[:, :, :, f]

Convolution (Krizhevsky et al. 2012, section 3.5) with zeros around the image, so that the windows can go up to its
border. Here it has stride 1 and is written as a sum over the places in the window, without im2col.

The forward pass and the gradients of w and b are right. The gradient of x is right without padding, and with padding it
has the right shape and wrong numbers: mend `input_gradient`. `tinynet exercise 15 --check` says how far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn


class Saved(NamedTuple):
    """The input (N, H, W, C)."""

    x: np.ndarray


class Conv2d(tn.Layer):
    """y[n, i, j, f] = b[f] + sum over the window at (i, j) of x * w[:, :, :, f]; sizes are (height, width)."""

    def __init__(self, in_channels, out_channels, kernel_size, padding=(0, 0)):
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.padding = kernel_size, padding
        self.params["w"] = np.zeros((*kernel_size, in_channels, out_channels), np.float32)  # the check draws others
        self.params["b"] = np.zeros(out_channels, np.float32)

    def forward(self, x, train=False):
        self.check_input(x)
        padded, w = self.with_zeros(x), self.params["w"]
        y = self.params["b"] + sum(padded[place] @ w[i, j] for i, j, place in self.places(x.shape))
        return y, Saved(x)                                                     # (N, OH, OW, F)

    def input_gradient(self, dy, saved):
        _, h, w, _ = saved.x.shape
        total = np.zeros_like(self.with_zeros(saved.x))                        # (N, H + 2 PH, W + 2 PW, C)
        for i, j, place in self.places(saved.x.shape):
            total[place] += dy @ self.params["w"][i, j].T
        return total[:, :h, :w]

    def param_gradients(self, dy, saved):
        padded, dw = self.with_zeros(saved.x), np.zeros_like(self.params["w"])
        for i, j, place in self.places(saved.x.shape):
            dw[i, j] = np.einsum("nijc,nijf->cf", padded[place], dy)
        return {"w": dw, "b": dy.sum(axis=(0, 1, 2))}

    def with_zeros(self, x):
        (ph, pw) = self.padding
        return np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)))

    def places(self, shape):
        """For each place in the window: (i, j), and what picks it out of a padded image for all (OH, OW) windows."""
        oh, ow, _ = self.output_shape(shape[1:])
        for i in range(self.kernel_size[0]):
            for j in range(self.kernel_size[1]):
                yield i, j, (slice(None), slice(i, i + oh), slice(j, j + ow))

    def output_shape(self, shape):
        (kh, kw), (ph, pw) = self.kernel_size, self.padding
        return shape[0] + 2 * ph - kh + 1, shape[1] + 2 * pw - kw + 1, self.out_channels
