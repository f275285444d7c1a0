"""A layer that tinynet does not know: only its backward, called once for each output that had a part.

backward is linear in the upstream gradient, so the gradient of an input or of a parameter is the sum over all outputs
of what backward gives for that output's upstream gradient alone, all others zero.
"""
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...network.params import flat
from ...ops.arrays import Array, array_module, to_cpu
from ..records import StepRecord
from .explanation import Explanation
from .reading import Index, explained, explanation, factor, name_of_gradient, name_of_output, read, value_at
from .terms import Factor, Part
from .texts import wording

MOST_CALLS = 4000  # of backward in a search for outputs (each one found costs one more); the others then are one term


def output(step: StepRecord, at: Index) -> Explanation:
    """An output by the slopes of backward: inputs times slopes, and what they leave over."""
    xp = array_module(step.output)
    one_hot = xp.zeros_like(step.output)
    one_hot[at] = 1
    check_backward(step)
    slopes = step.layer.backward(one_hot, step.saved)[0]                       # d output / d x, of the input's shape
    indices = np.argwhere(to_cpu(slopes != 0))
    slope = Factor("d y / d x[]", read(slopes, indices)[0], indices)
    products = Part("inputs times slopes", (factor("x[]", step.input, indices), slope))
    value = value_at(step.output, at)
    rest = Part("rest", (Factor("y minus the products", np.array([value - products.total])),))
    says = wording("unknown.output", layer=type(step.layer).__name__, inputs=len(indices))
    return explained(name_of_output(step, at), value, step.output.dtype, [products, rest], says)


def check_backward(step: StepRecord) -> None:
    """Raise ArgumentError unless backward gives anew what it gave, on the layer as it was before the pass.

    It does not where forward keeps on the layer what backward needs.
    """
    try:
        again = to_cpu(step.layer.backward(step.upstream, step.saved)[0])
        same = np.allclose(again, first := to_cpu(step.input_gradient), rtol=1e-3, equal_nan=True,
                           atol=1e-6 * float(np.nanmax(np.abs(first), initial=0)))
        how = "gives another gradient"
    except Exception as error:  # the pass went well: whatever it is, it comes from what forward has left on the layer
        same, how = False, f"fails ({type(error).__name__}: {error})"
    if not same:
        raise ArgumentError(f"{step.name}.explain: called again with the same dy and saved, its backward {how}; what "
                            "it needs of forward must be in `saved`, not on the layer (docs/design.md)")


def input_gradient(step: StepRecord, at: Index) -> Explanation:
    return by_outputs(step, "x", step.input_gradient, at, lambda dx, _: dx)


def param_gradient(step: StepRecord, name: str, at: Index) -> Explanation:
    path = next(path for path in flat(step.gradients) if ".".join(path) == name)  # which may have dots itself
    return by_outputs(step, name, flat(step.gradients)[path], at, lambda _, grads: flat(grads)[path])


def by_outputs(
    step: StepRecord, name: str, array: Array, at: Index, pick: Callable[[Array, Any], Array]
) -> Explanation:
    """A gradient as the sum over the outputs that had a part in it."""
    check_backward(step)
    xp = array_module(step.upstream)

    def through(outputs: np.ndarray, upstream: Array) -> float:
        """The gradient when only these outputs (flat indices) have an upstream gradient."""
        alone = xp.zeros(upstream.shape, dtype=upstream.dtype)  # in rows: reshape(-1) is a view of it
        where = xp.asarray(outputs)
        alone.reshape(-1)[where] = upstream.reshape(-1)[where]
        return value_at(pick(*step.layer.backward(alone, step.saved)), at)

    groups = outputs_with_a_part(through, random_like(step.upstream), step.upstream.size)
    shape = step.upstream.shape
    single = [group for group in groups if len(group) == 1]
    alone = np.array([group[0] for group in single], dtype=int)
    indices = np.stack(np.unravel_index(alone, shape), axis=-1).reshape(-1, len(shape))
    slopes = np.array([through(group, xp.ones_like(step.upstream)) for group in single])
    parts = [Part("outputs", (factor("dy[]", step.upstream, indices), Factor(f"d y[] / d {name}", slopes, indices)))]
    several, slack = [group for group in groups if len(group) > 1], 0.0
    if several:
        count = sum(map(len, several))
        # How large the terms are that add up unseen: with random signs their sum is about the root of their squares'.
        size = max(abs(through(np.concatenate(several), step.upstream * signs_like(step.upstream, seed)))
                   for seed in range(3))
        slack = 8 * float(np.finfo(array.dtype).eps) * math.sqrt(count) * size
        together = sum(through(group, step.upstream) for group in several)
        parts.append(Part("others", (Factor(f"{count} outputs together", np.array([together])),)))
    says = wording("unknown.gradient", layer=type(step.layer).__name__, name=name, outputs=len(single))
    return explanation(name_of_gradient(step, name, at), array, at, parts, says, slack=slack)


def outputs_with_a_part(
    through: Callable[[np.ndarray, Array], float], probe: Array, count: int
) -> list[np.ndarray]:
    """Return the outputs (flat indices) that the gradient depends on, each alone; at the limit of calls also groups.

    Halves the outputs again and again, and drops a half through which a random upstream gradient reaches nothing.
    """
    found, open_groups, calls = [], [np.arange(count)], 0
    while open_groups and calls < MOST_CALLS:
        group = open_groups.pop(0)
        calls += 1
        if through(group, probe) == 0:
            continue
        if len(group) == 1:
            found.append(group)
        else:
            open_groups += np.array_split(group, 2)
    return sorted(found, key=lambda group: group[0]) + open_groups


def signs_like(array: Array, seed: int) -> Array:
    xp = array_module(array)
    return xp.asarray(np.random.default_rng(seed).choice([-1, 1], array.shape).astype(array.dtype))


def random_like(array: Array) -> Array:
    xp = array_module(array)
    numbers = np.random.default_rng(0).uniform(0.5, 1.5, array.shape)
    return xp.asarray(numbers.astype(array.dtype))
