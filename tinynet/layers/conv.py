"""Convolution as one matrix product (Krizhevsky et al. 2012, sections 3.2 and 3.5; im2col: Chellapilla et al. 2006)."""
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..ops import col2im, im2col, make_window
from ..ops.arrays import Array, Shape, array_module, channel_sums
from ..ops.checks import Seed, check_count, check_image_shape
from ..ops.window import Size, as_ints
from .as_drawn import draw_initial
from .base import Layer
from .initializers import check_initialization, random_weights


class Saved(NamedTuple):
    """The input (N, H, W, C)."""

    x: Array


class Conv2d(Layer):
    """y[n, i, j, f] = b[f] + sum over the window at (i, j) of x * w[:, :, :, f].

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding : int or (int, int)
        One number, or (height, width); padding adds zeros on each side.
    groups : int
        Channels and filters fall into so many parts, and a filter sees the channels of its own part only: the two
        towers of the paper (section 3.5).
    ceil_mode : bool
        Round output sizes up and read zeros past the edge, as the authors' program does.
    std : float or None
        Standard deviation of the initial weights; None: sqrt(2 / inputs of a filter), He et al. 2015.
    bias : float
        Initial value of all biases.
    seed : int, list of int, or None
        Of the initial weights. None: as 0, and the network that the layer comes into draws them anew (see `Network`).

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.

    Notes
    -----
    `params` has "w" (KH, KW, C // groups, F) and "b" (F,), float32.
    Filters are not flipped (cross-correlation), as in today's usual frameworks.
    In a Network a fast implementation stands in for these methods while it gives the same numbers, on a GPU for large
    products alone (network/fast.py decides). Replace one of them, derive a class, or edit them so that a number
    changes, and yours run. `with tn.plain():` runs them in any case, for a `print` in them; so does a debugger.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0,
        groups: int = 1, ceil_mode: bool = False, *, std: float | None = None, bias: float = 0.0,
        seed: Seed | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = check_count("Conv2d", "in_channels", in_channels)
        self.out_channels = check_count("Conv2d", "out_channels", out_channels)
        self.groups = check_count("Conv2d", "groups", groups)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ArgumentError(
                f"Conv2d: groups is {groups}, expected a divisor of {in_channels} channels and {out_channels} filters"
            )
        self.window = make_window("Conv2d", kernel_size, stride, padding, ceil_mode)
        self.kernel_size, self.stride, self.padding = as_ints(kernel_size), as_ints(stride), as_ints(padding)
        self.ceil_mode = self.window.ceil_mode
        check_initialization("Conv2d", std, bias, seed)
        self.std, self.bias = std, bias
        draw_initial(self, seed)

    def draw_from(self, seed: Seed) -> None:
        (kh, kw), seen = self.window.kernel, self.in_channels // self.groups
        self.params["w"] = random_weights((kh, kw, seen, self.out_channels), kh * kw * seen, self.std, seed)
        self.params["b"] = np.full(self.out_channels, self.bias, dtype=np.float32)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        n, shape = len(x), self.output_shape(x.shape[1:])
        y = array_module(x).empty((n, *shape), dtype=x.dtype)                  # (N, OH, OW, F)
        rows = y.reshape(-1, self.out_channels)                                # (N*OH*OW, F), the same memory
        for channels, filters, w in self.each_group():                         # w: (KH*KW*C/G, F/G)
            rows[:, filters] = im2col(x[..., channels], self.window) @ w
        rows += self.params["b"]
        return y, Saved(x)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        # A pixel was in many windows: each sends back its dy times the weight that it met the pixel with.
        dx = array_module(dy).empty_like(saved.x)                              # (N, H, W, C)
        rows = dy.reshape(-1, self.out_channels)                               # (N*OH*OW, F)
        for channels, filters, w in self.each_group():
            x = saved.x[..., channels]                                         # (N, H, W, C/G)
            dx[..., channels] = col2im(rows[:, filters] @ w.T, x.shape, self.window)
        return dx

    def param_gradients(self, dy: Array, saved: Saved) -> dict[str, Array]:
        # A weight was used once for each row of cols: the sum over all rows of its input times its output's dy.
        dw = array_module(dy).empty_like(self.params["w"])                     # (KH, KW, C/G, F)
        rows = dy.reshape(-1, self.out_channels)                               # (N*OH*OW, F)
        for channels, filters, w in self.each_group():
            cols = im2col(saved.x[..., channels], self.window)                 # (N*OH*OW, KH*KW*C/G)
            dw[..., filters] = (cols.T @ rows[:, filters]).reshape(*dw.shape[:3], w.shape[1])
        return {"w": dw, "b": channel_sums(dy)}

    def each_group(self) -> Iterator[tuple[slice, slice, Array]]:
        """Yield each group's channels, its filters, and its weights as a matrix (KH*KW*C/G, F/G)."""
        c, f = self.in_channels // self.groups, self.out_channels // self.groups
        for g in range(self.groups):
            filters = slice(g * f, (g + 1) * f)
            yield slice(g * c, (g + 1) * c), filters, self.params["w"][..., filters].reshape(-1, f)

    def output_shape(self, shape: Shape) -> Shape:
        h, w, _ = check_image_shape("Conv2d", shape, self.in_channels)
        return (*self.window.output_size((h, w), "Conv2d"), self.out_channels)

    def multiply_adds(self, shape: Shape) -> int:
        oh, ow, _ = self.output_shape(shape)
        return oh * ow * self.params["w"].size
