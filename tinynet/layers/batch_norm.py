"""Batch normalization, which took the place of local response normalization (Ioffe and Szegedy 2015)."""
from typing import NamedTuple

import numpy as np

from ..ops.arrays import Array, Shape, array_module
from ..ops.checks import check_between, check_count, check_image_shape
from ..ops.parameter_limit import count_parameters
from .base import Layer


class Saved(NamedTuple):
    """The normalized input (N, H, W, C), the deviation (C,), and whether both came from the batch itself."""

    normalized: Array
    deviation: Array
    from_batch: bool


class BatchNorm2d(Layer):
    """y = w * (x - mean) / sqrt(variance + eps) + b,  mean and variance over N, H and W for each channel.

    Parameters
    ----------
    channels : int
    momentum : float
        The weight of a new batch in the running statistics, which evaluation uses.
    eps : float
        Keeps a channel without variance from being divided by zero.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.

    Notes
    -----
    `params` has "w" (initially ones) and "b" (zeros), both (C,) and float32. `buffers` has "running_mean" and
    "running_variance", (C,), which a forward pass in training changes. The batch is normalized by its biased variance,
    the running one is unbiased (algorithm 2 of the source; PyTorch does the same).
    """

    whole_batch = True  # the mean is the batch's
    like_output = "normalized"

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = check_count("BatchNorm2d", "channels", channels)
        self.momentum = check_between("BatchNorm2d", "momentum", momentum, 0, 1)
        self.eps = check_between("BatchNorm2d", "eps", eps, 0, float("inf"))
        count_parameters((self.channels,))
        self.params = {"w": np.ones(self.channels, np.float32), "b": np.zeros(self.channels, np.float32)}
        self.buffers = {
            "running_mean": np.zeros(self.channels, np.float32),
            "running_variance": np.ones(self.channels, np.float32),
        }

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        if train:
            mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))     # (C,)
            self.update_running(mean, variance, x.size // self.channels)
        else:
            mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        deviation = array_module(x).sqrt(variance + self.eps)
        normalized = (x - mean) / deviation                                    # (N, H, W, C)
        return self.params["w"] * normalized + self.params["b"], Saved(normalized, deviation, train)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        # Three paths from x to the loss: its own output, the batch's mean, the batch's variance.
        own = dy
        if saved.from_batch:
            through_mean = dy.mean(axis=(0, 1, 2))
            through_variance = saved.normalized * (dy * saved.normalized).mean(axis=(0, 1, 2))
            own = dy - through_mean - through_variance
        return self.params["w"] / saved.deviation * own

    def param_gradients(self, dy: Array, saved: Saved) -> dict[str, Array]:
        return {"w": (dy * saved.normalized).sum(axis=(0, 1, 2)), "b": dy.sum(axis=(0, 1, 2))}

    def update_running(self, mean: Array, variance: Array, count: int) -> None:
        """Move the running statistics towards those of a batch with `count` values a channel."""
        unbiased = variance * (count / max(count - 1, 1))
        for name, new in (("running_mean", mean), ("running_variance", unbiased)):
            self.buffers[name] = (1 - self.momentum) * self.buffers[name] + self.momentum * new

    def output_shape(self, shape: Shape) -> Shape:
        return check_image_shape("BatchNorm2d", shape, self.channels)
