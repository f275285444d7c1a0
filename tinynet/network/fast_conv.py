"""Fast implementations of convolution; `fast.py` says when one stands in for a layer.

Each does what its layer's forward and backward do, to rounding, with the layer's own parameters and `saved`. It is made
anew for each pass over a batch, so that it may compute something once for all blocks.
"""
from threading import Lock
from typing import Any

import numpy as np

from ..layers import Conv2d
from ..layers.conv import Saved
from ..ops import im2col
from ..ops.arrays import Array, channel_sums
from ..ops.numpy_ops import padded
from .fast_layer import FastLayer
from .fast_winograd import WinogradConv
from .side_by_side import wide_col2im, wide_weights, wide_weights_back, wide_window, windows_beside
from .winograd import MOST_TAPS

FEW_CHANNELS = 4  # with fewer, what im2col copies in one go is too short
FEW_FILTERS = 16  # up to so many, products for several windows at once go faster
PART = 500_000  # numbers that im2col makes at a time: 2 MB


def fast_convolution(layer: Conv2d) -> Any:
    """Return the class of a convolution's fast implementation, by its filters, channels and stride."""
    taps, across, channels, filters = layer.params["w"].shape
    if layer.window.stride == (1, 1):
        narrow = filters <= min(FEW_FILTERS, taps * across * channels // 2)  # the matrix of the filters
        if channels < 2 * FEW_CHANNELS and narrow and layer.groups == 1:
            return SideBySideConv
        if channels < FEW_CHANNELS and layer.groups == 1:
            return FewChannelsConv
        if channels >= FEW_CHANNELS and 3 <= taps <= MOST_TAPS:
            return WinogradConv
    return ConvInParts


class SideBySideConv(FastLayer):
    """Conv2d at stride 1 of few channels and one group: several windows side by side as one, see `side_by_side.py`."""

    label = "windows side by side"

    def __init__(self, layer: Conv2d) -> None:
        super().__init__(layer)
        self.lock, self.made = Lock(), False

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        shape = self.output_shape(x.shape[1:])
        self.prepare(shape[1])
        y = im2col(x, self.window) @ self.weights                               # (N*OH*OW/B, B*F)
        y += np.tile(self.params["b"], self.beside)
        return y.reshape(len(x), *shape), Saved(x)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        self.prepare(dy.shape[2])
        kh, kw, channels, filters = self.params["w"].shape
        rows = dy.reshape(-1, self.beside * filters)                            # (N*OH*OW/B, B*F)
        dwide = im2col(saved.x, self.window).T @ rows                           # (KH*(KW+B-1)*C, B*F)
        dw = wide_weights_back(dwide.reshape(kh, -1, rows.shape[1]), channels, self.beside)
        grads = {"w": dw.reshape(kh, kw, channels, filters), "b": rows.sum(axis=0).reshape(-1, filters).sum(axis=0)}
        if not input_gradient:
            return None, grads
        return wide_col2im(rows @ self.weights.T, saved.x.shape, self.window), grads

    def prepare(self, width: int) -> None:
        """Choose how many windows make one, for outputs of this width, and lay out the filters: once in a pass."""
        with self.lock:
            if not self.made:
                kh, kw, channels, filters = self.params["w"].shape
                self.beside = windows_beside(width, kw, filters)
                self.window = wide_window(self.layer.window, self.beside)
                wide = wide_weights(self.params["w"].reshape(kh, kw * channels, filters), channels, self.beside)
                self.weights = wide.reshape(-1, self.beside * filters)          # (KH*(KW+B-1)*C, B*F)
                self.made = True


class FewChannelsConv(FastLayer):
    """Conv2d of few channels: a row of `rows` for each place of the filter, not for each window.

    What im2col copies in runs of KW * C numbers comes in runs of OW here, and the product is the transposed one. A last
    row of ones meets the bias, a weight like the others then.
    """

    label = "a row for each place of the filter"

    def __init__(self, layer: Conv2d) -> None:
        super().__init__(layer)
        w, b = layer.params["w"], layer.params["b"]
        self.w_and_b = np.concatenate([w.reshape(-1, len(b)), b[np.newaxis]])                # (KH*KW*C + 1, F)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        y = self.rows(x).T @ self.w_and_b                                                    # (N*OH*OW, F)
        return y.reshape(len(x), *self.output_shape(x.shape[1:])), Saved(x)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        gradient = self.rows(saved.x) @ dy.reshape(-1, dy.shape[3])                          # (KH*KW*C + 1, F)
        dx = self.layer.input_gradient(dy, saved) if input_gradient else None
        return dx, {"w": gradient[:-1].reshape(self.params["w"].shape), "b": gradient[-1]}

    def rows(self, x: Array) -> Array:
        """Return im2col(x).T for one group and a stride of 1, and a row of ones: (KH*KW*C + 1, N*OH*OW)."""
        planes = np.ascontiguousarray(np.moveaxis(padded(x, self.layer.window), 3, 0))       # (C, N, H, W)
        windows = np.lib.stride_tricks.sliding_window_view(planes, self.layer.window.kernel, axis=(2, 3))
        c, n, oh, ow, kh, kw = windows.shape
        rows = np.empty((kh * kw * c + 1, n * oh * ow), dtype=x.dtype)
        rows[:-1].reshape(kh, kw, c, n, oh, ow)[...] = windows.transpose(4, 5, 0, 1, 2, 3)
        rows[-1] = 1
        return rows


class ConvInParts(FastLayer):
    """Any other Conv2d: a few images of the block at a time.

    What im2col writes is then still in the cache when it is multiplied.
    """

    label = "a few images at a time"

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        y = np.empty((len(x), *self.output_shape(x.shape[1:])), dtype=x.dtype)
        for images in self.parts(y):
            rows = y[images].reshape(-1, y.shape[3])                           # (N*OH*OW, F), the same memory
            for channels, filters, w in self.layer.each_group():
                np.matmul(im2col(x[images, ..., channels], self.layer.window), w, out=rows[:, filters])
        y += self.params["b"]
        return y, Saved(x)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        dw = np.zeros_like(self.params["w"])                                   # (KH, KW, C/G, F)
        for images in self.parts(dy):
            rows = dy[images].reshape(-1, dy.shape[3])
            for channels, filters, _ in self.layer.each_group():
                cols = im2col(saved.x[images, ..., channels], self.layer.window)
                dw[..., filters] += (cols.T @ rows[:, filters]).reshape(*dw.shape[:3], -1)
        dx = self.layer.input_gradient(dy, saved) if input_gradient else None
        return dx, {"w": dw, "b": channel_sums(dy)}

    def parts(self, y: Array) -> list[slice]:
        """Images to take at a time, for outputs y (N, OH, OW, F)."""
        kh, kw, channels, _ = self.params["w"].shape
        images = max(1, round(PART / (y.shape[1] * y.shape[2] * kh * kw * channels)))
        return [slice(i, i + images) for i in range(0, len(y), images)]
