"""Batch normalization: the batch's mean and variance, and the three paths of its gradient."""
from typing import Any

import numpy as np

from ..records import StepRecord
from .explanation import Explanation
from .reading import (
    Index,
    bias,
    constant,
    explained,
    explanation,
    factor,
    grid,
    name_of_gradient,
    name_of_output,
    value_at,
)
from .terms import Factor, Part
from .texts import wording

AXES = ("image", "row", "column")


def indices_of(step: StepRecord, c: int) -> np.ndarray:
    """Return all indices of channel c in the batch, which share its mean and variance."""
    return grid(*map(range, step.input.shape[:3]), c)


def output(step: StepRecord, at: Index) -> Explanation:
    layer: Any = step.layer
    c = at[3]
    deviation = value_at(step.saved.deviation, (c,))
    normalized, w = factor("normalized[]", step.saved.normalized, at), factor("w[]", layer.params["w"], (c,))
    if step.saved.from_batch:
        x = factor("x[]", step.input, indices_of(step, c)).values
        mean, reason = float(x.mean()), "batch"
        inner = [variance(step, c, mean, deviation)]
    else:
        mean, reason, inner = value_at(layer.buffers["running_mean"], (c,)), "running", []
    says = wording("BatchNorm2d.output", reason, x=value_at(step.input, at), mean=mean, deviation=deviation, c=c)
    parts = [Part("scaled", (w, normalized)), bias(step, (c,))]
    return explanation(name_of_output(step, at), step.output, at, parts, says, inner)


def variance(step: StepRecord, c: int, mean: float, deviation: float) -> Explanation:
    """Where the square of the deviation came from."""
    layer: Any = step.layer
    indices = indices_of(step, c)
    x = factor("x[]", step.input, indices)
    squares = Factor("(x[] - mean)**2", (x.values - mean) ** 2, indices)
    share = constant("1 / M", 1 / len(indices), len(indices))
    parts = [Part("squares", (share, squares), step.input.shape[:3], AXES), Part("eps", (constant("eps", layer.eps),))]
    slack = 8 * float(np.finfo(step.output.dtype).eps) * abs(mean) * deviation  # of x - mean, where the mean is large
    says = wording("BatchNorm2d.variance", m=len(indices))
    return explained(f"deviation[{c}]**2", deviation**2, step.output.dtype, parts, says, slack=slack)


def input_gradient(step: StepRecord, at: Index) -> Explanation:
    c = at[3]
    deviation = value_at(step.saved.deviation, (c,))
    slope = value_at(step.layer.params["w"], (c,)) / deviation
    parts = [Part("own path", (constant("w / deviation", slope), factor("dy[]", step.upstream, at)))]
    says = wording("BatchNorm2d.x", "running")
    if step.saved.from_batch:
        indices = indices_of(step, c)
        m = len(indices)
        dy, normalized = (
            factor("dy[]", step.upstream, indices), factor("normalized[]", step.saved.normalized, indices)
        )
        here = value_at(step.saved.normalized, at)
        through_mean = (constant("-w / (deviation M)", -slope / m, m), dy)
        through_variance = (constant("-w normalized / (deviation M)", -slope * here / m, m), dy, normalized)
        parts += [
            Part("through the mean", through_mean, step.input.shape[:3], AXES),
            Part("through the variance", through_variance, step.input.shape[:3], AXES),
        ]
        says = wording("BatchNorm2d.x", "batch", m=m, c=c)
    return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, parts, says)


def param_gradient(step: StepRecord, name: str, at: Index) -> Explanation:
    indices = indices_of(step, at[0])
    dy = factor("dy[]", step.upstream, indices)
    if name == "w":
        factors = [factor("normalized[]", step.saved.normalized, indices), dy]
        says = wording("BatchNorm2d.w", outputs=len(indices))
    else:
        factors, says = [dy], wording("BatchNorm2d.b", outputs=len(indices))
    part = Part("products" if name == "w" else "upstream", tuple(factors), step.input.shape[:3], AXES)
    return explanation(name_of_gradient(step, name, at), step.gradients[name], at, [part], says)
