"""Step 2 of 17: a fully connected layer, and from images to rows.

    Linear     y[n, j] = b[j] + sum over i of x[n, i] * w[i, j]         in short: y = x @ w + b
    Flatten    each image (H, W, C) becomes one row of H * W * C numbers

Shapes: x is (N, in), a row for each of N images; w is (in, out), b is (out,), y is (N, out).

Linear is the first layer with parameters. `backward` returns their gradients too, by name:

    dx, grads = layer.backward(dy, saved)       grads = {"w": dw, "b": db}, of the shapes of w and b

The loss depends on w[i, j] through y[n, j] of every image n, so that its gradient is a sum over n; so is that of b[j].
If the loss is a mean over the images, the 1 / N is in dy already.

The parameters are zeros at first. Step 14 draws better ones; the check draws its own.

To write: the two methods of Linear and of Flatten.   Uses no earlier step.   Then: tinynet course check 2
"""
import numpy as np


class Linear:
    """y = x @ w + b, with self.params["w"] and self.params["b"]."""

    def __init__(self, in_features, out_features):
        self.in_features, self.out_features = in_features, out_features
        self.params = {
            "w": np.zeros((in_features, out_features), np.float32),
            "b": np.zeros(out_features, np.float32),
        }

    def forward(self, x, train=False):
        """Return y (N, out) and saved."""
        # solution
        return x @ self.params["w"] + self.params["b"], x

    def backward(self, dy, saved):
        """Return dx (N, in) and {"w": dw (in, out), "b": db (out,)}."""
        # solution
        dx = dy @ self.params["w"].T                                           # (N, in)
        return dx, {"w": saved.T @ dy, "b": dy.sum(axis=0)}


class Flatten:
    """y[n] = the numbers of image n in one row, in the order in which NumPy's reshape takes them."""

    def forward(self, x, train=False):
        """Return y (N, H*W*C) for x (N, H, W, C), and saved."""
        # solution
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy, saved):
        """Return dx (N, H, W, C) and {}: each number goes back to where it came from."""
        # solution
        return dy.reshape(saved), {}
