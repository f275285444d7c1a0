"""Fast implementations of pooling; `fast.py` says when one stands in for its layer."""
from functools import cache, lru_cache
from typing import Any

import numpy as np

from ..layers import AvgPool2d, MaxPool2d
from ..layers.avg_pool import Saved as AvgSaved
from ..layers.base import Layer
from ..layers.max_pool import Saved
from ..ops.arrays import Array, Shape
from ..ops.window import Window
from .fast_layer import FastLayer


class MaxPoolByIndex(FastLayer):
    """MaxPool2d, whose backward pass first finds the index of each window's winner, and then goes to the winners alone.

    The layer's own meets every place of every window with numbers; here it is met with bytes.
    """

    label = "an index for each window"

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        window, (h, w) = self.layer.window, x.shape[1:3]
        oh, ow = window.output_size((h, w))
        rows = largest(x, 1, inside(window, 0, h, oh), oh)                      # (N, OH, W, C)
        y = largest(rows, 2, inside(window, 1, w, ow), ow)                      # (N, OH, OW, C)
        return y, Saved(x, y)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        if not input_gradient:
            return None, {}
        x, y = saved
        window, (_, h, w, c) = self.layer.window, x.shape
        tap = self.winners(x, y)
        if tap.max() == window.kernel[0] * window.kernel[1]:                    # a maximum of nan has no winner
            return self.layer.backward(dy, saved)
        index = tap_offsets(window, w, c).take(tap)                             # (N, OH, OW, C)
        index += window_offsets(window, len(x), (h, w, c), y.shape[1:3])
        dx = np.zeros(x.shape, dtype=x.dtype)                                   # rows of C: reshape(-1) is a view
        np.add.at(dx.reshape(-1), index.reshape(-1), dy.reshape(-1))            # overlapping windows may share a winner
        return dx, {}

    def winners(self, x: Array, y: Array) -> Array:
        """Return which place of its window each maximum came from, the first that equals it, row by row.

        It is counted: how many places were met before. Where none is equal, that is the number of all places.
        """
        window, (oh, ow) = self.layer.window, y.shape[1:3]
        searching = np.ones(y.shape, dtype=bool)
        tap = np.zeros(y.shape, dtype=np.uint8)
        for rows, seen_rows in inside(window, 0, x.shape[1], oh):
            for columns, seen_columns in inside(window, 1, x.shape[2], ow):
                searching[:, rows, columns] &= x[:, seen_rows, seen_columns] != y[:, rows, columns]
                tap += searching.view(np.uint8)
        return tap


class AvgPoolByAxis(FastLayer):
    """AvgPool2d, whose backward pass spreads gradients out across first, and then down in long rows."""

    label = "one axis after the other"

    def forward(self, x: Array, train: bool = False) -> tuple[Array, AvgSaved]:
        return self.layer.forward(x, train)

    def backward(
        self, dy: Array, saved: AvgSaved, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        if not input_gradient:
            return None, {}
        _, h, w, _ = saved.x.shape
        rows = spread(dy / self.layer.cells(saved.x), 2, self.layer.window, w)  # (N, OH, W, C)
        return spread(rows, 1, self.layer.window, h), {}


def spread(dy: Array, axis: int, window: Window, length: int) -> Array:
    """Add each number of dy to all places that its window has along one axis of an image (N, H, W, C)."""
    kernel, stride, padding, count = *(pair[axis - 1] for pair in window[:3]), dy.shape[axis]
    if kernel == stride and padding == 0 and count * stride == length:          # each place is under one window
        return np.repeat(dy, stride, axis=axis)
    before = (slice(None),) * axis
    total = np.zeros((*dy.shape[:axis], length, *dy.shape[axis + 1 :]), dtype=dy.dtype)
    for windows, seen in inside(window, axis - 1, length, count):
        total[(*before, seen)] += dy[(*before, windows)]
    return total


def inside(window: Window, axis: int, length: int, count: int) -> list[tuple[slice, slice]]:
    """For each place along one axis of the window: which of the `count` windows have it inside the image, and where.

    Both as slices: of the windows, and of the image's rows or columns. Both are empty for a place that no window has
    inside, as one of a window larger than the image.
    """
    kernel, stride, padding = window.kernel[axis], window.stride[axis], window.padding[axis]
    found = []
    for place in range(kernel):
        first = max(0, -((place - padding) // stride))                          # the first window that has it inside
        last = min(count - 1, (length - 1 - place + padding) // stride)
        start = first * stride + place - padding
        some = last >= first
        windows = slice(first, last + 1 if some else first)
        found.append((windows, slice(start, start + (last - first) * stride + 1 if some else start, stride)))
    return found


def largest(x: Array, axis: int, places: list[tuple[slice, slice]], count: int) -> Array:
    """Return the maximum along one axis of x (N, H, W, C) for `count` windows."""
    before = (slice(None),) * axis
    whole = [seen for windows, seen in places if windows == slice(0, count)]    # places that all windows have inside
    rest = [(windows, seen) for windows, seen in places if windows != slice(0, count) and windows.stop > windows.start]
    if whole:
        total = x[(*before, whole[0])]
        total = np.maximum(total, x[(*before, whole[1])]) if len(whole) > 1 else total.copy()
    else:
        total = np.full((*x.shape[:axis], count, *x.shape[axis + 1 :]), -np.inf, dtype=x.dtype)
    for windows, seen in [(slice(0, count), seen) for seen in whole[2:]] + rest:
        part = total[(*before, windows)]
        np.maximum(part, x[(*before, seen)], out=part)
    return total


@cache
def tap_offsets(window: Window, w: int, c: int) -> Array:
    """How far each place of a window is from the window's first one, in an image (H, W, C) that is one row."""
    kh, kw = window.kernel
    return ((np.arange(kh)[:, np.newaxis] * w + np.arange(kw)) * c).reshape(-1)


@lru_cache(maxsize=16)  # megabytes each; more than a network has kinds of blocks
def window_offsets(window: Window, n: int, shape: Shape, size: tuple[int, int]) -> Array:
    """Where each window's first place is, (N, OH, OW, C), in images of `shape` that are one row."""
    (h, w, c), (oh, ow) = shape, size
    rows = np.arange(oh) * window.stride[0] - window.padding[0]
    columns = np.arange(ow) * window.stride[1] - window.padding[1]
    places = (rows[:, np.newaxis] * w + columns)[..., np.newaxis] * c + np.arange(c)
    return np.arange(n)[:, np.newaxis, np.newaxis, np.newaxis] * (h * w * c) + places


def fast_pooling(layer: Layer) -> Any:
    """Return the class of a pooling layer's fast implementation; None if it has none: a byte counts a window's places.
    """
    if isinstance(layer, MaxPool2d) and layer.window.kernel[0] * layer.window.kernel[1] < 256:
        return MaxPoolByIndex
    return AvgPoolByAxis if isinstance(layer, AvgPool2d) else None
