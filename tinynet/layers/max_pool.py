"""Max-pooling, with windows that may overlap (Krizhevsky et al. 2012, section 3.4)."""
import warnings
from typing import NamedTuple

from ..errors import ArgumentError
from ..ops import make_window, pair, window_max, window_max_back
from ..ops.arrays import Array, Shape
from ..ops.checks import check_image_shape
from ..ops.window import Size, as_ints
from .base import Layer


class Saved(NamedTuple):
    """The input (N, H, W, C) and the maxima (N, OH, OW, C)."""

    x: Array
    y: Array


class MaxPool2d(Layer):
    """y[n, i, j, c] = the largest x[n, :, :, c] under the window at (i, j).

    Parameters
    ----------
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        2 if not given. 3 and 2, the paper's, overlap; 2 and 2 do not. (In PyTorch and Keras it is the kernel_size if
        not given; so for a kernel other than 2 or 3 a warning says what it is here.)
    padding : int or (int, int)
        Up to kernel_size - 1, so that every window sees a part of the image; what is added never wins.
    ceil_mode : bool
        Round output sizes up: the last window may reach past the edge.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.
    """

    def __init__(
        self, kernel_size: Size = 3, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        stride = pool_stride("MaxPool2d", kernel_size, stride)
        self.window = make_pool_window("MaxPool2d", kernel_size, stride, padding, ceil_mode)
        self.kernel_size, self.stride, self.padding = as_ints(kernel_size), as_ints(stride), as_ints(padding)
        self.ceil_mode = self.window.ceil_mode

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        y = window_max(x, self.window)
        return y, Saved(x, y)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        # Each dy goes to one place: the first, row by row, that equals its window's maximum. A place that won in
        # several overlapping windows gets the sum.
        return window_max_back(dy, saved.x, saved.y, self.window)

    def output_shape(self, shape: Shape) -> Shape:
        h, w, c = check_image_shape("MaxPool2d", shape)
        return (*self.window.output_size((h, w), "MaxPool2d"), c)


def pool_stride(who: str, kernel_size: Size, stride: Size | None) -> Size:
    """Return the stride of a pooling layer, 2 where none is given; warn where that may be a surprise."""
    if stride is not None:
        return stride
    if pair(who, "kernel_size", kernel_size, 1) not in ((3, 3), (2, 2)):  # the paper's; the same everywhere
        text = repr(as_ints(kernel_size))
        warnings.warn(f"{who}: without a stride it is 2, the paper's, for a kernel_size of {text}, where PyTorch and "
                      f"Keras take the kernel_size: write stride=2 or stride={text}", stacklevel=4)
    return 2


def make_pool_window(who: str, kernel_size: Size, stride: Size, padding: Size, ceil_mode: bool):
    """Return the Window of a pooling layer; ArgumentError for padding that a whole window would fit into."""
    window = make_window(who, kernel_size, stride, padding, ceil_mode)
    for kernel, places in zip(window.kernel, window.padding, strict=True):
        if places >= kernel:
            raise ArgumentError(f"{who}: padding is {places}, expected at most kernel_size - 1 = {kernel - 1}")
    return window
