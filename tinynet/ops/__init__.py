"""What layers are built from. The array decides where it runs; `numpy_ops` explains each operation in NumPy."""
from types import ModuleType

import numpy as np

from . import cuda_ops, numpy_ops
from .arrays import Array, Shape, array_module
from .window import Window, make_window, pair

__all__ = [
    "Window", "adam_update", "around_sum", "col2im", "im2col", "make_window", "matmul", "nearby_sum", "pair",
    "sgd_update", "window_max", "window_max_back", "window_sum", "window_sum_back",
]


def backend(x: Array) -> ModuleType:
    """Return `numpy_ops` for an array of NumPy's, `cuda_ops` for one of CuPy's."""
    return numpy_ops if array_module(x) is np else cuda_ops


def im2col(x: Array, window: Window) -> Array:
    """Lay out what each window of x (N, H, W, C) sees as one row: (N*OH*OW, KH*KW*C)."""
    return backend(x).im2col(x, window)


def col2im(cols: Array, shape: Shape, window: Window) -> Array:
    """Add each row of cols back to the places of an image of `shape` that im2col read it from: (N, H, W, C)."""
    return backend(cols).col2im(cols, shape, window)


def window_max(x: Array, window: Window) -> Array:
    """Return the largest value under each window: (N, OH, OW, C)."""
    return backend(x).window_max(x, window)


def window_max_back(dy: Array, x: Array, y: Array, window: Window) -> Array:
    """Add each window's dy to the one place that its maximum y came from: (N, H, W, C)."""
    return backend(dy).window_max_back(dy, x, y, window)


def window_sum(x: Array, window: Window) -> Array:
    """Return the sum under each window: (N, OH, OW, C)."""
    return backend(x).window_sum(x, window)


def window_sum_back(dy: Array, shape: Shape, window: Window) -> Array:
    """Add each window's dy to every place under it: (N, H, W, C)."""
    return backend(dy).window_sum_back(dy, shape, window)


def nearby_sum(x: Array, size: int, groups: int = 1) -> Array:
    """Return, for each channel, the sum over the `size` channels around it in its own group."""
    return backend(x).nearby_sum(x, size, groups)


def around_sum(x: Array, size: int) -> Array:
    """Return, for each place, the sum over the `size` x `size` places around it."""
    return backend(x).around_sum(x, size)


def matmul(a: Array, b: Array) -> Array:
    """Return a @ b for matrices (M, K) and (K, P)."""
    return backend(a).matmul(a, b)


def sgd_update(w: Array, v: Array, g: Array, rate: float, momentum: float, decay: float) -> None:
    """Change w and v in place: v <- momentum v - decay rate w - rate g;  w <- w + v."""
    backend(w).sgd_update(w, v, g, rate, momentum, decay)


def adam_update(
    w: Array, m: Array, v: Array, g: Array, rate: float, betas: tuple[float, float], epsilon: float, decay: float,
    t: int,
) -> None:
    """Change w, m and v in place by Adam's t-th step, from 1 on."""
    backend(w).adam_update(w, m, v, g, rate, betas, epsilon, decay, t)
