import numpy as np


class Conv2d:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.k, self.s, self.p, self.f = kernel_size, stride, padding, out_channels
        self.params = {"w": np.zeros((kernel_size, kernel_size, in_channels, out_channels), np.float32),
                       "b": np.zeros(out_channels, np.float32)}

    def each(self, x):
        p, k, s = self.p, self.k, self.s
        wide = np.zeros((len(x), x.shape[1] + 2 * p, x.shape[2] + 2 * p, x.shape[3]), x.dtype)
        wide[:, p : p + x.shape[1], p : p + x.shape[2]] = x
        oh, ow = (wide.shape[1] - k) // s + 1, (wide.shape[2] - k) // s + 1
        places = [(n, i, j, f) for n in range(len(x)) for i in range(oh) for j in range(ow) for f in range(self.f)]
        return wide, (len(x), oh, ow, self.f), places

    def window(self, n, i, j):
        return n, slice(i * self.s, i * self.s + self.k), slice(j * self.s, j * self.s + self.k)

    def forward(self, x, train=False):
        wide, shape, places = self.each(x)
        y = np.empty(shape, x.dtype)
        for n, i, j, f in places:
            y[n, i, j, f] = (wide[self.window(n, i, j)] * self.params["w"][..., f]).sum() + self.params["b"][f]
        return y, x

    def backward(self, dy, saved):
        wide, _, places = self.each(saved)
        dwide, dw, db = np.zeros_like(wide), np.zeros_like(self.params["w"]), np.zeros_like(self.params["b"])
        for n, i, j, f in places:
            at, d = self.window(n, i, j), dy[n, i, j, f]
            db[f] += d
            dw[..., f] += d * wide[at]
            dwide[at] += d * self.params["w"][..., f]
        p, (_, h, w, _) = self.p, saved.shape
        return dwide[:, p : p + h, p : p + w], {"w": dw, "b": db}
