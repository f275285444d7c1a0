import numpy as np


class AvgPool2d:
    def __init__(self, kernel_size=3, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def matrix(self, length, dtype):
        """Which pixels (columns) belong to which window (rows), with 1 / K."""
        count = (length - self.kernel_size) // self.stride + 1
        start, place = np.arange(count)[:, None] * self.stride, np.arange(length)
        return ((place >= start) & (place < start + self.kernel_size)).astype(dtype) / self.kernel_size

    def forward(self, x, train=False):
        down, across = self.matrix(x.shape[1], x.dtype), self.matrix(x.shape[2], x.dtype)
        return np.einsum("ih,jw,nhwc->nijc", down, across, x), (down, across)

    def backward(self, dy, saved):
        return np.einsum("ih,jw,nijc->nhwc", *saved, dy), {}
