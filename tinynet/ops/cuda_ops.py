"""The operations of `numpy_ops` for arrays on a GPU: same names, same arguments, same results.

Each launches the CUDA kernel of its name from `kernels/`, which says who computes what. Arrays that a kernel reads are
made contiguous first, which costs nothing where they are; im2col alone takes any layout, since a grouped convolution
gives it every other part of the channels, and a copy would go over that memory twice more.
"""
import math
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import DtypeError
from .arrays import Array, Shape, array_module
from .window import Window

THREADS = 256  # in a block: enough of them on a processor at once, whatever a kernel needs in registers
REALS = {"float32": "float", "float64": "double"}


def im2col(x: Array, window: Window) -> Array:
    n, h, w, c = x.shape
    (kh, kw), (oh, ow) = window.kernel, window.output_size((h, w))
    cols = array_module(x).empty((n * oh * ow, kh * kw * c), dtype=x.dtype)
    across = even(kh * kw * c)
    steps = [np.int64(step // x.dtype.itemsize) for step in x.strides]
    launch("im2col", (n * oh, parts(kh * kw * c, across)), (across,), x, cols, *steps, *geometry(x.shape, window))
    return cols


def col2im(cols: Array, shape: Shape, window: Window) -> Array:
    xp = array_module(cols)
    dx = xp.empty(shape, dtype=cols.dtype)
    launch("col2im", *over_images(shape), xp.ascontiguousarray(cols), dx, *geometry(shape, window))
    return dx


def window_max(x: Array, window: Window) -> Array:
    xp = array_module(x)
    y = xp.empty(pooled(x.shape, window), dtype=x.dtype)
    launch("window_max", *over_images(y.shape), xp.ascontiguousarray(x), y, lowest(x), *geometry(x.shape, window))
    return y


def window_max_back(dy: Array, x: Array, y: Array, window: Window) -> Array:
    xp = array_module(x)
    dx = xp.empty(x.shape, dtype=dy.dtype)
    dy, x, y = (xp.ascontiguousarray(array) for array in (dy, x, y))
    launch("window_max_back", *over_images(x.shape), dy, x, y, dx, *geometry(x.shape, window),
           file="window_max")
    return dx


def window_sum(x: Array, window: Window) -> Array:
    xp = array_module(x)
    y = xp.empty(pooled(x.shape, window), dtype=x.dtype)
    launch("window_sum", *over_images(y.shape), xp.ascontiguousarray(x), y, *geometry(x.shape, window))
    return y


def window_sum_back(dy: Array, shape: Shape, window: Window) -> Array:
    xp = array_module(dy)
    dx = xp.empty(shape, dtype=dy.dtype)
    launch("window_sum_back", *over_images(shape), xp.ascontiguousarray(dy), dx, *geometry(shape, window),
           file="window_sum")
    return dx


def nearby_sum(x: Array, size: int, groups: int = 1) -> Array:
    xp = array_module(x)
    y = xp.empty(x.shape, dtype=x.dtype)
    launch("nearby_sum", *over_rows(x.shape), xp.ascontiguousarray(x), y, *channels(x.shape, size, groups))
    return y


def around_sum(x: Array, size: int) -> Array:
    xp = array_module(x)
    y = xp.empty(x.shape, dtype=x.dtype)
    numbers = [np.int32(number) for number in (*x.shape[1:], size // 2)]
    launch("around_sum", *over_images(x.shape), xp.ascontiguousarray(x), y, *numbers)
    return y


def matmul(a: Array, b: Array) -> Array:
    return a @ b  # CuPy gives it to cuBLAS


def sgd_update(w: Array, v: Array, g: Array, rate: float, momentum: float, decay: float) -> None:
    xp, real = array_module(w), w.dtype.type
    *new, g = (xp.ascontiguousarray(array) for array in (w, v, g))  # themselves, if they are contiguous
    numbers = [real(number) for number in (rate, momentum, decay * rate)]
    launch("sgd_update", (parts(w.size, THREADS),), (THREADS,), *new, g, np.int64(w.size), *numbers)
    write_back((w, v), new)


def adam_update(
    w: Array, m: Array, v: Array, g: Array, rate: float, betas: tuple[float, float], epsilon: float, decay: float,
    t: int,
) -> None:
    xp, real, (beta1, beta2) = array_module(w), w.dtype.type, betas
    *new, g = (xp.ascontiguousarray(array) for array in (w, m, v, g))
    numbers = [real(number) for number in (
        beta1, 1 - beta1, beta2, 1 - beta2, rate / (1 - beta1**t), 1 - beta2**t, epsilon, decay * rate)]
    launch("adam_update", (parts(w.size, THREADS),), (THREADS,), *new, g, np.int64(w.size), *numbers)
    write_back((w, m, v), new)


def write_back(arrays: tuple[Array, ...], new: list[Array]) -> None:
    """Copy what a kernel has changed into arrays that are not contiguous, for which it had a copy."""
    for array, changed in zip(arrays, new, strict=True):
        if not array.flags.c_contiguous:
            array[...] = changed


def local_response_norm(
    x: Array, size: int, alpha: float, beta: float, k: float, groups: int
) -> tuple[Array, Array]:
    """Return y and scale of the layer LocalResponseNorm, in one kernel: its fast implementation on a GPU."""
    xp, real = array_module(x), x.dtype.type
    x = xp.ascontiguousarray(x)
    y, scale = xp.empty(x.shape, dtype=x.dtype), xp.empty(x.shape, dtype=x.dtype)
    settings = channels(x.shape, size, groups)
    launch("local_response_norm", *over_rows(x.shape), x, y, scale, *settings, real(k), real(alpha), real(beta))
    return y, scale


def local_response_norm_back(
    dy: Array, x: Array, scale: Array, size: int, alpha: float, beta: float, groups: int
) -> Array:
    """Return the input gradient of LocalResponseNorm, d loss / d x."""
    xp, real = array_module(x), x.dtype.type
    dx = xp.empty(x.shape, dtype=x.dtype)
    dy, x, scale = (xp.ascontiguousarray(array) for array in (dy, x, scale))
    settings = channels(x.shape, size, groups)
    launch("local_response_norm_back", *over_rows(x.shape), dy, x, scale, dx, *settings, real(alpha), real(beta),
           file="local_response_norm")
    return dx


@lru_cache(maxsize=1024)  # a launch takes the GPU a few microseconds, and should not take Python more
def geometry(shape: Shape, window: Window) -> tuple[np.int32, ...]:
    """The numbers that a kernel with windows ends with, for images of `shape` (N, H, W, C)."""
    size = window.output_size((shape[1], shape[2]))
    numbers = (*shape[1:], *window.kernel, *window.stride, *window.padding, *size)
    return tuple(np.int32(number) for number in numbers)


def channels(shape: Shape, size: int, groups: int) -> list[Any]:
    """Rows, channels, channels of a group, and how far a sum over `size` channels reaches to each side."""
    numbers = shape[-1], shape[-1] // groups, size // 2
    return [np.int64(math.prod(shape[:-1])), *(np.int32(number) for number in numbers)]


def pooled(shape: Shape, window: Window) -> Shape:
    """The shape (N, OH, OW, C) of what windows give for images of `shape`."""
    return shape[0], *window.output_size((shape[1], shape[2])), shape[3]


def lowest(x: Array) -> Any:
    """Minus infinity in x's dtype."""
    return x.dtype.type(-math.inf)


def over_images(shape: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return grid and block with a thread for each number of (N, H, W, C): channels across, columns down."""
    n, h, w, c = shape
    across = even(c)
    down = max(1, min(w, THREADS // across))
    return (n * h, parts(w, down), parts(c, across)), (across, down)


def over_rows(shape: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return grid and block with a thread for each number of (..., C): channels across, rows down."""
    rows, across = math.prod(shape[:-1]), even(shape[-1])
    down = THREADS // across
    return (parts(rows, down), parts(shape[-1], across)), (across, down)


def even(total: int) -> int:
    """Return at most THREADS such that `total` falls into equal parts of so many, the last one a little smaller."""
    return parts(total, max(1, parts(total, THREADS))) or 1


def parts(total: int, size: int) -> int:
    """Return how many parts of `size` hold `total`."""
    return -(-total // size)


def launch(name: str, grid: tuple[int, ...], block: tuple[int, ...], *args: Any, file: str = "") -> None:
    """Run a kernel of `kernels/<file>.cu` (<name>.cu where none is given) in the dtype of its first array."""
    import cupy

    dtypes = {arg.dtype for arg in args if not isinstance(arg, np.generic)}
    if len(dtypes) > 1:
        raise DtypeError(f"{name}: arrays of {' and '.join(sorted(map(str, dtypes)))}, expected one dtype")
    if 0 not in grid:  # an empty array: CUDA refuses a grid without blocks
        kernel(cupy, file or name, name, *dtypes)(grid, block, args)


@cache
def kernel(cupy: ModuleType, file: str, name: str, dtype: np.dtype) -> Any:
    """Return a kernel by its name in a file."""
    return module(cupy, file, dtype).get_function(name)


@cache
def module(cupy: ModuleType, file: str, dtype: np.dtype) -> Any:
    """Return the compiled kernels of a file; CuPy compiles when they are first used, and keeps the result on disk."""
    if dtype.name not in REALS:
        raise DtypeError(f"the CUDA kernels work on {' and '.join(REALS)}, got {dtype}")
    return cupy.RawModule(code=source(file, REALS[dtype.name]), options=("-std=c++17",))


def source(file: str, real: str) -> str:
    """Return the text to compile: the definition of `real` and the file."""
    return f"typedef {real} real;\n{(folder() / f'{file}.cu').read_text(encoding='utf-8')}"


@cache
def folder() -> Path:
    """The folder of the kernels: in the package when installed, beside it in a clone and an editable install."""
    inside = Path(__file__).parents[1] / "kernels"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "kernels"
