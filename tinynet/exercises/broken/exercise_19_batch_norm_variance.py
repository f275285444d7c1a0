"""Exercise 19: batch normalization has three paths.

    y = w * (x - mean) / sqrt(variance + eps) + b,   mean and variance over N, H and W for each channel

Ioffe and Szegedy 2015, algorithm 1. In training, mean and variance are those of the batch itself, so that each x
reaches the loss by its own output, through the mean, and through the variance. In evaluation they are constants.

The forward pass and the gradients of w and b are right. The gradient of x is right in evaluation and lacks one of the
three paths in training: mend `input_gradient`. `tinynet exercise 19 --check` says how far you are.
"""
from typing import NamedTuple

import numpy as np

import tinynet as tn


class Saved(NamedTuple):
    """The normalized input (N, H, W, C), the deviation (C,), and whether both came from the batch itself."""

    normalized: np.ndarray
    deviation: np.ndarray
    from_batch: bool


class BatchNorm2d(tn.Layer):
    """y = w * (x - mean) / sqrt(variance + eps) + b."""

    whole_batch = True  # the mean is the batch's
    like_output = "normalized"  # the field of Saved that has the shape and dtype of the output

    def __init__(self, channels, momentum=0.1, eps=1e-5):
        super().__init__()
        self.channels, self.momentum, self.eps = channels, momentum, eps
        self.params = {"w": np.ones(channels, np.float32), "b": np.zeros(channels, np.float32)}
        zeros, ones = np.zeros(channels, np.float32), np.ones(channels, np.float32)
        self.buffers = {"running_mean": zeros, "running_variance": ones}

    def forward(self, x, train=False):
        self.check_input(x)
        mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        if train:
            mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))     # (C,)
            count = x.size // self.channels
            for name, new in (("running_mean", mean), ("running_variance", variance * (count / max(count - 1, 1)))):
                self.buffers[name] = (1 - self.momentum) * self.buffers[name] + self.momentum * new
        deviation = np.sqrt(variance + self.eps)
        normalized = (x - mean) / deviation                                    # (N, H, W, C)
        return self.params["w"] * normalized + self.params["b"], Saved(normalized, deviation, train)

    def input_gradient(self, dy, saved):
        own = dy
        if saved.from_batch:
            through_mean = dy.mean(axis=(0, 1, 2))
            own = dy - through_mean
        return self.params["w"] / saved.deviation * own

    def param_gradients(self, dy, saved):
        return {"w": (dy * saved.normalized).sum(axis=(0, 1, 2)), "b": dy.sum(axis=(0, 1, 2))}
