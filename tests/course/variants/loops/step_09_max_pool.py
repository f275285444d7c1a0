import numpy as np


class MaxPool2d:
    def __init__(self, kernel_size=3, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x, train=False):
        n, h, w, c = x.shape
        k, s = self.kernel_size, self.stride
        y = np.empty((n, (h - k) // s + 1, (w - k) // s + 1, c), x.dtype)
        winners = {}
        for at in np.ndindex(y.shape):
            image, i, j, channel = at
            best = None
            for a in range(i * s, i * s + k):
                for b in range(j * s, j * s + k):
                    if best is None or x[image, a, b, channel] > x[best]:
                        best = image, a, b, channel
            y[at], winners[at] = x[best], best
        return y, (winners, x.shape)

    def backward(self, dy, saved):
        winners, shape = saved
        dx = np.zeros(shape, dy.dtype)
        for at, best in winners.items():
            dx[best] += dy[at]
        return dx, {}
