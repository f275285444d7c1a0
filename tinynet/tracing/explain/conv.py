"""Convolutions, with shared filters or not: the window times the filter, and the backward pass."""
from typing import Any

import numpy as np

from ...layers import Conv2d
from ..records import StepRecord
from .explanation import Explanation
from .reading import (
    Index,
    bias,
    corner,
    explanation,
    factor,
    grid,
    name_of_gradient,
    name_of_output,
    seen_by,
    windows_over,
)
from .terms import Part
from .texts import text, wording


def output(step: StepRecord, at: Index) -> Explanation:
    layer: Any = step.layer
    n, i, j, f = at
    (kh, kw), (channels, filters) = layer.window.kernel, groups_of(layer)
    top, left = corner(layer.window, i, j)
    a, b, c = grid(range(kh), range(kw), range(channels)).T                # of the window and of the filter
    first = f // filters * channels                                        # channel of the filter's group
    x = factor("x[]", step.input, stacked(n, top + a, left + b, first + c))
    w = factor("w[]", layer.params["w"], weights(layer, i, j, a, b, c, f))
    outside = 0 if x.inside is None else int((~x.inside).sum())
    says = wording(
        "Conv2d.output" if shared(layer) else "LocallyConnected2d.output", height=kh, width=kw, channels=channels,
        top=top, left=left, n=n, f=f, outside=text("Conv2d.output", "outside", count=outside) if outside else "",
    )
    products = Part("products", (x, w), (kh, kw, channels), ("row", "column", "channel"))
    parts = [products, bias(step, (f,) if shared(layer) else (i, j, f))]
    seen = seen_by(step, n, i, j, slice(first, first + channels))
    return explanation(name_of_output(step, at), step.output, at, parts, says, seen=seen)


def input_gradient(step: StepRecord, at: Index) -> Explanation:
    layer: Any = step.layer
    n, h, w, channel = at
    channels, filters = groups_of(layer)
    group, c = divmod(channel, channels)
    rows, across = windows_over(layer.window, step.input.shape[1:3], (h, w))
    _, i, j, f = uses = grid(n, rows, across, range(group * filters, (group + 1) * filters)).T
    top, left = corner(layer.window, i, j)
    dy = factor("dy[]", step.upstream, uses.T)
    weight = factor("w[]", layer.params["w"], weights(layer, i, j, h - top, w - left, c, f))
    part = Part("products", (dy, weight), (len(rows), len(across), filters), ("row", "column", "filter"))
    says = wording("Conv2d.x", windows=len(rows) * len(across), filters=filters)
    return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], says)


def param_gradient(step: StepRecord, name: str, at: Index) -> Explanation:
    return weight_gradient(step, at) if name == "w" else bias_gradient(step, at)


def weight_gradient(step: StepRecord, at: Index) -> Explanation:
    layer: Any = step.layer
    channels, filters = groups_of(layer)
    if shared(layer):
        a, b, c, f = at
        uses = grid(*map(range, step.output.shape[:3]), f)                 # in every window of every image
    else:
        window_i, window_j, row, f = at
        a, b, c = map(int, np.unravel_index(row, (*layer.window.kernel, channels)))
        uses = grid(range(len(step.input)), window_i, window_j, f)         # in its own window of every image
    n, i, j, _ = uses.T
    top, left = corner(layer.window, i, j)
    x = factor("x[]", step.input, stacked(n, top + a, left + b, f // filters * channels + c))
    part = Part("products", (x, factor("dy[]", step.upstream, uses)), *laid_out(step))
    says = wording("Conv2d.w" if shared(layer) else "LocallyConnected2d.w", outputs=len(uses))
    return explanation(name_of_gradient(step, "w", at), step.gradients["w"], at, [part], says)


def bias_gradient(step: StepRecord, at: Index) -> Explanation:
    if shared(step.layer):
        uses = grid(*map(range, step.output.shape[:3]), at[0])
    else:
        uses = grid(range(len(step.input)), *at)
    part = Part("upstream", (factor("dy[]", step.upstream, uses),), *laid_out(step))
    says = wording("Conv2d.b" if shared(step.layer) else "LocallyConnected2d.b", outputs=len(uses))
    return explanation(name_of_gradient(step, "b", at), step.gradients["b"], at, [part], says)


def shared(layer: Any) -> bool:
    """Whether all windows have the same filters."""
    return isinstance(layer, Conv2d)


def groups_of(layer: Any) -> tuple[int, int]:
    """Return how many channels and how many filters a group has."""
    groups = layer.groups if shared(layer) else 1
    return layer.in_channels // groups, layer.out_channels // groups


def weights(layer: Any, i: Any, j: Any, a: Any, b: Any, c: Any, f: Any) -> np.ndarray:
    """Return the indices in w of row a, column b, channel c of filter f at output (i, j), (T, 4)."""
    if shared(layer):
        return stacked(a, b, c, f)
    return stacked(i, j, (a * layer.window.kernel[1] + b) * layer.in_channels + c, f)


def stacked(*axes: Any) -> np.ndarray:
    """Return the indices on each axis, each one number or (T,), as indices (T, axes)."""
    return np.stack(np.broadcast_arrays(*axes), axis=-1)


def laid_out(step: StepRecord) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return shape and axes of the outputs that share a parameter: by image, row and column, or by image."""
    axes = ("image", "row", "column") if shared(step.layer) else ("image",)
    return step.output.shape[: len(axes)], axes
