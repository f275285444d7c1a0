"""Batch normalisation: the batch's mean and variance, and the three paths back."""
from typing import Any

import numpy as np

from ..records import StepRecord
from .explanation import Explanation
from .reading import (
    Place,
    bias,
    constant,
    count_of,
    explained,
    explanation,
    factor,
    grid,
    name_of_gradient,
    name_of_output,
    value_at,
)
from .terms import Factor, Part

AXES = ("image", "row", "column")


def places_of(step: StepRecord, c: int) -> np.ndarray:
    """Return all places of channel c in the batch, which share its mean and variance."""
    return grid(*map(range, step.input.shape[:3]), c)


def output(step: StepRecord, at: Place) -> Explanation:
    layer: Any = step.layer
    c = at[3]
    deviation = value_at(step.saved.deviation, (c,))
    normalized, w = factor("normalized[]", step.saved.normalized, at), factor("w[]", layer.params["w"], (c,))
    if step.saved.from_batch:
        x = factor("x[]", step.input, places_of(step, c)).values
        mean, whose = float(x.mean()), f"channel {c} in this batch"
        inner = [variance(step, c, mean, deviation)]
    else:
        mean, whose = value_at(layer.buffers["running_mean"], (c,)), f"channel {c} in training (running statistics)"
        inner = []
    reason = (
        f"The input {value_at(step.input, at):.6g} minus the mean {mean:.6g}, divided by the deviation "
        f"{deviation:.6g} of {whose}; that times w, and b."
    )
    formula = "y = w * normalized + b,  normalized = (x - mean) / sqrt(variance + eps)"
    parts = [Part("scaled", (w, normalized)), bias(step, (c,))]
    return explanation(name_of_output(step, at), step.output, at, parts, formula, reason, inner)


def variance(step: StepRecord, c: int, mean: float, deviation: float) -> Explanation:
    """Where the square of the deviation came from."""
    layer: Any = step.layer
    places = places_of(step, c)
    x = factor("x[]", step.input, places)
    squares = Factor("(x[] - mean)**2", (x.values - mean) ** 2, places)
    share = constant("1 / M", 1 / len(places), len(places))
    parts = [Part("squares", (share, squares), step.input.shape[:3], AXES), Part("eps", (constant("eps", layer.eps),))]
    reason = f"The mean of M = {len(places)} squares over the batch, and eps."
    slack = 8 * float(np.finfo(step.output.dtype).eps) * abs(mean) * deviation  # of x - mean, where the mean is large
    formula = "deviation**2 = mean of (x - mean)**2, + eps"
    return explained(f"deviation[{c}]**2", deviation**2, step.output.dtype, parts, formula, reason, slack=slack)


def input_gradient(step: StepRecord, at: Place) -> Explanation:
    c = at[3]
    deviation = value_at(step.saved.deviation, (c,))
    slope = value_at(step.layer.params["w"], (c,)) / deviation
    parts = [Part("own path", (constant("w / deviation", slope), factor("dy[]", step.upstream, at)))]
    if step.saved.from_batch:
        places = places_of(step, c)
        m = len(places)
        dy, normalized = (
            factor("dy[]", step.upstream, places), factor("normalized[]", step.saved.normalized, places)
        )
        here = value_at(step.saved.normalized, at)
        through_mean = (constant("-w / (deviation M)", -slope / m, m), dy)
        through_variance = (constant("-w normalized / (deviation M)", -slope * here / m, m), dy, normalized)
        parts += [
            Part("through the mean", through_mean, step.input.shape[:3], AXES),
            Part("through the variance", through_variance, step.input.shape[:3], AXES),
        ]
        reason = (
            f"Three paths lead from the input to the loss: its own output, the mean and the variance, through which it "
            f"moves all M = {m} outputs of channel {c}."
        )
    else:
        reason = "Mean and variance are the running ones here, so the only path is through the input's own output."
    formula = "dx = w / deviation * (dy - mean of dy - normalized * mean of (dy * normalized))"
    return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, parts, formula, reason)


def param_gradient(step: StepRecord, name: str, at: Place) -> Explanation:
    places = places_of(step, at[0])
    dy = factor("dy[]", step.upstream, places)
    used = count_of(len(places), "output")
    if name == "w":
        factors = [factor("normalized[]", step.saved.normalized, places), dy]
        formula = "dw[c] = sum over n, i and j of normalized * dy"
        reason = f"w was used in {used}: each gives its normalised input times its upstream gradient."
    else:
        factors, formula = [dy], "db[c] = sum over n, i and j of dy"
        reason = f"b was added in {used}: the sum of their upstream gradients."
    part = Part("products" if name == "w" else "upstream", tuple(factors), step.input.shape[:3], AXES)
    return explanation(name_of_gradient(step, name, at), step.gradients[name], at, [part], formula, reason)
