"""Batch normalization, which took the place of local response normalization (Ioffe and Szegedy 2015)."""
from typing import NamedTuple

import numpy as np

from ..errors import ShapeError
from ..ops.arrays import Array, Shape, array_module, channel_sums, shape_text
from ..ops.checks import check_between, check_count, check_image_shape
from ..ops.parameter_limit import count_parameters
from ..ops.processes import batch_mean, images_of_all
from .base import Layer


class Saved(NamedTuple):
    """The normalized input, of its shape, the deviation (C,), and whether both came from the batch itself."""

    normalized: Array
    deviation: Array
    from_batch: bool


class BatchNorm(Layer):
    """y = w * (x - mean) / sqrt(variance + eps) + b,  mean and variance over all axes but the last, the channels.

    What BatchNorm1d and BatchNorm2d, below, have in common. `params` has "w" (initially ones) and "b" (zeros), both
    (C,) and float32. `buffers` has "running_mean" and "running_variance", (C,), which a forward pass in training
    changes. The batch is normalized by its biased variance, the running one is unbiased (algorithm 2 of the source;
    PyTorch does the same).
    """

    whole_batch = True  # the mean is the batch's
    like_output = "normalized"

    def __init__(self, channels: int, momentum: float, eps: float) -> None:
        super().__init__()
        self.momentum = check_between(type(self).__name__, "momentum", momentum, 0, 1)
        self.eps = check_between(type(self).__name__, "eps", eps, 0, float("inf"))
        count_parameters((channels,))
        self.params = {"w": np.ones(channels, np.float32), "b": np.zeros(channels, np.float32)}
        self.buffers = {
            "running_mean": np.zeros(channels, np.float32),
            "running_variance": np.ones(channels, np.float32),
        }

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        if train:
            mean = batch_mean(x)                                               # (C,)
            variance = batch_mean((x - mean) ** 2)                             # (C,)
            self.update_running(mean, variance, images_of_all(len(x)) * (x[0].size // len(mean)))
        else:
            mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        deviation = array_module(x).sqrt(variance + self.eps)
        normalized = (x - mean) / deviation                                    # (N, H, W, C), or (N, C)
        return self.params["w"] * normalized + self.params["b"], Saved(normalized, deviation, train)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        # Three paths from x to the loss: its own output, the batch's mean, the batch's variance.
        own = dy
        if saved.from_batch:
            through_mean = batch_mean(dy)
            through_variance = saved.normalized * batch_mean(dy * saved.normalized)
            own = dy - through_mean - through_variance
        return self.params["w"] / saved.deviation * own

    def param_gradients(self, dy: Array, saved: Saved) -> dict[str, Array]:
        return {"w": channel_sums(dy * saved.normalized), "b": channel_sums(dy)}       # (C,)

    def update_running(self, mean: Array, variance: Array, count: int) -> None:
        """Move the running statistics towards those of a batch with `count` values a channel."""
        unbiased = variance * (count / max(count - 1, 1))
        for name, new in (("running_mean", mean), ("running_variance", unbiased)):
            self.buffers[name] = (1 - self.momentum) * self.buffers[name] + self.momentum * new


class BatchNorm1d(BatchNorm):
    """y = w * (x - mean) / sqrt(variance + eps) + b,  mean and variance over N for each feature: behind a Linear.

    Parameters
    ----------
    features : int
    momentum, eps
        As for BatchNorm2d.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.

    Notes
    -----
    x is (N, features), and the features are the channels of BatchNorm, which has the mathematics.
    A batch of one is its own mean: in training its output is b, whatever x is.
    """

    def __init__(self, features: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        self.features = check_count(type(self).__name__, "features", features)
        super().__init__(self.features, momentum, eps)

    def output_shape(self, shape: Shape) -> Shape:
        if shape != (self.features,):
            hint = "; for images there is BatchNorm2d" if len(shape) == 3 else ""
            raise ShapeError(f"BatchNorm1d expects {self.features} features, got {shape_text(shape)}{hint}")
        return shape


class BatchNorm2d(BatchNorm):
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
    x is (N, H, W, channels); BatchNorm has the mathematics.
    """

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        self.channels = check_count(type(self).__name__, "channels", channels)
        super().__init__(self.channels, momentum, eps)

    def output_shape(self, shape: Shape) -> Shape:
        return check_image_shape("BatchNorm2d", shape, self.channels)
