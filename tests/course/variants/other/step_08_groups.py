import numpy as np
from step_07_conv import Conv2d


class GroupedConv2d:
    """One convolution over all channels, whose filters are zero outside their group."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
        self.conv = Conv2d(in_channels, out_channels, kernel_size, stride, padding)
        self.groups = groups
        self.params = {"w": np.zeros((kernel_size, kernel_size, in_channels // groups, out_channels), np.float32),
                       "b": np.zeros(out_channels, np.float32)}

    def parts(self):
        c, f = self.params["w"].shape[2], self.params["w"].shape[3] // self.groups
        return [(slice(g * c, (g + 1) * c), slice(g * f, (g + 1) * f)) for g in range(self.groups)]

    def dense(self):
        w = self.params["w"]
        whole = np.zeros((*w.shape[:2], w.shape[2] * self.groups, w.shape[3]), w.dtype)
        for channels, filters in self.parts():
            whole[:, :, channels, filters] = w[..., filters]
        self.conv.params = {"w": whole, "b": self.params["b"]}
        return self.conv

    def forward(self, x, train=False):
        return self.dense().forward(x, train)

    def backward(self, dy, saved):
        dx, grads = self.dense().backward(dy, saved)
        dw = [grads["w"][:, :, channels, filters] for channels, filters in self.parts()]
        return dx, {"w": np.concatenate(dw, axis=3), "b": grads["b"]}
