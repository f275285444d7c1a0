"""Convolutions, with shared filters or not: the window times the filter, and the ways back."""
from typing import Any

import numpy as np

from ...layers import Conv2d
from ..records import StepRecord
from .explanation import Explanation
from .reading import (
    Place,
    bias,
    corner,
    count_of,
    explanation,
    factor,
    grid,
    name_of_gradient,
    name_of_output,
    seen_by,
    windows_over,
)
from .terms import Part


def output(step: StepRecord, at: Place) -> Explanation:
    layer: Any = step.layer
    n, i, j, f = at
    (kh, kw), (channels, filters) = layer.window.kernel, groups_of(layer)
    top, left = corner(layer.window, i, j)
    a, b, c = grid(range(kh), range(kw), range(channels)).T                # of the window and of the filter
    first = f // filters * channels                                        # channel of the filter's group
    x = factor("x[]", step.input, columns(n, top + a, left + b, first + c))
    w = factor("w[]", layer.params["w"], weights(layer, i, j, a, b, c, f))
    outside = "" if x.inside is None or x.inside.all() else (
        f" ({count_of((~x.inside).sum(), 'product')} of zeros outside the image)"
    )
    whose = f"filter {f}" if isinstance(layer, Conv2d) else f"filter {f} of this place"
    reason = (
        f"The window of {kh} x {kw} places and {count_of(channels, 'channel')}, its corner at row {top}, column {left} "
        f"of image {n}, times {whose}{outside}, and the bias."
    )
    products = Part("products", (x, w), (kh, kw, channels), ("row", "column", "channel"))
    parts = [products, bias(step, (f,) if isinstance(layer, Conv2d) else (i, j, f))]
    formula = (
        "y[n, i, j, f] = sum over the window at (i, j) of x * w[:, :, :, f], + b[f]" if isinstance(layer, Conv2d)
        else "y[n, i, j, f] = sum over the window at (i, j) of x * w[i, j, :, f], + b[i, j, f]"
    )
    seen = seen_by(step, n, i, j, slice(first, first + channels))
    return explanation(name_of_output(step, at), step.output, at, parts, formula, reason, seen=seen)


def input_gradient(step: StepRecord, at: Place) -> Explanation:
    layer: Any = step.layer
    n, h, w, channel = at
    channels, filters = groups_of(layer)
    group, c = divmod(channel, channels)
    seen_by = range(group * filters, (group + 1) * filters)
    rows, across = windows_over(layer.window, step.input.shape[1:3], (h, w))
    _, i, j, f = uses = grid(n, rows, across, seen_by).T
    top, left = corner(layer.window, i, j)
    dy = factor("dy[]", step.upstream, uses.T)
    weight = factor("w[]", layer.params["w"], weights(layer, i, j, h - top, w - left, c, f))
    reason = (
        f"The pixel lay in {count_of(len(rows) * len(across), 'window')} and met {count_of(filters, 'filter')} in "
        "each: every output it went into sends back its upstream gradient times the weight that the pixel met there."
    )
    formula = "dx[n, h, w, c] = sum over all windows (i, j) that see it and all filters f of dy[n, i, j, f] * weight"
    part = Part("products", (dy, weight), (len(rows), len(across), filters), ("row", "column", "filter"))
    return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], formula, reason)


def param_gradient(step: StepRecord, name: str, at: Place) -> Explanation:
    return weight_gradient(step, at) if name == "w" else bias_gradient(step, at)


def weight_gradient(step: StepRecord, at: Place) -> Explanation:
    layer: Any = step.layer
    channels, filters = groups_of(layer)
    if isinstance(layer, Conv2d):
        a, b, c, f = at
        uses = grid(*map(range, step.output.shape[:3]), f)                 # at every place of every image
        formula = "dw[a, b, c, f] = sum over images n and places (i, j) of x at (a, b) in the window * dy[n, i, j, f]"
    else:
        place_i, place_j, row, f = at
        a, b, c = map(int, np.unravel_index(row, (*layer.window.kernel, channels)))
        uses = grid(range(len(step.input)), place_i, place_j, f)           # at its own place of every image
        formula = "dw[i, j, k, f] = sum over images n of x[k] of the window * dy[n, i, j, f]"
    n, i, j, _ = uses.T
    top, left = corner(layer.window, i, j)
    x = factor("x[]", step.input, columns(n, top + a, left + b, f // filters * channels + c))
    reason = (
        f"The weight was used in {count_of(len(uses), 'output')}: each gives the input that the weight met there "
        "times its upstream gradient."
    )
    part = Part("products", (x, factor("dy[]", step.upstream, uses)), *laid_out(step))
    return explanation(name_of_gradient(step, "w", at), step.gradients["w"], at, [part], formula, reason)


def bias_gradient(step: StepRecord, at: Place) -> Explanation:
    if isinstance(step.layer, Conv2d):
        uses = grid(*map(range, step.output.shape[:3]), at[0])
        formula = "db[f] = sum over n, i and j of dy[n, i, j, f]"
    else:
        uses = grid(range(len(step.input)), *at)
        formula = "db[i, j, f] = sum over n of dy[n, i, j, f]"
    reason = f"The bias was added in {count_of(len(uses), 'output')}: the sum of their upstream gradients."
    part = Part("upstream", (factor("dy[]", step.upstream, uses),), *laid_out(step))
    return explanation(name_of_gradient(step, "b", at), step.gradients["b"], at, [part], formula, reason)


def groups_of(layer: Any) -> tuple[int, int]:
    """Return how many channels and how many filters a group has."""
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    return layer.in_channels // groups, layer.out_channels // groups


def weights(layer: Any, i: Any, j: Any, a: Any, b: Any, c: Any, f: Any) -> np.ndarray:
    """Return the places in w of row a, column b, channel c of filter f at output (i, j), (T, 4)."""
    if isinstance(layer, Conv2d):
        return columns(a, b, c, f)
    return columns(i, j, (a * layer.window.kernel[1] + b) * layer.in_channels + c, f)


def columns(*indices: Any) -> np.ndarray:
    """Return indices, each one number or (T,), as places (T, axes)."""
    return np.stack(np.broadcast_arrays(*indices), axis=-1)


def laid_out(step: StepRecord) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return shape and axes of the outputs that share a parameter: by image, row and column, or by image."""
    axes = ("image", "row", "column") if isinstance(step.layer, Conv2d) else ("image",)
    return step.output.shape[: len(axes)], axes
