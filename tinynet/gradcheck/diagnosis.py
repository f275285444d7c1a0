"""What kind of mistake a wrong gradient looks like: it is measured entry by entry and compared with the usual ones."""
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..ops.arrays import Array
from .contract import Watched
from .finite_differences import Evaluations, Indices, entries, size_of
from .mistakes import MISTAKES
from .wrong_entries import Wrong, axis_names

WORK = 3_000_000  # numbers that measuring may cost, as in finite_differences.py
ENTRIES = 24, 512
MOST_FOR_WEIGHTS = 12  # entries that are compared with what other weights would give


def explain(
    name: str, array: Array, watched: Watched, passes: Evaluations, f: Any, generator: np.random.Generator
) -> str:
    """Return a sentence or two on a wrong gradient: the kind of mistake, where it can be told, and an example.

    Parameters
    ----------
    name : str
    array : array
        The input or the parameter; moved in place and put back.
    watched : Watched
        What backward gave for all of them: two may have been mixed up.
    passes : Evaluations
    f : Layer, Network or loss
        Its settings may be the wrong factor.
    generator : numpy.random.Generator
        Chooses the entries when there are too many to measure all.
    """
    count = min(ENTRIES[1], max(ENTRIES[0], WORK // (2 * passes.work)))
    wrong = Wrong(
        name, array, watched.gradient(name), axis_names(name, array, f), passes.output, passes.weights, settings_of(f),
        {"x": watched.dx, **watched.grads},
    )
    for index in entries(array.shape, count, generator):
        wrong.add(index, *contributions(array, index, passes))
    if not wrong.flat_indices or not wrong.differing().any():
        return "the gradient is wrong along random directions, but right at each entry that was measured on its own."
    found = next((sentence for mistake in MISTAKES if (sentence := mistake(wrong))), "")
    if not found and name == "x":
        found = through_other_weights(wrong, passes, watched.frozen.params)
    return f"{found or wrong.where()} {wrong.example()}"


def through_other_weights(wrong: Wrong, passes: Evaluations, params: dict[str, Any]) -> str:
    """Say so if the input's gradient is what a parameter turned, transposed or of one group gives; else ""."""
    some = wrong.differing().nonzero()[0][:MOST_FOR_WEIGHTS]
    step = 1e-5 * size_of(wrong.array)

    def slope(index: int) -> float:
        change = passes.moved(wrong.array, index, step) - passes.moved(wrong.array, index, -step)
        return float((change * passes.weights).sum()) / (2 * step)

    groups = int(wrong.settings.get("groups", 1))
    for name, array in params.items():
        for what, other in variants(array, groups) if isinstance(array, np.ndarray) else ():
            before = array.copy()
            array[...] = other
            slopes = np.array([slope(wrong.flat_indices[i]) for i in some])
            array[...] = before
            if wrong.equal(slopes, wrong.found[some]):
                return f"it is what {name} {what} would give."
    return ""


def variants(array: Array, groups: int) -> Iterator[tuple[str, Array]]:
    """Yield a parameter in the forms that are often mistaken for it, with words for each."""
    if array.ndim == 2 and array.shape[0] == array.shape[1]:
        yield "transposed", array.T.copy()
    if array.ndim == 4:
        yield "with its windows rotated by 180 degrees", array[::-1, ::-1].copy()
        for a, b in ((0, 1), (2, 3)):
            if array.shape[a] == array.shape[b] > 1:
                yield f"with axes {a} and {b} swapped", array.swapaxes(a, b).copy()
        if groups > 1 and array.shape[-1] % groups == 0:
            own = np.split(array, groups, axis=-1)
            yield "with the first group's filters in every group", np.concatenate([own[0]] * groups, axis=-1)
            yield "with its groups in reverse order", np.concatenate(own[::-1], axis=-1)


def contributions(array: Array, index: Indices, passes: Evaluations) -> tuple[Array, Array, bool]:
    """Return what an entry's gradient is a sum of, by output; the same for dy of ones; and whether there is a kink."""
    step, after = passes.first_step(array, index, 1.0, 1e-5 * size_of(array))
    before = passes.moved(array, index, -step)
    slope = (after - before) / (2 * step)
    parts = slope * passes.weights
    bend = np.abs((after - 2 * passes.output + before) * passes.weights).sum() / step
    return parts, slope, bool(bend > 1e-3 * np.abs(parts).sum() + 1e-9)


def settings_of(f: Any) -> dict[str, float]:
    """Return the numbers among a layer's attributes."""
    numbers = {key: value for key, value in getattr(f, "__dict__", {}).items() if isinstance(value, int | float)}
    return {key: float(value) for key, value in numbers.items() if not isinstance(value, bool)}
