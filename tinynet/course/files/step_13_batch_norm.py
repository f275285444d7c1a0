"""Step 13 of 17: batch normalization.

    normalized = (x - mean) / sqrt(variance + eps)
    y          = w * normalized + b

(Ioffe and Szegedy 2015; it took the place of local response normalization.) Each channel has a mean, a variance, a w
and a b, and is treated alone.

    in training      mean and variance are those of this channel in the batch, over all images, rows and columns:
                     m = N * H * W numbers. variance = sum of (x - mean)**2 / m, as x.var() gives it.
    in evaluation    mean and variance are self.buffers["running_mean"] and self.buffers["running_variance"].

A forward pass in training also moves the running ones towards the batch's:

    running <- (1 - momentum) * running + momentum * (the batch's mean; the batch's variance times m / (m - 1))

Shapes: x and y are (N, H, W, C); w, b, mean and variance are (C,).

In backward, in training, x reaches the loss on three paths: through its own `normalized`, through the mean, and through
the variance, which all numbers of the channel share. In evaluation only the first is there: mean and variance do not
depend on x.

To write: the two methods.   Uses no earlier step.   Then: tinynet course check 13
"""
import numpy as np


class BatchNorm2d:
    """The normalization above, with self.params["w"] and ["b"], and the running statistics in self.buffers."""

    def __init__(self, channels, momentum=0.1, eps=1e-5):
        self.channels, self.momentum, self.eps = channels, momentum, eps
        self.params = {"w": np.ones(channels, np.float32), "b": np.zeros(channels, np.float32)}
        self.buffers = {"running_mean": np.zeros(channels, np.float32),
                        "running_variance": np.ones(channels, np.float32)}

    def forward(self, x, train=False):
        """Return y (N, H, W, C) and saved; in training also change self.buffers."""
        # solution
        if train:
            mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))     # (C,)
            m = x.size // self.channels
            for name, new in (("running_mean", mean), ("running_variance", variance * (m / (m - 1)))):
                self.buffers[name] = (1 - self.momentum) * self.buffers[name] + self.momentum * new
        else:
            mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        deviation = np.sqrt(variance + self.eps)
        normalized = (x - mean) / deviation                                    # (N, H, W, C)
        return self.params["w"] * normalized + self.params["b"], (normalized, deviation, train)

    def backward(self, dy, saved):
        """Return dx (N, H, W, C) and {"w": dw (C,), "b": db (C,)}."""
        # solution
        normalized, deviation, train = saved
        own = dy
        if train:
            through_variance = normalized * (dy * normalized).mean(axis=(0, 1, 2))
            own = dy - dy.mean(axis=(0, 1, 2)) - through_variance
        dx = self.params["w"] / deviation * own
        return dx, {"w": (dy * normalized).sum(axis=(0, 1, 2)), "b": dy.sum(axis=(0, 1, 2))}
