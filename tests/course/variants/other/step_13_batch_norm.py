import numpy as np


class BatchNorm2d:
    """On rows, (N*H*W, C), with the sums of backward in one matrix of all the paths."""

    def __init__(self, channels, momentum=0.1, eps=1e-5):
        self.channels, self.momentum, self.eps = channels, momentum, eps
        self.params = {"w": np.ones(channels, np.float32), "b": np.zeros(channels, np.float32)}
        self.buffers = {"running_mean": np.zeros(channels, np.float32),
                        "running_variance": np.ones(channels, np.float32)}

    def forward(self, x, train=False):
        rows = x.reshape(-1, self.channels)
        mean, variance = self.buffers["running_mean"].copy(), self.buffers["running_variance"].copy()
        if train:
            mean, variance = np.mean(rows, 0), np.var(rows, 0)
            unbiased = np.var(rows, 0, ddof=1)
            for name, new in zip(("running_mean", "running_variance"), (mean, unbiased), strict=True):
                old = self.buffers[name]
                old[...] = old * (1 - self.momentum) + new * self.momentum
        std = np.sqrt(variance + self.eps)
        y = (rows - mean) * (self.params["w"] / std) + self.params["b"]
        return y.reshape(x.shape), {"rows": rows, "mean": mean, "std": std, "train": train}

    def backward(self, dy, saved):
        d = dy.reshape(-1, self.channels)
        unit = (saved["rows"] - saved["mean"]) / saved["std"]
        grads = {"w": np.sum(d * unit, 0), "b": np.sum(d, 0)}
        dx = d.copy()
        if saved["train"]:
            dx -= (grads["b"] + unit * grads["w"]) / len(d)
        return (dx * (self.params["w"] / saved["std"])).reshape(dy.shape), grads
