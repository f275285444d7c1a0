import numpy as np


class ReLU:
    def forward(self, x, train=False):
        positive = x > 0
        return np.where(positive, x, x.dtype.type(0)), positive

    def backward(self, dy, positive):
        return np.einsum("...,...->...", dy, positive.astype(dy.dtype)), {}


class Tanh:
    def forward(self, x, train=False):
        e = np.exp(-2 * np.abs(x))
        y = np.sign(x) * (1 - e) / (1 + e)
        return y, {"slope": 4 * e / (1 + e) ** 2}

    def backward(self, dy, saved):
        return np.einsum("...,...->...", dy, saved["slope"]), {}


class Sigmoid:
    def forward(self, x, train=False):
        e = np.exp(-np.abs(x))
        return np.where(x > 0, 1 / (1 + e), e / (1 + e)), {"slope": e / (1 + e) ** 2}

    def backward(self, dy, saved):
        return np.einsum("...,...->...", dy, saved["slope"]), {}
