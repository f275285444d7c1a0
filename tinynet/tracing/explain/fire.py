"""A fire module: each side's window on the squeezed maps times its filter, and the way back through both sides.

What is added up for an output are products with the squeezed maps, which are sums themselves: where one of them came
from, the one that weighs most, is said inside. The same for the gradient at the squeeze's output, `dsqueezed`.
"""
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...layers import Conv2d
from ...ops.arrays import to_cpu
from ..records import StepRecord
from .conv import stacked
from .explanation import Explanation
from .reading import (
    Index,
    constant,
    corner,
    explained,
    explanation,
    factor,
    grid,
    name_of_gradient,
    name_of_output,
    windows_over,
)
from .terms import Factor, Part
from .texts import text, wording

BATCH_AXES = ("image", "row", "column")


class Side(NamedTuple):
    """One of the two convolutions that see the squeezed maps, and the first of its channels in the output."""

    name: str
    conv: Conv2d
    first: int


def sides(layer: Any) -> tuple[Side, Side]:
    one, three = (layer.convolutions[name] for name in ("expand1", "expand3"))
    return Side("expand1", one, 0), Side("expand3", three, layer.expand1)


def output(step: StepRecord, at: Index) -> Explanation:
    layer: Any = step.layer
    n, i, j, channel = at
    side = sides(layer)[channel >= layer.expand1]
    f, window = channel - side.first, side.conv.window
    top, left = corner(window, i, j)
    a, b, s = grid(*map(range, (*window.kernel, layer.squeeze))).T             # of the window and of the filter
    squeezed = factor("squeezed[]", step.saved.squeezed, stacked(n, top + a, left + b, s))
    w = factor(f"{side.name}_w[]", layer.params[f"{side.name}_w"], stacked(a, b, s, f))
    products = Part("products", (squeezed, w), (*window.kernel, layer.squeeze), ("row", "column", "channel"))
    parts = [products, bias(step, side.name, f)]
    before = sum(part.total for part in parts)
    on = before > 0
    if not on:
        parts.append(Part("ReLU", (constant("-(products + bias)", -before),)))
    outside = int((~squeezed.inside).sum()) if squeezed.inside is not None else 0
    says = wording(
        "Fire.output", "nan" if np.isnan(before) else "on" if on else "off", height=window.kernel[0],
        width=window.kernel[1], maps=layer.squeeze, top=top, left=left, n=n, f=f, side=side.name, before=before,
        outside=text("Conv2d.output", "outside", count=outside) if outside else "",
    )
    inner = [squeezed_number(step, where) for where in strongest(products, squeezed)]
    return explanation(name_of_output(step, at), step.output, at, parts, says, inner)


def squeezed_number(step: StepRecord, at: Index) -> Explanation:
    """Where a squeezed number above zero came from."""
    n, i, j, s = at
    channels = range(step.input.shape[3])
    x = factor("x[]", step.input, grid(n, i, j, channels))
    w = factor("squeeze_w[]", step.layer.params["squeeze_w"], grid(0, 0, channels, s))
    says = wording("Fire.squeezed", channels=len(channels))
    parts = [Part("products", (x, w)), bias(step, "squeeze", s)]
    return explanation(f"squeezed[{', '.join(map(str, at))}]", step.saved.squeezed, at, parts, says)


def input_gradient(step: StepRecord, at: Index) -> Explanation:
    n, h, w, c = at
    maps = range(step.layer.params["squeeze_w"].shape[3])
    dsqueezed, rounding = squeeze_gradients(step, grid(n, h, w, maps))
    weight = factor("squeeze_w[]", step.layer.params["squeeze_w"], grid(0, 0, c, maps))
    part = Part("products", (dsqueezed, weight))
    inner = [squeeze_gradient(step, where) for where in strongest(part, dsqueezed)]
    slack = float((rounding * np.abs(weight.values)).sum())
    says = wording("Fire.x", maps=len(maps))
    return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], says, inner, slack=slack)


def squeeze_gradients(step: StepRecord, indices: np.ndarray) -> tuple[Factor, np.ndarray]:
    """Return the gradients at the squeeze's output, at indices (T, 4), and how far each may be off, (T,)."""
    layer: Any = step.layer
    n, h, w, s = indices.T
    dy, y = to_cpu(step.upstream), to_cpu(step.output)
    values, sizes, count = np.zeros(len(indices)), np.zeros(len(indices)), 0
    for side in sides(layer):
        weights = to_cpu(layer.params[f"{side.name}_w"]).astype(np.float64)    # (KH, KW, S, F)
        kh, kw, _, filters = weights.shape
        channels = slice(side.first, side.first + filters)
        above, left = side.conv.window.padding
        for a, b in np.ndindex(kh, kw):
            i, j = h + above - a, w + left - b                                 # of the window that sees it at (a, b)
            inside = (i >= 0) & (i < y.shape[1]) & (j >= 0) & (j < y.shape[2])
            place = n[inside], i[inside], j[inside], channels
            terms = dy[place] * (y[place] > 0) * weights[a, b, s[inside]]      # (T, F)
            values[inside] += terms.sum(axis=1)
            sizes[inside] += np.abs(terms).sum(axis=1)
        count += weights[:, :, 0].size
    on = factor("", step.saved.squeezed, indices).values > 0
    rounding = float(np.finfo(step.output.dtype).eps) * (8 + count**0.5) * sizes * on
    return Factor("dsqueezed[]", values * on, indices), rounding


