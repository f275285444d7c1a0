import numpy as np


class LocalResponseNorm:
    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=2.0):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def near(self, c, channels):
        return range(max(0, c - self.size // 2), min(channels, c + self.size // 2 + 1))

    def forward(self, x, train=False):
        scale = np.full_like(x, self.k)
        for c in range(x.shape[3]):
            for other in self.near(c, x.shape[3]):
                scale[..., c] += self.alpha * x[..., other] ** 2
        return x / scale**self.beta, (x, scale)

    def backward(self, dy, saved):
        x, scale = saved
        dx = dy / scale**self.beta
        for c in range(x.shape[3]):
            for other in self.near(c, x.shape[3]):
                slope = -self.beta * x[..., other] * scale[..., other] ** (-self.beta - 1)
                dx[..., c] += dy[..., other] * slope * 2 * self.alpha * x[..., c]
        return dx, {}
