"""Pooling: the winner of a window or its mean, and the gradient's way back to it."""
from typing import Any

import numpy as np

from ...ops import window as sliding
from ..records import StepRecord
from .explanation import Explanation
from .reading import (
    Place,
    constant,
    corner,
    count_of,
    explanation,
    factor,
    grid,
    name_of_gradient,
    name_of_output,
    seen_by,
    windows_over,
)
from .terms import Factor, Part, Window


def seen(step: StepRecord, window: sliding.Window, n: int, i: int, j: int, c: int) -> Factor:
    """Return what window (i, j) sees, row by row."""
    top, left = corner(window, i, j)
    kh, kw = window.kernel
    return factor("x[]", step.input, grid(n, range(top, top + kh), range(left, left + kw), c))


def window_of(step: StepRecord, at: Place) -> Window:
    """Return the window on its own channel of the image."""
    n, i, j, c = at
    return seen_by(step, n, i, j, slice(c, c + 1))


def winner(x: Factor) -> int:
    """Return which place wins: the first, row by row, that has the largest value; -1 where nan leaves no winner."""
    assert x.inside is not None
    values = np.where(x.inside, x.values, -np.inf)
    return -1 if np.isnan(values).any() else int(values.argmax())


class Max:
    """Max-pooling."""

    @staticmethod
    def output(step: StepRecord, at: Place) -> Explanation:
        layer: Any = step.layer
        x = seen(step, layer.window, *at)
        first = winner(x)
        wins = (np.arange(len(x.values)) == first).astype(float)
        factors = (x, Factor("wins", wins, x.places))
        part = Part("window", factors, layer.window.kernel, ("row", "column"), notes_of(x, first))
        count = count_of(sum(not note.startswith("outside") for note in notes_of(x, first)), "place")
        reason = f"The largest of the {count} under the window is {x.text(first)}."
        if first < 0:
            reason = "There is nan under the window, which makes its maximum nan."
        formula = "y[n, i, j, c] = the largest x[n, :, :, c] under the window at (i, j)"
        return explanation(name_of_output(step, at), step.output, at, [part], formula, reason, seen=window_of(step, at))

    @staticmethod
    def input_gradient(step: StepRecord, at: Place) -> Explanation:
        layer: Any = step.layer
        n, h, w, c = at
        rows, across = windows_over(layer.window, step.input.shape[1:3], (h, w))
        uses = grid(n, rows, across, c)
        winners = []                                                       # the place that won in each window
        for _, i, j, _ in uses:
            x = seen(step, layer.window, n, int(i), int(j), c)
            winners.append("" if winner(x) < 0 else x.text(winner(x)))
        here = f"x[{n}, {h}, {w}, {c}]"
        wins = np.array([float(place == here) for place in winners])
        notes = ["won" if place == here else f"the winner was {place}" if place else "no winner" for place in winners]
        factors = (factor("dy[]", step.upstream, uses), Factor("won", wins, uses))
        part = Part("windows", factors, (len(rows), len(across)), ("row", "column"), notes)
        reason = (
            f"The place lay in {count_of(len(uses), 'window')} and won in {int(wins.sum())}: the whole upstream "
            "gradient of a window goes to its winner, the others get nothing."
        )
        formula = "dx[n, h, w, c] = sum of dy[n, i, j, c] over the windows (i, j) in which it was the (first) largest"
        return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], formula, reason)


def notes_of(x: Factor, first: int) -> list[str]:
    """Return a remark for each place of a window: whether it won, was equal but later, or lies outside."""
    assert x.inside is not None
    equal = x.inside & (x.values == x.values[first])
    return [
        "the winner" if k == first else "outside the image" if not inside
        else "as large, but later" if tie else "" for k, (inside, tie) in enumerate(zip(x.inside, equal, strict=True))
    ]


class Average:
    """Average pooling."""

    @staticmethod
    def output(step: StepRecord, at: Place) -> Explanation:
        layer: Any = step.layer
        x = seen(step, layer.window, *at)
        cells = layer.window.cells(step.input.shape[1:3])[at[1:3]]
        share = constant(f"1 / {cells}", 1 / cells, len(x.values))
        part = Part("window", (x, share), layer.window.kernel, ("row", "column"))
        reason = f"The mean over {count_of(cells, 'place')} under the window, zeros of the padding counted."
        formula = "y[n, i, j, c] = the mean of x[n, :, :, c] under the window at (i, j)"
        return explanation(name_of_output(step, at), step.output, at, [part], formula, reason, seen=window_of(step, at))

    @staticmethod
    def input_gradient(step: StepRecord, at: Place) -> Explanation:
        layer: Any = step.layer
        n, h, w, c = at
        size = step.input.shape[1:3]
        rows, across = windows_over(layer.window, size, (h, w))
        uses = grid(n, rows, across, c)
        share = Factor("share[]", 1 / layer.window.cells(size)[tuple(uses[:, 1:3].T)], uses[:, 1:3])
        factors = (factor("dy[]", step.upstream, uses), share)
        part = Part("windows", factors, (len(rows), len(across)), ("row", "column"))
        reason = (
            f"The place lay in {count_of(len(uses), 'window')}: each sends back its upstream gradient divided by the "
            "number of places in its mean."
        )
        formula = "dx[n, h, w, c] = sum over the windows (i, j) that see it of dy[n, i, j, c] / places in the window"
        return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], formula, reason)
