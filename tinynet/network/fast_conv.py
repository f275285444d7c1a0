"""Fast implementations of convolution; `fast.py` says when one stands in for a layer.

Each does what its layer's forward and backward do, to rounding, with the layer's own parameters and `saved`. It is made
anew for each pass over a batch, so that it may compute something once for all blocks.
"""
from threading import Lock
from typing import Any

import numpy as np

from ..layers import Conv2d
from ..layers.conv import Saved
from ..ops import col2im, im2col
from ..ops.arrays import Array, Shape, array_module
from ..ops.numpy_ops import padded
from ..ops.window import Window
from . import winograd

FEW_CHANNELS = 4  # with fewer, what im2col copies in one go is too short
PART = 1_000_000  # numbers that im2col makes at a time: 4 MB


def fast_convolution(layer: Conv2d) -> Any:
    """Return the class of a convolution's fast implementation, by its filters, channels and stride."""
    taps, _, channels, _ = layer.params["w"].shape
    if layer.window.stride == (1, 1):
        if channels < FEW_CHANNELS and layer.groups == 1:
            return FewChannelsConv
        if channels >= FEW_CHANNELS and 3 <= taps <= winograd.MOST_TAPS:
            return WinogradConv
    return ConvInParts


class WinogradConv:
    """Conv2d at stride 1: across, windows laid out as ever; down, fewer products by sums of rows.

    `winograd.py` says how: T products for a tile of outputs, one below the other, between sums of an image's rows and
    sums of the filters' rows. `fast_on_gpu.py` has what is other on a GPU.
    """

    label = "sums of rows (Winograd)"

    def __init__(self, layer: Conv2d) -> None:
        self.layer = layer
        self.params = layer.params
        kh, kw = layer.window.kernel
        self.across = Window((1, kw), (1, 1), (0, layer.window.padding[1]), False)
        self.lock, self.ready = Lock(), False

    def output_shape(self, shape: Shape) -> Shape:
        return self.layer.output_shape(shape)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        y = array_module(x).empty((len(x), *self.output_shape(x.shape[1:])), dtype=x.dtype)  # (N, OH, OW, F)
        self.prepare(y.shape[1])
        for channels, filters, weights in self.groups:
            products = self.columns(x[..., channels]) @ weights                 # (T, N*TH*OW, F/G)
            self.tiles.outputs(products, y[..., filters])
        y += self.params["b"]
        return y, Saved(x)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        self.prepare(dy.shape[1])
        x, w = saved.x, self.params["w"]
        dx = np.empty_like(x) if input_gradient else None
        dw = np.empty_like(w)
        for channels, filters, weights in self.groups:
            dproducts = self.tiles.outputs_back(dy[..., filters])               # (T, N*TH*OW, F/G)
            dweights = np.matmul(self.columns(x[..., channels]).swapaxes(1, 2), dproducts)
            dw[..., filters] = self.tiles.weights_back(dweights, w[..., filters].shape)
            if dx is not None:
                dx[..., channels] = self.images_gradient(dproducts, weights, x[..., channels].shape)
        return dx, {"w": dw, "b": bias_gradient(dy)}

    def images_gradient(self, dproducts: Array, weights: Array, shape: Shape) -> Array:
        """Return a group's part of dx, of `shape` (N, H, W, C/G)."""
        cols = dproducts @ weights.swapaxes(1, 2)                               # (T, N*TH*OW, KW*C/G)
        n, _, width, c = shape
        summed = (self.tiles.sums * n, self.tiles.count, width, c)
        return self.tiles.images_back(col2im(cols, summed, self.across), shape)

    def columns(self, x: Array) -> Array:
        """Return what each filter row, all columns of it, meets in the sums of rows: (T, N*TH*OW, KW*C/G)."""
        cols = im2col(self.tiles.images(x), self.across)
        return cols.reshape(self.tiles.sums, -1, cols.shape[1])

    def prepare(self, height: int) -> None:
        """Cut outputs of so many rows into tiles and transform the weights: once in a pass, in the first block."""
        with self.lock:
            if not self.ready:
                w = self.params["w"]
                self.tiles = winograd.Tiles(len(w), self.layer.window.padding[0], height, w)
                self.groups = [
                    (channels, filters, self.tiles.weights(w[..., filters]))    # (T, KW*C/G, F/G)
                    for channels, filters, _ in self.layer.each_group()
                ]
                self.ready = True


class FewChannelsConv:
    """Conv2d of few channels: a row of `rows` for each place of the filter, not for each window.

    What im2col copies in runs of KW * C numbers comes in runs of OW here, and the product is the transposed one. A last
    row of ones meets the bias, a weight like the others then.
    """

    label = "a row for each place of the filter"

    def __init__(self, layer: Conv2d) -> None:
        self.layer = layer
        self.params = layer.params
        w, b = layer.params["w"], layer.params["b"]
        self.w_and_b = np.concatenate([w.reshape(-1, len(b)), b[np.newaxis]])                # (KH*KW*C + 1, F)

    def output_shape(self, shape: Shape) -> Shape:
        return self.layer.output_shape(shape)

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


class ConvInParts:
    """Any other Conv2d: a few images of the block at a time.

    What im2col writes is then still in the cache when it is multiplied.
    """

    label = "a few images at a time"

    def __init__(self, layer: Conv2d) -> None:
        self.layer = layer
        self.params = layer.params

    def output_shape(self, shape: Shape) -> Shape:
        return self.layer.output_shape(shape)

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
        return self.layer.backward(dy, saved, input_gradient)  # in parts it was no faster

    def parts(self, y: Array) -> list[slice]:
        """Images to take at a time, for outputs y (N, OH, OW, F)."""
        kh, kw, channels, _ = self.params["w"].shape
        images = max(1, round(PART / (y.shape[1] * y.shape[2] * kh * kw * channels)))
        return [slice(i, i + images) for i in range(0, len(y), images)]


def bias_gradient(dy: Array) -> Array:
    """Return the sum over all but the last axis of dy (N, OH, OW, F); NumPy adds long rows faster than short ones."""
    n, oh, ow, f = dy.shape
    return dy.reshape(n * oh, ow * f).sum(axis=0).reshape(ow, f).sum(axis=0)
