"""Step 7 of 17: convolution.

    y[n, i, j, f] = b[f] + sum over (u, v, c) of x[n, i * stride + u, j * stride + v, c] * w[u, v, c, f]

(where x has `padding` rows and columns of zeros around it). Each of F filters is a small image w[:, :, :, f] of
K x K x C numbers that slides over x; where it matches what it sees, y is large.

Shapes: x is (N, H, W, C); w is (K, K, C, F), b is (F,); y is (N, OH, OW, F), with OH and OW as in step 6.

With im2col it is the linear layer of step 2: rows = im2col(x) is (N*OH*OW, K*K*C), w as a matrix is (K*K*C, F), and
their product has one row for each position of y. Everything in backward follows from that: what step 2 does for its x,
then col2im. Loops over n, i, j and f are right as well, and far slower; the check says what that will cost.

To write: the two methods.   Uses step 6 (im2col and col2im), if you like.   Then: tinynet course check 7
"""
import numpy as np
from step_06_im2col import col2im, im2col, output_size


class Conv2d:
    """The convolution above, with self.params["w"] and self.params["b"]."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.params = {
            "w": np.zeros((kernel_size, kernel_size, in_channels, out_channels), np.float32),
            "b": np.zeros(out_channels, np.float32),
        }

    def forward(self, x, train=False):
        """Return y (N, OH, OW, F) and saved."""
        # solution
        n, h, w, _ = x.shape
        rows = im2col(x, self.kernel_size, self.stride, self.padding)          # (N*OH*OW, K*K*C)
        y = rows @ self.params["w"].reshape(-1, self.out_channels) + self.params["b"]
        oh, ow = (output_size(length, self.kernel_size, self.stride, self.padding) for length in (h, w))
        return y.reshape(n, oh, ow, self.out_channels), (rows, x.shape)

    def backward(self, dy, saved):
        """Return dx (N, H, W, C) and {"w": dw (K, K, C, F), "b": db (F,)}."""
        # solution
        rows, shape = saved
        w = self.params["w"]
        dy = dy.reshape(-1, self.out_channels)                                 # (N*OH*OW, F)
        drows = dy @ w.reshape(-1, self.out_channels).T                        # (N*OH*OW, K*K*C)
        dx = col2im(drows, shape, self.kernel_size, self.stride, self.padding)
        return dx, {"w": (rows.T @ dy).reshape(w.shape), "b": dy.sum(axis=0)}
