import numpy as np


class Saved:
    def __init__(self, **arrays):
        self.__dict__.update(arrays)


class Elementwise:
    def forward(self, x, train=False):
        return self.function(x), Saved(x=x)

    def backward(self, dy, saved):
        return dy * self.slope(saved.x), {}


class ReLU(Elementwise):
    def function(self, x):
        return (np.abs(x) + x) / 2

    def slope(self, x):
        return np.heaviside(x, 0)


class Tanh(Elementwise):
    def function(self, x):
        return np.sinh(x) / np.cosh(x)

    def slope(self, x):
        return np.cosh(x) ** -2


class Sigmoid(Elementwise):
    def function(self, x):
        return np.exp(-np.logaddexp(0, -x))

    def slope(self, x):
        return self.function(x) * self.function(-x)
