"""Exercise 18: neighbours in local response normalization.

    y = x / scale**beta,   scale[c] = k + alpha * (sum of x[c']**2 over the `size` channels c' around c)

Krizhevsky et al. 2012, section 3.3. In the paper alpha is 1e-4. With inputs of about 1, as tests have them,
nearly all of the gradient then comes from x[c]'s own output: a tolerance of 1e-2 does not see what is missing here.

The forward pass is right. The gradient of x lacks a part: mend `input_gradient`. `tinynet exercise 18 --check` says how
far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn
from tinynet.ops import nearby_sum


class Saved(NamedTuple):
    """The input and the denominator before its power, both (N, H, W, C)."""

    x: np.ndarray
    scale: np.ndarray


class LocalResponseNorm(tn.Layer):
    """y = x / scale**beta,  scale = k + alpha * (sum of x**2 over `size` nearby channels)."""

    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=2.0):
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x, train=False):
        self.check_input(x)
        # nearby_sum(a, size)[..., c] = the sum of a[..., c'] over the channels c' around c that exist
        scale = self.k + self.alpha * nearby_sum(x * x, self.size)             # (N, H, W, C)
        return x * scale**-self.beta, Saved(x, scale)

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        return own