def squeeze_gradient(step: StepRecord, at: Index) -> Explanation:
    """Where the gradient at the squeeze's output came from, of a squeezed number above zero."""
    n, h, w, s = at
    parts = []
    for side in sides(step.layer):
        rows, across = windows_over(side.conv.window, step.input.shape[1:3], (h, w))
        filters = side.conv.out_channels
        uses = grid(n, rows, across, range(side.first, side.first + filters))
        _, i, j, f = uses.T
        top, left = corner(side.conv.window, i, j)
        where = stacked(h - top, w - left, s, f - side.first)
        weight = factor(f"{side.name}_w[]", step.layer.params[f"{side.name}_w"], where)
        factors = (factor("dy[]", step.upstream, uses), slopes(step, uses), weight)
        parts.append(Part(side.name, factors, (len(rows), len(across), filters), ("row", "column", "filter")))
    says = wording("Fire.dsqueezed", windows=parts[1].shape[0] * parts[1].shape[1])
    total = sum(part.total for part in parts)
    return explained(f"dsqueezed[{', '.join(map(str, at))}]", total, step.output.dtype, parts, says)


def param_gradient(step: StepRecord, name: str, at: Index) -> Explanation:
    conv, _, key = name.rpartition("_")
    return of_squeeze(step, key, at) if conv == "squeeze" else of_expand(step, conv, key, at)


def of_squeeze(step: StepRecord, key: str, at: Index) -> Explanation:
    """Where a number of the gradient of squeeze_w or squeeze_b came from."""
    shape = step.input.shape[:3]
    dsqueezed, rounding = squeeze_gradients(step, grid(*map(range, shape), at[-1]))
    factors: tuple[Factor, ...] = (dsqueezed,)
    if key == "w":
        factors = (factor("x[]", step.input, grid(*map(range, shape), at[2])), dsqueezed)
        rounding = rounding * np.abs(factors[0].values)
    part = Part("products" if key == "w" else "upstream", factors, shape, BATCH_AXES)
    inner = [squeeze_gradient(step, where) for where in strongest(part, dsqueezed)]
    says = wording("Fire.squeeze_w" if key == "w" else "Fire.squeeze_b", places=len(rounding))
    name, slack = f"squeeze_{key}", float(rounding.sum())
    what = name_of_gradient(step, name, at)
    return explanation(what, step.gradients[name], at, [part], says, inner, slack=slack)


def of_expand(step: StepRecord, conv: str, key: str, at: Index) -> Explanation:
    """Where a number of the gradient of a side's weights or biases came from."""
    side = next(side for side in sides(step.layer) if side.name == conv)
    shape, name, f = step.output.shape[:3], f"{conv}_{key}", at[-1]
    uses = grid(*map(range, shape), side.first + f)
    factors: tuple[Factor, ...] = (factor("dy[]", step.upstream, uses), slopes(step, uses))
    if key == "w":
        a, b, s, _ = at
        n, i, j, _ = uses.T
        top, left = corner(side.conv.window, i, j)
        factors = (factor("squeezed[]", step.saved.squeezed, stacked(n, top + a, left + b, s)), *factors)
    part = Part("products" if key == "w" else "upstream", factors, shape, BATCH_AXES)
    says = wording("Fire.expand_w" if key == "w" else "Fire.expand_b", name=name, outputs=len(uses))
    inner = [squeezed_number(step, where) for where in strongest(part, factors[0])] if key == "w" else []
    return explanation(name_of_gradient(step, name, at), step.gradients[name], at, [part], says, inner)


def bias(step: StepRecord, conv: str, f: int) -> Part:
    """Return the bias of filter f of a convolution as a part."""
    return Part("bias", (factor(f"{conv}_b[]", step.layer.params[f"{conv}_b"], (f,)),))


def slopes(step: StepRecord, indices: np.ndarray) -> Factor:
    """Return the slopes of the ReLU behind the sides: 1 where the output is above zero, else 0."""
    return Factor("(y[] > 0)", (factor("", step.output, indices).values > 0).astype(np.float64), indices)


def strongest(part: Part, of: Factor) -> Sequence[Index]:
    """Return where a factor stands in the part's largest term; nothing where all terms are 0."""
    t = int(np.argmax(np.abs(part.values)))
    return [tuple(map(int, of.indices[t]))] if of.indices is not None and part.values[t] else []
