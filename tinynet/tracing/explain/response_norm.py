"""Response normalization, across channels or within a map: the denominator, and the own and the shared path."""
from typing import Any

import numpy as np

from ...layers import LocalResponseNorm
from ..records import StepRecord
from .explanation import Explanation
from .reading import Index, constant, explanation, factor, grid, name_of_gradient, name_of_output, value_at
from .terms import Factor, Part
from .texts import text, wording


def neighbours(step: StepRecord, at: Index) -> np.ndarray:
    """Return the indices whose squares are in the scale of `at`, itself among them; the relation goes both ways."""
    layer: Any = step.layer
    half = layer.size // 2
    if isinstance(layer, LocalResponseNorm):
        *position, c = at
        length = step.input.shape[-1] // layer.groups
        first = c // length * length                                       # of its group
        return grid(*position, range(max(first, c - half), min(first + length, c + half + 1)))
    n, h, w, c = at
    rows, across = (
        range(max(0, middle - half), min(length, middle + half + 1))
        for middle, length in zip((h, w), step.input.shape[1:3], strict=True)
    )
    return grid(n, rows, across, c)


def scale(step: StepRecord, at: Index) -> Explanation:
    """Where the denominator before its power came from."""
    layer: Any = step.layer
    near = neighbours(step, at)
    x = factor("x[]", step.input, near)
    squares = Part("squares", (constant("alpha", layer.alpha, len(near)), Factor("x[]**2", x.values**2, near)))
    parts = [Part("k", (constant("k", layer.k),)), squares]
    says = wording("ResponseNorm.scale", around=around(layer), count=len(near))
    return explanation(f"scale[{', '.join(map(str, at))}]", step.saved.scale, at, parts, says)


def around(layer: Any) -> str:
    kind = "LocalResponseNorm" if isinstance(layer, LocalResponseNorm) else "SpatialResponseNorm"
    return text(kind, "around", size=layer.size)


def output(step: StepRecord, at: Index) -> Explanation:
    layer: Any = step.layer
    part = Part("output", (factor("x[]", step.input, at), power(step, at, -layer.beta)))
    says = wording(
        "ResponseNorm.output", around=around(layer), beta=layer.beta, scale=value_at(step.saved.scale, at)
    )
    return explanation(name_of_output(step, at), step.output, at, [part], says, [scale(step, at)])


def input_gradient(step: StepRecord, at: Index) -> Explanation:
    layer: Any = step.layer
    near = neighbours(step, at)
    own = Part("own path", (factor("dy[]", step.upstream, at), power(step, at, -layer.beta)))
    x = value_at(step.input, at)
    slope = constant("-2 alpha beta x", -2 * layer.alpha * layer.beta * x, len(near))  # of scale**-beta, less a factor
    factors = (
        slope, factor("dy[]", step.upstream, near), factor("x[]", step.input, near), power(step, near, -layer.beta - 1),
    )
    parts, says = [own, Part("shared path", factors)], wording("ResponseNorm.x", count=len(near))
    return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, parts, says, [scale(step, at)])


def power(step: StepRecord, indices: np.ndarray | Index, exponent: float) -> Factor:
    """Return the scale at these indices to a power."""
    read = factor("", step.saved.scale, indices)
    return Factor(f"scale[]**{exponent:g}", read.values**exponent, read.indices)
