"""What kind of mistake a wrong gradient looks like: measured entry by entry, and compared with the usual ones."""
from typing import Any

import numpy as np

from .contract import Watched
from .layer import Array
from .mistakes import MISTAKES
from .probes import Evaluations, Places, entries, size_of
from .wrong_entries import Wrong, axis_names

WORK = 3_000_000  # numbers that measuring may cost, as in probes.py
ENTRIES = 24, 512


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
    shape, others = passes.output.shape, {"x": watched.dx, **watched.grads}
    wrong = Wrong(name, array, watched.gradient(name), axis_names(name, array, f), shape, settings_of(f), others)
    for place in entries(array.shape, count, generator):
        wrong.add(place, *contributions(array, place, passes))
    if not wrong.differing().any():
        return "the gradient is wrong along random directions, though not at any entry looked at on its own."
    found = next((sentence for mistake in MISTAKES if (sentence := mistake(wrong))), wrong.where())
    return f"{found} {wrong.example()}"


def contributions(array: Array, place: Places, passes: Evaluations) -> tuple[Array, Array, bool]:
    """Return what an entry's gradient is a sum of, by output; the same for dy of ones; and whether there is a kink."""
    step, after = passes.first_step(array, place, 1.0, 1e-5 * size_of(array))
    before = passes.moved(array, place, -step)
    slope = (after - before) / (2 * step)
    parts = slope * passes.weights
    bend = np.abs((after - 2 * passes.output + before) * passes.weights).sum() / step
    return parts, slope, bool(bend > 1e-3 * np.abs(parts).sum() + 1e-9)


def settings_of(f: Any) -> dict[str, float]:
    """The numbers among a layer's attributes."""
    numbers = {key: value for key, value in getattr(f, "__dict__", {}).items() if isinstance(value, int | float)}
    return {key: float(value) for key, value in numbers.items() if not isinstance(value, bool)}
