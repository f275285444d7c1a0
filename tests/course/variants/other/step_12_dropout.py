import numpy as np


class Dropout:
    def __init__(self, p=0.5, seed=0):
        self.p, self.generator = p, np.random.default_rng(seed)

    def forward(self, x, train=False):
        if not train or self.p == 0:
            return x.copy(), None
        dropped = self.generator.random(x.shape) < self.p
        y = np.divide(x, 1 - self.p, dtype=x.dtype)
        y[dropped] = 0
        return y, dropped

    def backward(self, dy, dropped):
        dx = dy.copy()
        if dropped is not None:
            dx /= 1 - self.p
            dx[dropped] = 0
        return dx, {}
