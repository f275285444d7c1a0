"""Response normalisation, across channels or within a map: the denominator, and the own and the shared path back."""
from typing import Any

import numpy as np

from ...layers import LocalResponseNorm
from ..records import StepRecord
from .explanation import Explanation
from .reading import Place, constant, count_of, explanation, factor, grid, name_of_gradient, name_of_output, value_at
from .terms import Factor, Part


def neighbours(step: StepRecord, at: Place) -> np.ndarray:
    """Return the places whose squares are in the scale of `at`, itself among them; the relation goes both ways."""
    layer: Any = step.layer
    half = layer.size // 2
    if isinstance(layer, LocalResponseNorm):
        *place, c = at
        length = step.input.shape[-1] // layer.groups
        first = c // length * length                                       # of its group
        return grid(*place, range(max(first, c - half), min(first + length, c + half + 1)))
    n, h, w, c = at
    rows, across = (
        range(max(0, place - half), min(length, place + half + 1))
        for place, length in zip((h, w), step.input.shape[1:3], strict=True)
    )
    return grid(n, rows, across, c)


def scale(step: StepRecord, at: Place) -> Explanation:
    """Where the denominator before its power came from."""
    layer: Any = step.layer
    near = neighbours(step, at)
    x = factor("x[]", step.input, near)
    squares = Part("squares", (constant("alpha", layer.alpha, len(near)), Factor("x[]**2", x.values**2, near)))
    formula = f"scale = k + alpha * sum of x**2 over {around(step)}"
    reason = f"The constant k, and alpha times the squares of {count_of(len(near), 'activation')} nearby."
    parts = [Part("k", (constant("k", layer.k),)), squares]
    return explanation(f"scale[{', '.join(map(str, at))}]", step.saved.scale, at, parts, formula, reason)


def around(step: StepRecord) -> str:
    size = getattr(step.layer, "size", 0)
    return f"{size} nearby channels" if isinstance(step.layer, LocalResponseNorm) else f"{size} x {size} places around"


def output(step: StepRecord, at: Place) -> Explanation:
    layer: Any = step.layer
    part = Part("output", (factor("x[]", step.input, at), power(step, at, -layer.beta)))
    reason = f"The input divided by scale**{layer.beta:g}, where scale is {value_at(step.saved.scale, at):.6g}."
    formula = f"y = x / scale**beta,  scale = k + alpha * sum of x**2 over {around(step)}"
    return explanation(name_of_output(step, at), step.output, at, [part], formula, reason, [scale(step, at)])


def input_gradient(step: StepRecord, at: Place) -> Explanation:
    layer: Any = step.layer
    near = neighbours(step, at)
    own = Part("own path", (factor("dy[]", step.upstream, at), power(step, at, -layer.beta)))
    x = value_at(step.input, at)
    slope = constant("-2 alpha beta x", -2 * layer.alpha * layer.beta * x, len(near))  # of scale**-beta, less a factor
    factors = (
        slope, factor("dy[]", step.upstream, near), factor("x[]", step.input, near), power(step, near, -layer.beta - 1),
    )
    reason = (
        "Two paths lead from the input to the loss: its own output, and the scale of every place nearby, itself "
        f"included ({count_of(len(near), 'term')})."
    )
    formula = (
        "dx[c] = dy[c] * scale[c]**-beta  -  2 alpha beta x[c] * sum over nearby c' of "
        "dy[c'] x[c'] scale[c']**(-beta - 1)"
    )
    parts = [own, Part("shared path", factors)]
    what = name_of_gradient(step, "x", at)
    return explanation(what, step.input_gradient, at, parts, formula, reason, [scale(step, at)])


def power(step: StepRecord, places: np.ndarray | Place, exponent: float) -> Factor:
    """Return the scale at these places to a power."""
    read = factor("", step.saved.scale, places)
    return Factor(f"scale[]**{exponent:g}", read.values**exponent, read.places)
