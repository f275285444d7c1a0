"""Average pooling, as in LeNet-5 (LeCun et al. 1998) and the authors' CIFAR-10 networks."""
from typing import NamedTuple

from ..ops import window_sum, window_sum_back
from ..ops.arrays import Array, Shape, array_module
from ..ops.checks import check_image_shape
from ..ops.window import Size, as_ints
from .base import Layer
from .max_pool import make_pool_window, pool_stride


class Saved(NamedTuple):
    """The input (N, H, W, C), of which backward needs the shape alone."""

    x: Array


class AvgPool2d(Layer):
    """y[n, i, j, c] = the mean of x[n, :, :, c] under the window at (i, j).

    Parameters
    ----------
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        2 if not given, with a warning for a kernel other than 2 or 3, as for MaxPool2d.
    padding : int or (int, int)
        Zeros on each side, up to kernel_size - 1, which the mean counts (PyTorch's count_include_pad).
    ceil_mode : bool
        Round output sizes up; the mean does not count what this adds past the padding.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.
    """

    def __init__(
        self, kernel_size: Size = 3, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        stride = pool_stride("AvgPool2d", kernel_size, stride)
        self.window = make_pool_window("AvgPool2d", kernel_size, stride, padding, ceil_mode)
        self.kernel_size, self.stride, self.padding = as_ints(kernel_size), as_ints(stride), as_ints(padding)
        self.ceil_mode = self.window.ceil_mode

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        return window_sum(x, self.window) / self.cells(x), Saved(x)            # (N, OH, OW, C)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        # Every place under a window had the same share, 1 / cells, in its mean.
        return window_sum_back(dy / self.cells(saved.x), saved.x.shape, self.window)

    def cells(self, x: Array) -> Array:
        """How many places each window sees, as (OH, OW, 1)."""
        return self.window.cells(x.shape[1:3], array_module(x))[:, :, None].astype(x.dtype)

    def output_shape(self, shape: Shape) -> Shape:
        h, w, c = check_image_shape("AvgPool2d", shape)
        return (*self.window.output_size((h, w), "AvgPool2d"), c)
