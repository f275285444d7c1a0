"""A test suite for a layer of one's own, and for two plain functions: `pytest examples/test_my_layer.py`.

`tinynet.testing` has the assertions and the strategies. hypothesis draws the shapes, and shows the smallest case that
fails; it comes with `pip install -e '.[testing]'`.
"""
import numpy as np
from hypothesis import given, settings

import tinynet as tn
from tinynet.testing import assert_gradients, assert_matches, images, layers, windows

# A gradient check runs forward a few hundred times: longer than the 0.2 s that hypothesis allows.
settings.register_profile("gradient checks", deadline=None, max_examples=20)
settings.load_profile("gradient checks")


class Swish(tn.Layer):
    """y = x / (1 + exp(-beta x)), with one beta for each channel (Ramachandran et al. 2017, section 5)."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.params["beta"] = np.ones(channels, np.float32)

    def forward(self, x, train=False):
        s = 1 / (1 + np.exp(-self.params["beta"] * x))                         # (N, H, W, C)
        return x * s, (x, s)

    def input_gradient(self, dy, saved):
        x, s = saved
        return dy * (s + self.params["beta"] * x * s * (1 - s))                # (N, H, W, C)

    def param_gradients(self, dy, saved):
        x, s = saved
        return {"beta": (dy * x * x * s * (1 - s)).sum(axis=(0, 1, 2))}        # (C,)


class MyMaxPool(tn.Layer):
    """y[n, i, j, c] = the largest x[n, :, :, c] under the window at (i, j), by loops."""

    def __init__(self, kernel_size, stride, padding):
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.like = tn.MaxPool2d(kernel_size, stride, padding)  # knows how many windows there are

    def places(self, x):
        """Yield each output's index, and the part of the padded image under its window."""
        rows, columns, _ = self.output_shape(x.shape[1:])
        for i in range(rows):
            for j in range(columns):
                top, left = i * self.stride[0], j * self.stride[1]
                yield i, j, np.s_[:, top : top + self.kernel_size[0], left : left + self.kernel_size[1]]

    def padded(self, x, number):
        (above, before) = self.padding
        return np.pad(x, ((0, 0), (above, above), (before, before), (0, 0)), constant_values=number)

    def forward(self, x, train=False):
        y = np.empty((len(x), *self.output_shape(x.shape[1:])), x.dtype)
        wide = self.padded(x, -np.inf)
        for i, j, window in self.places(x):
            y[:, i, j] = wide[window].max(axis=(1, 2))
        return y, (x, y)

    def input_gradient(self, dy, saved):
        x, y = saved
        wide = self.padded(x, -np.inf)
        dx = np.zeros_like(wide)
        for i, j, window in self.places(x):
            won = wide[window] == y[:, i : i + 1, j : j + 1]
            dx[window] += won * dy[:, i : i + 1, j : j + 1]                    # +=, as windows overlap
        (above, before), (_, height, width, _) = self.padding, x.shape
        return dx[:, above : above + height, before : before + width]

    def output_shape(self, shape):
        return self.like.output_shape(shape)


def softplus_forward(x, w):
    """y = log(1 + exp(w x)), as a course hands it out: no class."""
    return np.log1p(np.exp(w * x))


def softplus_backward(dy, x, w):
    slope = dy / (1 + np.exp(-w * x))
    return slope * w, (slope * x).sum(axis=(0, 1, 2))


@given(layers(lambda x: Swish(x.shape[3])))
def test_swish_has_right_gradients(drawn):
    layer, x = drawn
    assert_gradients(layer, x)


@given(windows(pooling=True))
def test_my_max_pooling_is_tinynets(drawn):
    window, x = drawn
    assert_gradients(MyMaxPool(**window), x)
    assert_matches(MyMaxPool(**window), tn.MaxPool2d(**window), x)


@given(images(channels=3))
def test_two_plain_functions(x):
    assert_gradients((softplus_forward, softplus_backward), x, params={"w": np.array([0.5, -1.0, 2.0])})
