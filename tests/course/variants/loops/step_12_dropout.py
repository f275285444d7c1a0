import numpy as np


class Dropout:
    def __init__(self, p=0.5, seed=0):
        self.p, self.generator = p, np.random.default_rng(seed)

    def forward(self, x, train=False):
        y, kept = x.copy(), np.ones(x.shape, bool)
        if train:
            for at in np.ndindex(x.shape):
                kept[at] = self.generator.random() >= self.p
                y[at] = x[at] / (1 - self.p) if kept[at] else 0
        return y, (kept, train)

    def backward(self, dy, saved):
        kept, train = saved
        dx = dy.copy()
        for at in np.ndindex(dy.shape):
            if train:
                dx[at] = dy[at] / (1 - self.p) if kept[at] else 0
        return dx, {}
