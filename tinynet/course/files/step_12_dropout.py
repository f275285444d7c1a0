"""Step 12 of 17: dropout.

    in training      y = x * mask,   where each number of mask is 0 with probability p, and else 1 / (1 - p)
    in evaluation    y = x

(Krizhevsky et al. 2012, section 4.2; Hinton et al. 2012.) With p = 0.5 a unit is dropped half of the time, so that no
unit can rely on another. Dividing by 1 - p keeps the expected value of y at x, and evaluation needs no change. (The
paper multiplies by 0 or 1 in training, and by 1 - p at test: the same expectation.)

Shapes: x, mask and y have one shape, whatever it is. Each number of the batch gets a draw of its own.

self.generator.random(shape) gives numbers that are equally probable everywhere from 0 to 1. Draw from it in forward, in
training, and nowhere else; backward has to use the mask that forward drew.

To write: the two methods.   Uses no earlier step.   Then: tinynet course check 12
"""
import numpy as np


class Dropout:
    """Drops each number with probability p, in training."""

    def __init__(self, p=0.5, seed=0):
        self.p = p
        self.generator = np.random.default_rng(seed)

    def forward(self, x, train=False):
        """Return y, of the shape of x, and saved."""
        # solution
        if not train:
            return x, np.ones_like(x)
        mask = (self.generator.random(x.shape) >= self.p).astype(x.dtype) / (1 - self.p)
        return x * mask, mask

    def backward(self, dy, saved):
        """Return dx, of the shape of dy, and {}."""
        # solution
        return dy * saved, {}
