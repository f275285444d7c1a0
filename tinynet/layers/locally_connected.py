"""Convolution whose filters are not shared between places ("local" in the authors' CIFAR-10 networks)."""
from typing import NamedTuple

import numpy as np

from ..errors import ShapeError
from ..ops import col2im, im2col, make_window, pair
from ..ops.arrays import Array, Shape
from ..ops.checks import Seed, check_count, check_image_shape
from ..ops.window import Size, as_ints
from .as_drawn import draw_initial
from .base import Layer
from .initializers import check_initialization, random_weights


class Saved(NamedTuple):
    """The input (N, H, W, C)."""

    x: Array


class LocallyConnected2d(Layer):
    """y[n, i, j, f] = b[i, j, f] + sum over the window at (i, j) of x * w[i, j, :, f].

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or (int, int)
    input_size : int or (int, int)
        Height and width of the images: every place has filters of its own, so their number depends on it. It stands
        where Conv2d has the stride.
    stride, padding : int or (int, int)
    std, bias, seed
        As for Conv2d.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.
    ShapeError
        When the window does not fit into `input_size`.

    Notes
    -----
    `params` has "w" (OH, OW, KH*KW*C, F) and "b" (OH, OW, F), float32.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Size, input_size: Size, stride: Size = 1,
        padding: Size = 0, *, std: float | None = None, bias: float = 0.0, seed: Seed | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = check_count("LocallyConnected2d", "in_channels", in_channels)
        self.out_channels = check_count("LocallyConnected2d", "out_channels", out_channels)
        self.window = make_window("LocallyConnected2d", kernel_size, stride, padding, False)
        self.size = pair("LocallyConnected2d", "input_size", input_size, 1)
        self.kernel_size, self.input_size = as_ints(kernel_size), as_ints(input_size)
        self.stride, self.padding = as_ints(stride), as_ints(padding)
        check_initialization("LocallyConnected2d", std, bias, seed)
        self.std, self.bias = std, bias
        draw_initial(self, seed)

    def draw_from(self, seed: Seed) -> None:
        oh, ow = self.window.output_size(self.size, "LocallyConnected2d")
        seen = self.window.kernel[0] * self.window.kernel[1] * self.in_channels
        self.params["w"] = random_weights((oh, ow, seen, self.out_channels), seen, self.std, seed)
        self.params["b"] = np.full((oh, ow, self.out_channels), self.bias, dtype=np.float32)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        w, b = self.by_place()                                                 # (OH*OW, KH*KW*C, F), (OH*OW, 1, F)
        y = self.cols(x) @ w + b                                               # (OH*OW, N, F)
        return y.swapaxes(0, 1).reshape(len(x), *self.params["b"].shape), Saved(x)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        w, _ = self.by_place()
        dcols = self.upstream(dy) @ w.swapaxes(1, 2)                           # (OH*OW, N, KH*KW*C)
        return col2im(dcols.swapaxes(0, 1), saved.x.shape, self.window)

    def param_gradients(self, dy: Array, saved: Saved) -> dict[str, Array]:
        dw = self.cols(saved.x).swapaxes(1, 2) @ self.upstream(dy)             # (OH*OW, KH*KW*C, F): sum over images
        return {"w": dw.reshape(self.params["w"].shape), "b": dy.sum(axis=0)}

    def cols(self, x: Array) -> Array:
        """What each place sees in each image: (OH*OW, N, KH*KW*C)."""
        return im2col(x, self.window).reshape(len(x), -1, self.params["w"].shape[2]).swapaxes(0, 1)

    def upstream(self, dy: Array) -> Array:
        """dy by place: (OH*OW, N, F)."""
        return dy.reshape(len(dy), -1, self.out_channels).swapaxes(0, 1)

    def by_place(self) -> tuple[Array, Array]:
        """Weights (OH*OW, KH*KW*C, F) and biases (OH*OW, 1, F)."""
        w = self.params["w"]
        return w.reshape(-1, *w.shape[2:]), self.params["b"].reshape(-1, 1, self.out_channels)

    def output_shape(self, shape: Shape) -> Shape:
        h, w, _ = check_image_shape("LocallyConnected2d", shape, self.in_channels)
        if (h, w) != self.size:
            raise ShapeError(
                f"LocallyConnected2d was made for images of {self.size[0]} x {self.size[1]}, got {h} x {w}: "
                "it has separate filters at every position"
            )
        return self.params["b"].shape

    def multiply_adds(self, shape: Shape) -> int:
        self.output_shape(shape)
        return self.params["w"].size
