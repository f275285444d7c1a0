"""The fast implementation of convolution at stride 1 by fewer products; `fast.py` says when it stands in."""
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from ..layers import Conv2d
from ..layers.conv import Saved
from ..ops import col2im, im2col
from ..ops.arrays import Array, Shape, array_module, channel_sums
from ..ops.window import Window
from . import winograd
from .fast_layer import FastLayer
from .side_by_side import wide_col2im, wide_weights, wide_weights_back, wide_window

FEW_FILTERS = 32  # up to so many, products go faster for two windows side by side
MANY_FILTERS = 1.5  # times the channels: from there on adding columns up is the faster way to dx


class Correlation:
    """Correlation of images with filters at stride 1, with fewer products down the images: see `winograd.py`.

    Parameters
    ----------
    w : array (KH, KW, C, F)
    padding : (int, int)
        Zeros above and on the left, below and on the right.
    height, width : int
        Of the output.

    Notes
    -----
    T counts the sums in a tile, TH the tiles down an image. Across, windows are laid out as ever, two `beside` each
    other as one where filters are few: see `side_by_side.py`. B is `beside`.
    """

    def __init__(self, w: Array, padding: Shape, height: int, width: int) -> None:
        _, kw, self.channels, self.filters = w.shape
        self.tiles = winograd.Tiles(len(w), padding[0], height, w)
        self.beside = 2 if self.filters <= FEW_FILTERS and width % 2 == 0 and array_module(w) is np else 1
        self.across = wide_window(Window((1, kw), (1, 1), (0, padding[1]), False), self.beside)
        self.weights = wide_weights(self.tiles.weights(w), self.channels, self.beside)  # (T, (KW+B-1)*C, B*F)

    def columns(self, x: Array) -> Array:
        """Return what each filter row, all columns of it, meets in the sums of rows: (T, N*TH*OW/B, (KW+B-1)*C)."""
        cols = im2col(self.tiles.images(x), self.across)
        return cols.reshape(self.tiles.sums, -1, cols.shape[1])

    def into(self, y: Array, x: Array) -> None:
        """Write the outputs (N, OH, OW, F) for images x (N, H, W, C)."""
        products = self.columns(x) @ self.weights                               # (T, N*TH*OW/B, B*F)
        self.tiles.outputs(products.reshape(self.tiles.sums, -1, self.filters), y)

    def gradients(self, dy: Array, x: Array, dw: Array, dx: Array | None) -> None:
        """Write the gradient of the filters (KH, KW, C, F), and that of the images where it is wanted."""
        dproducts = self.tiles.outputs_back(dy)                                 # (T, N*TH*OW, F)
        dproducts = dproducts.reshape(self.tiles.sums, -1, self.beside * self.filters)
        dwide = np.matmul(self.columns(x).swapaxes(1, 2), dproducts)            # (T, (KW+B-1)*C, B*F)
        dw[...] = self.tiles.weights_back(wide_weights_back(dwide, self.channels, self.beside), dw.shape)
        if dx is not None:
            self.images_gradient(dproducts, dx)

    def images_gradient(self, dproducts: Array, dx: Array) -> None:
        """Write the gradient of the images (N, H, W, C)."""
        cols = dproducts @ self.weights.swapaxes(1, 2)                          # (T, N*TH*OW/B, (KW+B-1)*C)
        n, _, width, channels = dx.shape
        back = wide_col2im if self.beside > 1 else col2im
        summed = back(cols, (self.tiles.sums * n, self.tiles.count, width, channels), self.across)
        dx[...] = self.tiles.images_back(summed, dx.shape)


class WinogradConv(FastLayer):
    """Conv2d at stride 1: `Correlation` for each group of channels and filters.

    The images' gradient is a correlation too, of dy with the filters turned round: a pixel met the last tap of the
    first window that saw it, and the first tap of the last one. That is the faster way where filters are not many more
    than channels: columns are copied together then, not added up. `fast_on_gpu.py` has what is other on a GPU.
    """

    label = "sums of rows (Winograd)"

    def __init__(self, layer: Conv2d) -> None:
        super().__init__(layer)
        self.lock = Lock()
        self.made: dict[str, list[tuple[slice, slice, Correlation]]] = {}

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        y = array_module(x).empty((len(x), *self.output_shape(x.shape[1:])), dtype=x.dtype)  # (N, OH, OW, F)
        for channels, filters, correlation in self.correlations(y.shape):
            correlation.into(y[..., filters], x[..., channels])
        y += self.params["b"]
        return y, Saved(x)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        turned = self.may_turn()
        dx: Any = np.empty_like(saved.x) if input_gradient else None            # (N, H, W, C)
        dw = np.empty_like(self.params["w"])                                    # (KH, KW, C/G, F)
        for channels, filters, correlation in self.correlations(dy.shape):
            added_up = dx[..., channels] if input_gradient and not turned else None
            correlation.gradients(dy[..., filters], saved.x[..., channels], dw[..., filters], added_up)
        if input_gradient and turned:
            for channels, filters, correlation in self.turned(saved.x.shape):
                correlation.into(dx[..., channels], dy[..., filters])
        return dx, {"w": dw, "b": channel_sums(dy)}

    def may_turn(self) -> bool:
        """Tell whether to correlate dy with turned filters; no window may lie in the padding alone then."""
        _, _, channels, filters = self.params["w"].shape
        window = self.layer.window
        inside = all(padding < taps for padding, taps in zip(window.padding, window.kernel, strict=True))
        return inside and filters <= MANY_FILTERS * channels * self.layer.groups

    def correlations(self, shape: Shape) -> list[tuple[slice, slice, Correlation]]:
        """Return each group's channels, filters and correlation, for outputs of `shape` (N, OH, OW, F)."""
        return self.once("forward", lambda w: w, self.layer.window.padding, shape)

    def turned(self, shape: Shape) -> list[tuple[slice, slice, Correlation]]:
        """Return each group's channels, filters and correlation with turned filters, for dx of `shape`."""
        (kh, kw), (down, across) = self.layer.window.kernel, self.layer.window.padding
        return self.once("turned", lambda w: w[::-1, ::-1].swapaxes(2, 3), (kh - 1 - down, kw - 1 - across), shape)

    def once(
        self, way: str, arranged: Callable[[Array], Array], padding: Shape, shape: Shape
    ) -> list[tuple[slice, slice, Correlation]]:
        """Return the correlations of a pass, made by its first block."""
        with self.lock:
            if way not in self.made:
                w = self.params["w"]
                self.made[way] = [
                    (channels, filters, Correlation(arranged(w[..., filters]), padding, shape[1], shape[2]))
                    for channels, filters, _ in self.layer.each_group()
                ]
            return self.made[way]
