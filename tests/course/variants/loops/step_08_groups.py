import numpy as np


class GroupedConv2d:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
        self.k, self.s, self.p, self.groups = kernel_size, stride, padding, groups
        self.c, self.f = in_channels // groups, out_channels
        self.params = {"w": np.zeros((kernel_size, kernel_size, in_channels // groups, out_channels), np.float32),
                       "b": np.zeros(out_channels, np.float32)}

    def padded(self, x):
        p = self.p
        return np.pad(x, [(0, 0), (p, p), (p, p), (0, 0)])

    def seen(self, i, j, f):
        """Where all images' windows at (i, j) are that filter f sees."""
        first = f // (self.f // self.groups) * self.c
        return (slice(None), slice(i * self.s, i * self.s + self.k), slice(j * self.s, j * self.s + self.k),
                slice(first, first + self.c))

    def forward(self, x, train=False):
        wide, w = self.padded(x), self.params["w"]
        oh, ow = ((length - self.k) // self.s + 1 for length in wide.shape[1:3])
        y = np.zeros((len(x), oh, ow, self.f), x.dtype)
        for i in range(oh):
            for j in range(ow):
                for f in range(self.f):
                    y[:, i, j, f] = (wide[self.seen(i, j, f)] * w[..., f]).sum(axis=(1, 2, 3)) + self.params["b"][f]
        return y, {"images": x}

    def backward(self, dy, saved):
        x, w = saved["images"], self.params["w"]
        wide = self.padded(x)
        dwide, dw = np.zeros_like(wide), np.zeros_like(w)
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                for f in range(self.f):
                    at, d = self.seen(i, j, f), dy[:, i, j, f][:, None, None, None]
                    dwide[at] += d * w[..., f]
                    dw[..., f] += (d * wide[at]).sum(axis=0)
        p = self.p
        dx = dwide[:, p : p + x.shape[1], p : p + x.shape[2]]
        return dx, {"w": dw, "b": dy.sum(axis=(0, 1, 2))}
