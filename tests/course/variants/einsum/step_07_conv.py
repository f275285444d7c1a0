import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Conv2d:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.params = {"w": np.zeros((kernel_size, kernel_size, in_channels, out_channels), np.float32),
                       "b": np.zeros(out_channels, np.float32)}

    def forward(self, x, train=False):
        p, k, s = self.padding, self.kernel_size, self.stride
        seen = sliding_window_view(np.pad(x, [(0, 0), (p, p), (p, p), (0, 0)]), (k, k), axis=(1, 2))[:, ::s, ::s]
        return np.einsum("nijcab,abcf->nijf", seen, self.params["w"]) + self.params["b"], (seen, x.shape)

    def backward(self, dy, saved):
        seen, (n, h, w, c) = saved
        p, k, s = self.padding, self.kernel_size, self.stride
        dw = np.einsum("nijcab,nijf->abcf", seen, dy)
        # dy with stride - 1 zeros between its numbers, convolved with the filters turned by 180 degrees.
        spread = np.zeros((n, h + 2 * p + k - 1, w + 2 * p + k - 1, dy.shape[3]), dy.dtype)
        spread[:, k - 1 : k - 1 + (dy.shape[1] - 1) * s + 1 : s, k - 1 : k - 1 + (dy.shape[2] - 1) * s + 1 : s] = dy
        around = sliding_window_view(spread, (k, k), axis=(1, 2))
        dx = np.einsum("nijfab,abcf->nijc", around, self.params["w"][::-1, ::-1])
        return dx[:, p : p + h, p : p + w], {"w": dw, "b": np.einsum("nijf->f", dy)}
