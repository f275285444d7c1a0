"""Each CUDA kernel, run on the CPU, against its NumPy function: what the tests of kernels share.

A check raises AssertionError where a kernel's result is not its function's. Copies, maxima and sums are added up in the
same order and have to be equal bit for bit; where the order differs, to rounding.
"""
import mmap
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from support import cuda_on_cpu

import tinynet as tn
from tinynet.ops import cuda_ops, numpy_ops
from tinynet.ops.window import Window

# All of CuPy that `cuda_ops` needs for NumPy arrays; they are not of its array class, so their library stays NumPy.
CUPY: Any = types.ModuleType("cupy")
CUPY.RawModule, CUPY.ndarray = cuda_on_cpu.RawModule, type("ndarray", (), {})

FILES = [
    "adam_update", "around_sum", "col2im", "im2col", "local_response_norm", "nearby_sum", "sgd_update", "window_max",
    "window_sum",
]


@contextmanager
def kernels_on_cpu(change: Callable[[str, str], str] | None = None) -> Iterator[None]:
    """Let `cuda_ops` run its kernels on the CPU, their text first put through `change` (file, text), if given."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", CUPY)
        cuda_ops.module.cache_clear()
        cuda_ops.kernel.cache_clear()
        if change is not None:
            read = cuda_ops.source
            patch.setattr(cuda_ops, "source", lambda file, real: change(file, read(file, real)))
        try:
            yield
        finally:
            cuda_ops.module.cache_clear()
            cuda_ops.kernel.cache_clear()


def in_layout(x: np.ndarray, layout: str) -> np.ndarray:
    """Return the same numbers otherwise placed in memory; what lies between them is nan."""
    if layout == "contiguous":
        return x
    if layout == "some channels":  # what a grouped convolution gives
        wide = np.full((*x.shape[:-1], x.shape[-1] + 3), np.nan, x.dtype)
        wide[..., 2:-1] = x
        return wide[..., 2:-1]
    if layout == "channels apart":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 0)), 0, -1)
    return x[::-1].copy()[::-1]  # backwards


LAYOUTS = ["contiguous", "some channels", "channels apart", "backwards"]


def check_windows(x: np.ndarray, window: Window) -> None:
    """im2col, col2im, window_sum and window_sum_back."""
    cols = numpy_ops.im2col(x, window)
    equal(cuda_ops.im2col(x, window), cols)
    dcols = numbers(cols.shape, x.dtype)
    equal(cuda_ops.col2im(dcols, x.shape, window), numpy_ops.col2im(dcols, x.shape, window))
    y = numpy_ops.window_sum(x, window)
    equal(cuda_ops.window_sum(x, window), y)
    dy = numbers(y.shape, x.dtype)
    equal(cuda_ops.window_sum_back(dy, x.shape, window), numpy_ops.window_sum_back(dy, x.shape, window))


def check_maximum(x: np.ndarray, window: Window) -> None:
    """window_max and window_max_back."""
    y = numpy_ops.window_max(x, window)
    equal(cuda_ops.window_max(x, window), y)
    dy = numbers(y.shape, x.dtype)
    equal(cuda_ops.window_max_back(dy, x, y, window), numpy_ops.window_max_back(dy, x, y, window))


def check_nearby(x: np.ndarray, size: int, groups: int) -> None:
    """nearby_sum."""
    equal(cuda_ops.nearby_sum(x, size, groups), numpy_ops.nearby_sum(x, size, groups))


def check_around(x: np.ndarray, size: int) -> None:
    """around_sum."""
    close(cuda_ops.around_sum(x, size), numpy_ops.around_sum(x, size), by=np.abs(x).sum())


def check_update(w: np.ndarray, layout: str) -> None:
    """sgd_update and adam_update, two steps of each."""
    for name, arrays, settings in (
        ("sgd_update", 3, [(0.1, 0.9, 0.05), (0.01, 0.9, 0.05)]),
        ("adam_update", 4, [(0.1, (0.9, 0.999), 1e-8, 0.05, 1), (0.01, (0.9, 0.999), 1e-8, 0.05, 2)]),
    ):
        ours = [in_layout(numbers(w.shape, w.dtype, seed), layout) for seed in range(1, 1 + arrays)]
        if name == "adam_update":
            np.abs(ours[2], out=ours[2])  # v, of which there is a root
        reference = [array.copy() for array in ours]
        for each in settings:
            getattr(cuda_ops, name)(*ours, *each)
            getattr(numpy_ops, name)(*reference, *each)
        for our, expected in zip(ours, reference, strict=True):
            equal(our, expected)


def check_response_norm(x: np.ndarray, size: int, groups: int, alpha: float, beta: float, k: float) -> None:
    """local_response_norm and its backward, against the layer."""
    layer = tn.LocalResponseNorm(size, alpha, beta, k, groups)
    y, saved = layer.forward(x)
    own_y, own_scale = cuda_ops.local_response_norm(x, size, alpha, beta, k, groups)
    close(own_scale, saved.scale)
    close(own_y, y)
    dy = numbers(x.shape, x.dtype)
    dx = cuda_ops.local_response_norm_back(dy, x, saved.scale, size, alpha, beta, groups)
    close(dx, layer.input_gradient(dy, saved))


def numbers(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> np.ndarray:
    """Random numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def equal(found: np.ndarray, expected: np.ndarray) -> None:
    """Raise AssertionError unless dtype, shape and all numbers are the same; nan equals nan."""
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def close(found: np.ndarray, expected: np.ndarray, by: float = 0.0) -> None:
    """Raise AssertionError unless they are the same to rounding, of numbers as large as `by` or the largest."""
    assert found.dtype == expected.dtype
    largest = max(by, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=16 * np.finfo(expected.dtype).eps * largest)


