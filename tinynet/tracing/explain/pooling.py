"""Pooling: the winner of a window or its mean, and where the gradient goes."""
from typing import Any

import numpy as np

from ...ops import window as sliding
from ..records import StepRecord
from .explanation import Explanation
from .reading import (
    Index,
    constant,
    corner,
    explanation,
    factor,
    grid,
    name_of_gradient,
    name_of_output,
    seen_by,
    windows_over,
)
from .terms import Factor, Part, SeenWindow
from .texts import text, wording


def seen(step: StepRecord, window: sliding.Window, n: int, i: int, j: int, c: int) -> Factor:
    """Return what window (i, j) sees, row by row."""
    top, left = corner(window, i, j)
    kh, kw = window.kernel
    return factor("x[]", step.input, grid(n, range(top, top + kh), range(left, left + kw), c))


def window_of(step: StepRecord, at: Index) -> SeenWindow:
    """Return the window on its own channel of the image."""
    n, i, j, c = at
    return seen_by(step, n, i, j, slice(c, c + 1))


def winner(x: Factor) -> int:
    """Return which number wins: the first, row by row, that is the largest; -1 where nan leaves no winner."""
    assert x.inside is not None
    inside = np.flatnonzero(x.inside)
    values = x.values[inside]
    return -1 if np.isnan(values).any() else int(inside[values.argmax()])


class Max:
    """Max-pooling."""

    @staticmethod
    def output(step: StepRecord, at: Index) -> Explanation:
        layer: Any = step.layer
        x = seen(step, layer.window, *at)
        assert x.inside is not None
        first = winner(x)
        wins = (np.arange(len(x.values)) == first).astype(float)
        factors = (x, Factor("wins", wins, x.indices))
        part = Part("window", factors, layer.window.kernel, ("row", "column"), notes_of(x, first), selects=first >= 0)
        says = wording("MaxPool2d.output", "nan") if first < 0 else wording(
            "MaxPool2d.output", count=int(x.inside.sum()), winner=x.text(first)
        )
        return explanation(name_of_output(step, at), step.output, at, [part], says, seen=window_of(step, at))

    @staticmethod
    def input_gradient(step: StepRecord, at: Index) -> Explanation:
        layer: Any = step.layer
        n, h, w, c = at
        rows, across = windows_over(layer.window, step.input.shape[1:3], (h, w))
        uses = grid(n, rows, across, c)
        winners = []                                                       # what won in each window
        for _, i, j, _ in uses:
            x = seen(step, layer.window, n, int(i), int(j), c)
            winners.append("" if winner(x) < 0 else x.text(winner(x)))
        here = f"x[{n}, {h}, {w}, {c}]"
        wins = np.array([float(one == here) for one in winners])
        notes = [
            text("note", "won") if one == here else text("note", "lost", winner=one) if one else text("note", "nan")
            for one in winners
        ]
        factors = (factor("dy[]", step.upstream, uses), Factor("won", wins, uses))
        part = Part("windows", factors, (len(rows), len(across)), ("row", "column"), notes)
        says = wording("MaxPool2d.x", windows=len(uses), won=int(wins.sum()))
        return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], says)


def notes_of(x: Factor, first: int) -> list[str]:
    """Return a remark for each number of a window: whether it won, was equal but later, or lies outside."""
    assert x.inside is not None
    equal = x.inside & (x.values == x.values[first]) & (first >= 0)  # -1: a nan, and nothing won
    return [
        text("note", "winner") if k == first else text("note", "outside") if not inside
        else text("note", "later") if tie else "" for k, (inside, tie) in enumerate(zip(x.inside, equal, strict=True))
    ]


class Average:
    """Average pooling."""

    @staticmethod
    def output(step: StepRecord, at: Index) -> Explanation:
        layer: Any = step.layer
        x = seen(step, layer.window, *at)
        cells = layer.window.cells(step.input.shape[1:3])[at[1:3]]
        share = constant(f"1 / {cells}", 1 / cells, len(x.values))
        part = Part("window", (x, share), layer.window.kernel, ("row", "column"))
        says = wording("AvgPool2d.output", count=cells)
        return explanation(name_of_output(step, at), step.output, at, [part], says, seen=window_of(step, at))

    @staticmethod
    def input_gradient(step: StepRecord, at: Index) -> Explanation:
        layer: Any = step.layer
        n, h, w, c = at
        size = step.input.shape[1:3]
        rows, across = windows_over(layer.window, size, (h, w))
        uses = grid(n, rows, across, c)
        share = Factor("share[]", 1 / layer.window.cells(size)[tuple(uses[:, 1:3].T)], uses[:, 1:3])
        factors = (factor("dy[]", step.upstream, uses), share)
        part = Part("windows", factors, (len(rows), len(across)), ("row", "column"))
        says = wording("AvgPool2d.x", windows=len(uses))
        return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], says)
