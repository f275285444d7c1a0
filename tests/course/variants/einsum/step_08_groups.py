import numpy as np
from step_06_im2col import col2im, im2col, output_size


class GroupedConv2d:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
        self.settings, self.groups, self.out_channels = (kernel_size, stride, padding), groups, out_channels
        self.params = {"w": np.zeros((kernel_size, kernel_size, in_channels // groups, out_channels), np.float32),
                       "b": np.zeros(out_channels, np.float32)}

    def by_group(self):
        k, _, c, f = self.params["w"].shape
        return self.params["w"].reshape(k * k, c, self.groups, f // self.groups)

    def forward(self, x, train=False):
        n, h, w, c = x.shape
        rows = im2col(x, *self.settings).reshape(-1, self.settings[0] ** 2, self.groups, c // self.groups)
        y = np.einsum("rkgc,kcgf->rgf", rows, self.by_group())
        oh, ow = output_size(h, *self.settings), output_size(w, *self.settings)
        return y.reshape(n, oh, ow, self.out_channels) + self.params["b"], (rows, x.shape)

    def backward(self, dy, saved):
        rows, shape = saved
        d = dy.reshape(-1, self.groups, self.out_channels // self.groups)
        drows = np.einsum("rgf,kcgf->rkgc", d, self.by_group())
        dw = np.einsum("rkgc,rgf->kcgf", rows, d)
        dx = col2im(drows.reshape(len(d), -1), shape, *self.settings)
        return dx, {"w": dw.reshape(self.params["w"].shape), "b": np.einsum("nijf->f", dy)}
