"""Step 10 of 17: average pooling.

    y[n, i, j, c] = the mean of x[n, :, :, c] under the window at (i, j), which is K x K and begins at
                    row i * stride and column j * stride

Shapes as in step 9. What networks had before AlexNet (LeNet-5), and what many have at their end today.

In backward every pixel under a window gets its share of the window's dy, and a pixel under several windows gets the
sum.

To write: the two methods.   Uses no earlier step.   Then: tinynet course check 10
"""
import numpy as np


class AvgPool2d:
    """The mean under each window."""

    def __init__(self, kernel_size=3, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x, train=False):
        """Return y (N, OH, OW, C) and saved."""
        # solution
        k, s = self.kernel_size, self.stride
        _, h, w, _ = x.shape
        oh, ow = (h - k) // s + 1, (w - k) // s + 1
        places = [(slice(None), slice(u, u + (oh - 1) * s + 1, s), slice(v, v + (ow - 1) * s + 1, s))
                  for u in range(k) for v in range(k)]
        return sum(x[place] for place in places) / (k * k), (x.shape, places)

    def backward(self, dy, saved):
        """Return dx (N, H, W, C) and {}."""
        # solution
        shape, places = saved
        dx = np.zeros(shape, dy.dtype)
        for place in places:
            dx[place] += dy / (self.kernel_size * self.kernel_size)
        return dx, {}