# Settings that reach every border: kernel, stride, padding, ceil_mode, height, width.
BORDERS = [
    (Window((3, 3), (2, 2), (0, 0), False), 7, 9),       # the paper's pooling: windows overlap
    (Window((3, 3), (2, 2), (1, 1), True), 6, 8),        # reaches past the edge
    (Window((2, 3), (1, 1), (1, 2), False), 5, 3),       # as much padding as pooling takes
    (Window((4, 4), (4, 4), (0, 0), False), 4, 4),       # the window is the image
    (Window((2, 2), (3, 5), (0, 1), True), 8, 7),        # windows with gaps between them
]


def check_borders(dtype: str) -> None:
    """Every kernel at settings that are not drawn: at borders, in every layout, with threads that are too many."""
    for count in (1, cuda_ops.THREADS, cuda_ops.THREADS + 1):
        check_update(np.zeros((1, count), dtype), "contiguous")
    for c in (100, 257):  # neither columns of images nor channels fill their last block
        x, window = numbers((1, 3, 5, c), dtype), Window((2, 3), (1, 1), (1, 0), False)
        check_windows(x, window)
        check_maximum(x, window)
        check_nearby(x, 3, 1)
        check_around(x, 3)
        check_response_norm(x, 3, 1, 1.0, 0.75, 2.0)
    x = numbers((2, 3, 4, 12), dtype)
    for size, groups in ((1, 1), (3, 2), (5, 4), (9, 3)):
        check_nearby(x, size, groups)
        check_around(x, size)
        check_response_norm(x, size, groups, 1.0, 0.75, 2.0)
    generator = np.random.default_rng(0)
    for n, c, (window, h, w) in ((n, c, border) for n, c in ((1, 1), (2, 5)) for border in BORDERS):
        for layout in LAYOUTS:
            few = generator.integers(-1, 2, (n, h, w, c)).astype(dtype)  # many ties, and zeros beside the padding
            few[generator.random(few.shape) < 0.1] = np.nan
            check_maximum(in_layout(few, layout), window)
            few[generator.random(few.shape) < 0.6] = -np.inf  # no less than what is added around an image
            check_maximum(in_layout(few, layout), window)
            check_windows(in_layout(numbers((n, h, w, c), dtype), layout), window)


def check_far_apart() -> None:
    """im2col with two images further apart than 32 bits can count."""
    apart = 2**32  # numbers; the memory between is never touched, so there need be none
    memory = mmap.mmap(-1, (apart + 16) * 4, flags=mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0x4000))
    whole = np.frombuffer(memory, np.float32)
    x = np.lib.stride_tricks.as_strided(whole, (2, 2, 2, 4), (4 * apart, 32, 16, 4))
    x[...] = numbers(x.shape, "float32")
    window = Window((2, 2), (1, 1), (1, 1), False)
    equal(cuda_ops.im2col(x, window), numpy_ops.im2col(x, window))


def planted(file: str, old: str, new: str) -> Callable[[str, str], str]:
    """Return a change of the text that a file is compiled from; it must find its place there."""

    def change(name: str, text: str) -> str:
        if name != file:
            return text
        assert old in text, f"{file}.cu has no {old!r}"
        return text.replace(old, new)

    return change


def check_for_races() -> None:
    """A kernel of many threads with neighbouring places."""
    check_nearby(numbers((2, 3, 4, 12), "float32"), 3, 1)


if __name__ == "__main__":  # in a process that has loaded a sanitizer: which check, and perhaps a mistake to plant
    check, *mistake = sys.argv[1:]
    with kernels_on_cpu(planted(*mistake) if mistake else None):
        if check == "races":
            check_for_races()
        else:
            for dtype in ("float32", "float64"):
                check_borders(dtype)
