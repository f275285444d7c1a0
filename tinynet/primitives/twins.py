"""Faster twins of layers, for the executor in `blocks.py`. The layers know nothing of them.

A twin does what its layer's forward and backward do, to rounding, with the layer's own parameters and `saved`.
`twin(layer)` is made anew for each pass over a batch, so that it may work out something once for all blocks.
"""
from typing import Any

import numpy as np

from ..device import array_module
from ..layer import Array, Layer, Shape
from ..layers import Conv2d
from ..layers.conv import Saved
from . import winograd
from .on_cpu import col2im, im2col
from .twins_on_gpu import TWINS
from .window import Window

LEAST_CHANNELS = 96  # seen by a filter; with fewer, adding up the tiles costs more than the multiplications saved
PART = 1_000_000  # numbers that im2col makes at a time: 4 MB
MOST_FILTERS = 32  # for a product too narrow for the BLAS, which RowConv makes as many times wider as filters have rows


def twin(layer: Layer, x: Array | None = None) -> Any:
    """Return the layer's twin where there is one that pays, else the layer itself.

    Parameters
    ----------
    layer : Layer
    x : array, optional
        What the layer is about to be given: a GPU has twins of its own.
    """
    # The very class: a class derived from it may do something else.
    if x is not None and array_module(x) is not np:
        on_gpu = TWINS.get(type(layer))
        return layer if on_gpu is None else on_gpu(layer)
    if type(layer) is not Conv2d:
        return layer
    kh, kw, channels, _ = layer.params["w"].shape
    if layer.window.stride == (1, 1):
        if (kh, kw) == (3, 3) and channels >= LEAST_CHANNELS:
            return WinogradConv(layer)
        if kh >= 5 and channels >= 4 and layer.groups == 1 and layer.out_channels <= MOST_FILTERS:
            return RowConv(layer)
    return ConvInParts(layer)


class WinogradConv:
    """Twin of a Conv2d with 3 x 3 filters: 16 products for 4 outputs instead of 36, see `winograd.py`."""

    def __init__(self, layer: Conv2d) -> None:
        self.layer = layer
        self.params = layer.params
        self.groups = []
        f = layer.out_channels // layer.groups
        for g, (channels, filters, _) in enumerate(layer.each_group()):
            w = layer.params["w"][..., g * f : (g + 1) * f]                    # (3, 3, C/G, F/G)
            self.groups.append((channels, filters, winograd.weights(w)))       # (4, 4, C/G, F/G)

    def output_shape(self, shape: Shape) -> Shape:
        return self.layer.output_shape(shape)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        y = np.empty((len(x), *self.output_shape(x.shape[1:])), dtype=x.dtype)
        for channels, filters, u in self.groups:
            v = self.tiles(x[..., channels], y.shape[1:3])                     # (4, 4, N, TH, TW, C/G)
            m = np.matmul(by_tile(v), u).reshape(*v.shape[:-1], u.shape[-1])
            winograd.outputs(m, y[..., filters])
        y += self.params["b"]
        return y, Saved(x)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        x, size = saved.x, dy.shape[1:3]
        dx = np.empty_like(x) if input_gradient else None
        dw = np.empty_like(self.params["w"])
        for channels, filters, u in self.groups:
            v = self.tiles(x[..., channels], size)
            dm = winograd.outputs_back(dy[..., filters], *winograd.tile_count(size))
            du = np.matmul(by_tile(v).swapaxes(-1, -2), by_tile(dm))           # (4, 4, C/G, F/G)
            dw[..., filters] = winograd.weights_back(du)
            if dx is not None:
                dv = np.matmul(by_tile(dm), u.swapaxes(-1, -2)).reshape(v.shape)
                part = winograd.tiles_back(dv)
                dx[..., channels] = winograd.cropped(part, self.layer.window.padding, x.shape)
        return dx, {"w": dw, "b": dy.sum(axis=(0, 1, 2))}

    def tiles(self, x: Array, size: tuple[int, int]) -> Array:
        """The transformed tiles of padded images for an output of `size`."""
        return winograd.tiles(winograd.padded_for_tiles(x, self.layer.window.padding, size))


class ConvInParts:
    """Twin of any other Conv2d: a few images of the block at a time.

    What im2col writes is then still in the cache when it is multiplied.
    """

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


class RowConv:
    """Twin of a Conv2d with few, large filters: windows laid out across only, y[h] = sum over i of rows[h + i] @ w[i].

    im2col writes each pixel KH * KW times, this KW times; and the products for all rows i of the filter are one, KH
    times as wide, whose parts are added up one row apart.
    """

    def __init__(self, layer: Conv2d) -> None:
        self.layer = layer
        self.params = layer.params
        kh, kw, channels, filters = layer.params["w"].shape
        self.across = Window((1, kw), (1, 1), layer.window.padding, False)
        self.w = layer.params["w"].transpose(1, 2, 0, 3).reshape(kw * channels, kh * filters)

    def output_shape(self, shape: Shape) -> Shape:
        return self.layer.output_shape(shape)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        oh, ow, filters = self.output_shape(x.shape[1:])
        products = (im2col(x, self.across) @ self.w).reshape(len(x), -1, ow, self.layer.window.kernel[0], filters)
        y = products[:, :oh, :, 0] + self.params["b"]                          # (N, OH, OW, F)
        for i in range(1, self.layer.window.kernel[0]):
            y += products[:, i : i + oh, :, i]
        return y, Saved(x)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        kh, kw, channels, filters = self.params["w"].shape
        n, oh, ow, _ = dy.shape
        dproducts = np.zeros((n, oh + kh - 1, ow, kh, filters), dtype=dy.dtype)
        for i in range(kh):
            dproducts[:, i : i + oh, :, i] = dy
        wide = dproducts.reshape(-1, kh * filters)                             # (N*(OH+KH-1)*OW, KH*F)
        dw = (im2col(saved.x, self.across).T @ wide).reshape(kw, channels, kh, filters).transpose(2, 0, 1, 3)
        dx = col2im(wide @ self.w.T, saved.x.shape, self.across) if input_gradient else None
        return dx, {"w": np.ascontiguousarray(dw), "b": dy.sum(axis=(0, 1, 2))}


def by_tile(array: Array) -> Array:
    """(4, 4, N, TH, TW, C) as 16 matrices (4, 4, T, C)."""
    return array.reshape(4, 4, -1, array.shape[-1])
