"""Exercise 9: dropout, backward through the mask.

    in training    y = x * m / (1 - p),   m is 0 with probability p and 1 otherwise
    in evaluation  y = x

Krizhevsky et al. 2012, section 4.2 (Hinton et al. 2012). There the outputs are multiplied by 1 - p at test; dividing by
it in training gives the same expectation.

The output is right in training and in evaluation. The gradient of x is right in evaluation and wrong in training.
Mend the layer so that it is right in both. `tinynet exercise 9 --check` says how far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn


class Saved(NamedTuple):
    """The mask, of the shape of the input."""

    mask: np.ndarray


class Dropout(tn.Layer):
    """y = x * m / (1 - p) in training, y = x in evaluation."""

    whole_batch = True  # one mask for the batch
    like_output = "mask"  # the field of Saved that has the shape and dtype of the output

    def __init__(self, p=0.5, *, seed=0):
        super().__init__()
        self.p = p
        self.generator: np.random.Generator = np.random.default_rng(seed)

    def forward(self, x, train=False):
        self.check_input(x)
        if not train:
            return x, Saved(np.ones_like(x))
        mask = (self.generator.random(x.shape, dtype=np.float32) >= self.p).astype(x.dtype)
        return x * mask / (1 - self.p), Saved(mask)

    def input_gradient(self, dy, saved):
        return dy * saved.mask
