import numpy as np


class BatchNorm2d:
    def __init__(self, channels, momentum=0.1, eps=1e-5):
        self.momentum, self.eps = momentum, eps
        self.params = {"w": np.ones(channels, np.float32), "b": np.zeros(channels, np.float32)}
        self.buffers = {"running_mean": np.zeros(channels, np.float32),
                        "running_variance": np.ones(channels, np.float32)}

    def forward(self, x, train=False):
        y, saved = np.empty_like(x), []
        for c in range(x.shape[3]):
            numbers = x[..., c]
            mean, variance = self.buffers["running_mean"][c], self.buffers["running_variance"][c]
            if train:
                mean, variance = numbers.mean(), numbers.var()
                m = numbers.size
                for name, value in (("running_mean", mean), ("running_variance", variance * m / (m - 1))):
                    self.buffers[name][c] += self.momentum * (value - self.buffers[name][c])
            scaled = (numbers - mean) * (variance + self.eps) ** -0.5
            y[..., c] = self.params["w"][c] * scaled + self.params["b"][c]
            saved.append((scaled, (variance + self.eps) ** -0.5))
        return y, (saved, train)

    def backward(self, dy, saved):
        channels, train = saved
        dx, dw, db = np.empty_like(dy), np.zeros_like(self.params["w"]), np.zeros_like(self.params["b"])
        for c, (scaled, factor) in enumerate(channels):
            d = dy[..., c]
            dw[c], db[c] = (d * scaled).sum(), d.sum()
            if train:
                d = d - db[c] / d.size - scaled * dw[c] / d.size
            dx[..., c] = self.params["w"][c] * factor * d
        return dx, {"w": dw, "b": db}
