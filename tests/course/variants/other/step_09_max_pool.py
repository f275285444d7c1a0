import numpy as np


class MaxPool2d:
    """Keeps nothing but the images, and finds the winners again in backward, from the last place to the first."""

    def __init__(self, kernel_size=3, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def stack(self, x):
        k, s = self.kernel_size, self.stride
        oh, ow = (x.shape[1] - k) // s + 1, (x.shape[2] - k) // s + 1
        return np.stack([x[:, a : a + s * oh : s, b : b + s * ow : s][:, :oh, :ow] for a in range(k) for b in range(k)])

    def forward(self, x, train=False):
        return self.stack(x).max(axis=0), x

    def backward(self, dy, x):
        numbers = np.arange(x.size).reshape(x.shape)
        winners = self.stack(x).argmax(axis=0)
        pixels = np.take_along_axis(self.stack(numbers), winners[None], axis=0)[0]
        dx = np.bincount(pixels.ravel(), weights=dy.ravel(), minlength=x.size)
        return dx.reshape(x.shape).astype(dy.dtype), {}
