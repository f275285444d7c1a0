import numpy as np


class BatchNorm2d:
    def __init__(self, channels, momentum=0.1, eps=1e-5):
        self.channels, self.momentum, self.eps = channels, momentum, eps
        self.params = {"w": np.ones(channels, np.float32), "b": np.zeros(channels, np.float32)}
        self.buffers = {"running_mean": np.zeros(channels, np.float32),
                        "running_variance": np.ones(channels, np.float32)}

    def forward(self, x, train=False):
        m = x.size // x.shape[3]
        if train:
            mean = np.einsum("nhwc->c", x) / m
            variance = np.einsum("nhwc,nhwc->c", x - mean, x - mean) / m
            keep = 1 - self.momentum
            self.buffers["running_mean"] = keep * self.buffers["running_mean"] + self.momentum * mean
            self.buffers["running_variance"] = (
                keep * self.buffers["running_variance"] + self.momentum * variance * m / (m - 1))
        else:
            mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        factor = 1 / np.sqrt(variance + self.eps)
        return self.params["w"] * (x - mean) * factor + self.params["b"], (x - mean, factor, train)

    def backward(self, dy, saved):
        centred, factor, train = saved
        m = dy.size // dy.shape[3]
        d = dy * self.params["w"]
        dx = d * factor
        if train:
            dvariance = -0.5 * factor**3 * np.einsum("nhwc,nhwc->c", d, centred)
            dmean = -factor * np.einsum("nhwc->c", d)
            dx = dx + dvariance * 2 * centred / m + dmean / m
        dw = np.einsum("nhwc,nhwc,c->c", dy, centred, factor)
        return dx, {"w": dw, "b": np.einsum("nhwc->c", dy)}
