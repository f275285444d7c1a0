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
    """Return all indices of channel (or feature) c in the batch, which share its mean and variance."""
    return grid(*map(range, step.input.shape[:-1]), c)


def summed(name: str, factors: tuple[Factor, ...], step: StepRecord) -> Part:
    """Return a sum over all that share a mean: images, and for images with rows and columns their places."""
    shape = step.input.shape[:-1]
    return Part(name, factors, shape, AXES[: len(shape)])


def words_for(step: StepRecord) -> dict[str, str]:
    """Return what the texts call a channel and the places that share its mean."""
    images = step.input.ndim == 4
    return {"channel": "channel" if images else "feature", "places": "n, i and j" if images else "n"}


def output(step: StepRecord, at: Index) -> Explanation:
    layer: Any = step.layer
    c = at[-1]
    deviation = value_at(step.saved.deviation, (c,))
    normalized, w = factor("normalized[]", step.saved.normalized, at), factor("w[]", layer.params["w"], (c,))
    if step.saved.from_batch:
        x = factor("x[]", step.input, indices_of(step, c)).values
        mean, reason = float(x.mean()), "batch"
        inner = [variance(step, c, mean, deviation)]
    else:
        mean, reason, inner = value_at(layer.buffers["running_mean"], (c,)), "running", []
    says = wording("BatchNorm.output", reason, x=value_at(step.input, at), mean=mean, deviation=deviation, c=c,
                   **words_for(step))
    parts = [Part("scaled", (w, normalized)), bias(step, (c,))]
    return explanation(name_of_output(step, at), step.output, at, parts, says, inner)


def variance(step: StepRecord, c: int, mean: float, deviation: float) -> Explanation:
    """Where the square of the deviation came from."""
    layer: Any = step.layer
    indices = indices_of(step, c)
    x = factor("x[]", step.input, indices)
    squares = Factor("(x[] - mean)**2", (x.values - mean) ** 2, indices)
    share = constant("1 / M", 1 / len(indices), len(indices))
    parts = [summed("squares", (share, squares), step), Part("eps", (constant("eps", layer.eps),))]
    slack = 8 * float(np.finfo(step.output.dtype).eps) * abs(mean) * deviation  # of x - mean, where the mean is large
    says = wording("BatchNorm.variance", m=len(indices))
    return explained(f"deviation[{c}]**2", deviation**2, step.output.dtype, parts, says, slack=slack)


def input_gradient(step: StepRecord, at: Index) -> Explanation:
    c = at[-1]
    deviation = value_at(step.saved.deviation, (c,))
    slope = value_at(step.layer.params["w"], (c,)) / deviation
    parts = [Part("own path", (constant("w / deviation", slope), factor("dy[]", step.upstream, at)))]
    says = wording("BatchNorm.x", "running")
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
            summed("through the mean", through_mean, step),
            summed("through the variance", through_variance, step),
        ]
        says = wording("BatchNorm.x", "batch", m=m, c=c, **words_for(step))
    return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, parts, says)


def param_gradient(step: StepRecord, name: str, at: Index) -> Explanation:
    indices = indices_of(step, at[0])
    dy = factor("dy[]", step.upstream, indices)
    if name == "w":
        factors = [factor("normalized[]", step.saved.normalized, indices), dy]
        says = wording("BatchNorm.w", outputs=len(indices), **words_for(step))
    else:
        factors, says = [dy], wording("BatchNorm.b", outputs=len(indices), **words_for(step))
    part = summed("products" if name == "w" else "upstream", tuple(factors), step)
    return explanation(name_of_gradient(step, name, at), step.gradients[name], at, [part], says)
