"""Exercise 21: local response normalization in two towers, channel by channel.

    y = x / scale**beta,   scale[c] = k + alpha * (sum of x[c']**2 over the `size` channels c' around c)

Krizhevsky et al. 2012, section 3.3; in the authors' program the channels c' stay in the tower of c (section 3.5), here
in one of `groups` equal parts. Written out over pairs of channels (c, c'), without nearby_sum.

The forward pass is right. Two things are wrong in the gradient of x, and only one of them shows with one group: mend
`input_gradient`. `tinynet exercise 21 --check` says how far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn


class Saved(NamedTuple):
    """The input and the denominator before its power, both (N, H, W, C)."""

    x: np.ndarray
    scale: np.ndarray


class LocalResponseNorm(tn.Layer):
    """y = x / scale**beta,  scale = k + alpha * (sum of x**2 over `size` nearby channels of the same group)."""

    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=2.0, groups=1):
        super().__init__()
        self.size, self.alpha, self.beta, self.k, self.groups = size, alpha, beta, k, groups

    def forward(self, x, train=False):
        self.check_input(x)
        scale = np.full_like(x, self.k)                                        # (N, H, W, C)
        for c, other in self.pairs(x.shape[-1], self.groups):
            scale[..., c] += self.alpha * x[..., other] ** 2
        return x * scale**-self.beta, Saved(x, scale)

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        back = own * saved.x / saved.scale                                     # (N, H, W, C)
        shared = np.zeros_like(saved.x)
        for c, other in self.pairs(dy.shape[-1], 1):
            shared[..., c] += saved.x[..., other] * back[..., other]
        return own - 2 * self.alpha * self.beta * shared

    def pairs(self, channels, groups):
        """Yield all pairs of channels that lie in one group and at most size // 2 apart, c with itself too."""
        length, half = channels // groups, self.size // 2
        for c in range(channels):
            start = c // length * length  # the first channel of its group
            for other in range(max(start, c - half), min(start + length, c + half + 1)):
                yield c, other
