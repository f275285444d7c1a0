"""The checks of im2col and its way back, and of the initial parameters."""
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..exercises.compare import difference
from ..ops import col2im, im2col
from ..ops.window import Window
from .common import OVERLAPPING, call, dtype_fault, overlapping, times_text, unchanged
from .step import Part, Point


def windows(generator: np.random.Generator) -> Iterator[tuple[str, tuple[int, ...], Window]]:
    """Yield a label, the shape of images, and a window that fits into them."""
    for k, s, p in ((3, 1, 0), (2, 2, 0), (3, 2, 1), (1, 1, 0), (2, 3, 1)):
        n, h, w, c = (int(each) for each in generator.integers([2, 3, 5, 2], [4, 5, 8, 4]))
        yield (f"{n} images of {h} x {w} x {c}, windows of {k}, stride {s}, padding {p}", (n, h, w, c),
               Window((k, k), (s, s), (p, p), False))


def examine_im2col(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    for label, shape, window in windows(generator):
        x = generator.standard_normal(shape)
        given = x.copy()
        found = call(label, student, given, window.kernel[0], window.stride[0], window.padding[0])
        fault = rows_fault(found, im2col(x, window), window.kernel[0])
        yield Point("numbers", label, fault)
        yield unchanged(f"x, {label}", {"x": (given, x)})
        if fault:
            return
    found = student(x.astype(np.float32), window.kernel[0], window.stride[0], window.padding[0])
    yield Point("contract", "float32 stays float32", dtype_fault(found))


def examine_col2im(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    for label, shape, window in windows(generator):
        expected = im2col(np.zeros(shape), window)
        rows = generator.standard_normal(expected.shape)
        given = rows.copy()
        found = call(label, student, given, shape, window.kernel[0], window.stride[0], window.padding[0])
        fault = image_fault(found, col2im(rows, shape, window), col2im(np.ones_like(rows), shape, window), window)
        yield Point("numbers", label, fault)
        yield unchanged(f"rows, {label}", {"rows": (given, rows)})
        if fault:
            return
    found = student(rows.astype(np.float32), shape, window.kernel[0], window.stride[0], window.padding[0])
    yield Point("contract", "float32 stays float32", dtype_fault(found))


def rows_fault(found: Any, expected: np.ndarray, kernel: int) -> str:
    """Say how the rows of im2col are wrong; nothing where they are right."""
    fault = difference("the rows", found, expected)
    if not fault or getattr(found, "shape", None) != expected.shape or found.dtype != expected.dtype:
        return fault
    windows = expected.reshape(len(expected), kernel, kernel, -1)
    names = ("row in the window", "column in the window", "channel")
    for axes in ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        if np.array_equal(found, windows.transpose(0, *(axis + 1 for axis in axes)).reshape(expected.shape)):
            order = ", ".join(names[axis] for axis in axes)
            return f"{fault}. The rows have the right numbers in another order: ({order})"
    if np.array_equal(np.sort(found, axis=None), np.sort(expected, axis=None)):
        return f"{fault}. The rows have the right numbers in another order"
    return fault


def image_fault(found: Any, expected: np.ndarray, count: np.ndarray, window: Window) -> str:
    """Say how the images of col2im are wrong; `count` has for each number how many windows see it."""
    fault = difference("the image", found, expected)
    if fault and getattr(found, "size", 1) == 0:
        return f"{fault}: for padding = 0, [padding:-padding] is [0:0], which is empty"
    if not fault or getattr(found, "shape", None) != expected.shape or found.dtype != expected.dtype:
        return fault
    size = float(np.prod(window.kernel))
    factor = times_text(found, expected, {"kernel**2": size})
    if factor:
        return f"{fault}. The image: {factor}"
    wrong = ~np.isclose(found, expected, rtol=1e-9, atol=1e-12)
    if overlapping(wrong, count):
        return f"{fault}. It is {OVERLAPPING}: each number must be added to its pixel (+=), not put there (=)"
    return fault


def examine_he_std(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    i, o, k, c, f = (int(each) for each in generator.integers(2, 9, 5))
    for shape in ((i, o + 9), (k, k, c, f + 9), (9, 9, 1, 2)):
        expected = float(np.sqrt(2 / np.prod(shape[:-1])))
        found = student(shape)
        fault = difference(f"he_std({shape})", np.asarray(found, dtype="float64"), np.asarray(expected))
        yield Point("numbers", f"weights of shape {shape}", fault)


class Bare:
    """Something with parameters."""

    def __init__(self, *shape: int) -> None:
        self.params = {"w": np.zeros(shape, np.float32), "b": np.full(shape[-1], 7, np.float32)}


def examine_initialize(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    seed, bias = int(generator.integers(1000)), float(generator.integers(1, 4))
    std = float(generator.uniform(0.05, 0.4))
    layer = Bare(60, 70)
    held = dict(layer.params)
    drawing = np.random.default_rng(seed)
    student(layer, std, bias, drawing)
    for name, array in held.items():
        new = layer.params.get(name) is not array
        yield Point("contract", f"{name} is changed in place", f"{name} is a new array: write {name}[...] = ..., which "
                    "fills the old one" if new else "")
        if new:
            return
    yield Point("numbers", "b", difference("b", held["b"], np.full(70, bias, np.float32)))
    yield Point("numbers", f"w, std {std:.3g}", draw_fault(held["w"] / std))
    if draw_fault(held["w"] / std):
        return
    again, other = Bare(60, 70), Bare(3, 3, 20, 30)
    student(again, std, bias, np.random.default_rng(seed))
    yield Point("numbers", "the same seed again", "" if np.array_equal(again.params["w"], held["w"]) else
                "a generator of the same seed gives other weights: draw from the generator that is given")
    student(again, std, bias, drawing)
    yield Point("numbers", "the same generator again", "the same generator gives the same weights a second time: draw "
                "from it, it moves on by itself" if np.array_equal(again.params["w"], held["w"]) else "")
    student(other, std, 0.0, drawing)
    yield Point("numbers", "w of a convolution", draw_fault(other.params["w"] / std))
    yield Point("numbers", "b of a convolution", difference("b", other.params["b"], np.zeros(30, np.float32)))


def draw_fault(w: np.ndarray) -> str:
    """Say how weights differ from draws of N(0, 1); nothing where they may be such."""
    if not w.any():
        return "all weights are zero"
    if not np.isfinite(w).all():
        return "weights are not finite"
    mean, deviation, beyond = w.mean(), w.std(), (np.abs(w) > 2).mean()
    if abs(mean) > 6 / np.sqrt(w.size):
        return f"the mean of the weights is {mean:.3g} std, expected about 0"
    if abs(deviation - 1) > 6 / np.sqrt(2 * w.size):
        return f"the standard deviation of the weights is {deviation:.4g} times `std`"
    if not 0.03 < beyond < 0.062:
        return f"{beyond:.1%} of the weights are beyond 2 std, of the normal distribution 4.6% are"
    if len(np.unique(w)) < 0.9 * w.size:
        return "many weights are equal: each number needs a draw of its own"
    return ""


ARRAYS: dict[str, Part] = {
    "im2col": Part("im2col", examine_im2col),
    "col2im": Part("col2im", examine_col2im),
    "he_std": Part("he_std", examine_he_std),
    "initialize": Part("initialize", examine_initialize),
}
