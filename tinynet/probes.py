"""Probes of one array's gradient: the slope of the loss along a direction, from backward and from forward."""
from collections.abc import Callable

import numpy as np

from .gradient_report import Row
from .layer import Array

TOLERANCE = 1e-6  # relative; a right backward pass stays below 1e-8, a wrong one is rarely below 1e-3
STEPS = (1e-5, 1e-7)  # times the size of the numbers: two, so that a kink between them shows
DIRECTIONS = 3  # random directions over all entries of an array
ENTRIES = 8  # single entries of an array
ATTEMPTS = 6  # probes drawn anew when one meets a kink


def probe_array(
    name: str, array: Array, gradient: Array, forward: Callable[[], Array], upstream: Array,
    generator: np.random.Generator,
) -> Row:
    """Probe one array, which is changed in place and put back, and return its worst probe."""
    probe = _Probe(name, array, gradient, forward, upstream)
    rows = []
    for number in range(DIRECTIONS + min(ENTRIES, array.size)):
        for _ in range(ATTEMPTS):
            if number < DIRECTIONS:
                direction = generator.standard_normal(array.shape)
            else:
                direction = np.zeros(array.shape)
                direction.flat[generator.integers(array.size)] = 1
            rows.append(probe(direction))
            if rows[-1].verdict != "kink":
                break
    smooth = [row for row in rows if row.verdict != "kink"] or rows
    return max(smooth, key=lambda row: (row.verdict == "wrong", row.relative_error))


class _Probe:
    """Compares the slope of the loss along a direction, from backward and from forward."""

    def __init__(
        self, name: str, array: Array, gradient: Array, forward: Callable[[], Array], upstream: Array
    ) -> None:
        self.name, self.array, self.gradient, self.forward, self.upstream = name, array, gradient, forward, upstream
        self.original = array.copy()
        self.output = forward().copy()  # a layer may return a view of its input, which the probes change
        self.typical = float(np.sqrt(np.mean(gradient**2)))  # a single entry may have next to no gradient
        self.noise = float(np.finfo(np.float64).eps * np.abs(self.output * upstream).sum())  # rounding in a loss

    def __call__(self, direction: Array) -> Row:
        analytic = float((self.gradient * direction).sum())
        unit = self.unit(direction)
        slopes: list[float] = []
        best: Row | None = None
        for step in STEPS:
            h = step * unit
            after, before = self.loss(h, direction), self.loss(-h, direction)
            numeric = (after - before) / (2 * h)
            slopes.append(numeric)
            size = max(abs(analytic), abs(numeric), self.typical if np.count_nonzero(direction) == 1 else 0, 1e-300)
            error = abs(analytic - numeric)
            if error <= TOLERANCE * size + 4 * self.noise / h:
                return Row(self.name, analytic, numeric, error / size, "right")
            bend = abs(after - 2 * float((self.output * self.upstream).sum()) + before) / h
            kink = bend > 1e-3 * size + 8 * self.noise / h  # the slope just before differs from the slope just after
            if best is None or error / size < best.relative_error:
                best = Row(self.name, analytic, numeric, error / size, "kink" if kink else "wrong")
        assert best is not None
        apart = abs(slopes[0] - slopes[1]) > 1e-4 * max(map(abs, slopes)) + 8 * self.noise / (STEPS[1] * unit)
        return best._replace(verdict="kink") if apart else best

    def loss(self, step: float, direction: Array) -> float:
        """The loss at so many steps along the direction."""
        return float((self.moved(step, direction) * self.upstream).sum())

    def moved(self, step: float, direction: Array) -> Array:
        """The output at so many steps along the direction."""
        self.array[...] = self.original + step * direction
        output = self.forward().copy()
        self.array[...] = self.original
        return output

    def unit(self, direction: Array) -> float:
        """The length along the direction that would change the output about as much as it is large."""
        trial = 1e-6 * float(np.sqrt(np.mean(self.original**2)) or 1)
        change = float(np.abs(self.moved(trial, direction) - self.output).max())
        size = float(np.abs(self.output).max())
        return trial * size / change if change and size else 1e6 * trial
