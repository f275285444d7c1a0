import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.params = {"w": np.zeros((in_features, out_features), dtype="float32"),
                       "b": np.zeros(out_features, dtype="float32")}

    def both(self):
        """w with b as its last row."""
        return np.vstack([self.params["w"], self.params["b"]])

    def forward(self, x, train=False):
        with_one = np.hstack([x, np.ones((len(x), 1), x.dtype)])
        return np.dot(with_one, self.both()), with_one

    def backward(self, dy, saved):
        dboth = np.tensordot(saved, dy, axes=(0, 0))
        return np.dot(dy, self.both().T)[:, :-1], {"w": dboth[:-1], "b": dboth[-1]}


class Flatten:
    def forward(self, x, train=False):
        return np.array([image.ravel() for image in x]), x

    def backward(self, dy, saved):
        return dy.reshape(saved.shape).copy(), {}
