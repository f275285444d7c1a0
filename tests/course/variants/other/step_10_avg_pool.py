import numpy as np


class AvgPool2d:
    """Sums of a summed table."""

    def __init__(self, kernel_size=3, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def ends(self, length):
        starts = np.arange(0, length - self.kernel_size + 1, self.stride)
        return starts, starts + self.kernel_size

    def forward(self, x, train=False):
        table = np.zeros((len(x), x.shape[1] + 1, x.shape[2] + 1, x.shape[3]), np.float64)
        table[:, 1:, 1:] = x.cumsum(axis=1, dtype=np.float64).cumsum(axis=2)
        (top, bottom), (left, right) = self.ends(x.shape[1]), self.ends(x.shape[2])
        total = (table[:, bottom][:, :, right] - table[:, top][:, :, right]
                 - table[:, bottom][:, :, left] + table[:, top][:, :, left])
        return (total / self.kernel_size**2).astype(x.dtype), x.shape

    def backward(self, dy, saved):
        dx = np.zeros(saved, dy.dtype)
        share = dy / self.kernel_size**2
        for i, (top, bottom) in enumerate(zip(*self.ends(saved[1]), strict=True)):
            for j, (left, right) in enumerate(zip(*self.ends(saved[2]), strict=True)):
                dx[:, top:bottom, left:right] += share[:, i, j][:, None, None]
        return dx, {}
