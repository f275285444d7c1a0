"""Step 9 of 17: max-pooling.

    y[n, i, j, c] = the largest x[n, :, :, c] under the window at (i, j), which is K x K and begins at
                    row i * stride and column j * stride

Shapes: x is (N, H, W, C); y is (N, OH, OW, C) with OH = (H - K) // stride + 1, and OW likewise.

In backward each dy[n, i, j, c] goes to the one pixel that was the largest in its window. Two things to think of:

- In AlexNet K = 3 and stride = 2: windows overlap, and a pixel may be the largest in several of them. Then it gets the
  sum of their dy.
- Behind a ReLU many windows hold nothing but zeros. If several pixels of a window are the largest, one of them gets dy,
  not all: the first, going through the window row by row, from left to right.

As in step 6, a loop over the K * K places (u, v) in the window is short and fast.

To write: the two methods.   Uses no earlier step.   Then: tinynet course check 9
"""
import numpy as np


class MaxPool2d:
    """The largest number under each window."""

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
        y = x[places[0]]
        for place in places[1:]:
            y = np.maximum(y, x[place])
        return y, (x, y, places)

    def backward(self, dy, saved):
        """Return dx (N, H, W, C) and {}."""
        # solution
        x, y, places = saved
        dx, free = np.zeros_like(x), np.ones(y.shape, bool)                    # free: its winner was not met yet
        for place in places:
            wins = free & (x[place] == y)
            dx[place] += dy * wins
            free &= ~wins
        return dx, {}
