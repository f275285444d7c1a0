"""Probes of one array's gradient: the slope of the loss along a direction, from backward and from forward."""
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from ..ops.arrays import Array
from .report import UNDECIDED, GradientRow, empty_row

EPS = float(np.finfo(np.float64).eps)
TOLERANCE = 1e-6  # relative; a right backward pass stays below 1e-8, a wrong one is rarely below 1e-3
CHANGE = 1e-5  # relative; by how much the first step should change the output
STEPS = (1.0, 1e-2, 1e-3, 1e-4)  # times the first step; most probes need the first alone
SMALLEST_STEP = 1e-100
LARGEST_STEP = 10  # times the size of the numbers that are moved
DIRECTIONS = 2  # random directions over all entries of an array
ATTEMPTS = 4  # probes drawn when one meets a kink
WORK = 500_000  # numbers that the single entries of an array may cost, counting one pass as what it reads and writes
ENTRIES = 8, 64  # single entries, however large or small a pass is

Indices = Array | slice | int  # into the flattened array


class Evaluations:
    """Outputs of forward while one array is moved; the array is put back after each.

    Parameters
    ----------
    forward : callable
        Gives the output for the arrays as they are.
    output : array
        What it gives where nothing is moved.
    weights : array
        The upstream gradient: the loss is the sum of weights * output.
    rounding : array
        How far each output may be off, since float64 has 16 digits.
    work : int
        How many numbers a pass reads and writes, about.
    """

    def __init__(
        self, forward: Callable[[], Array], output: Array, weights: Array, rounding: Array, work: int
    ) -> None:
        self.forward, self.output, self.weights, self.rounding, self.work = forward, output, weights, rounding, work
        but_channels = tuple(range(output.ndim - 1))  # all axes but the last; none of a loss
        by_channel = np.abs(output).max(axis=but_channels, keepdims=True) if output.ndim else np.abs(output)
        self.size = by_channel + 1e-3 * np.abs(output).max() + 1e-300

    def moved(
        self, array: Array, indices: Indices, steps: Array | float, evaluate: Callable[[], Array] | None = None
    ) -> Array:
        """Return the output, or what `evaluate` gives, with `steps` added to the array at flat `indices`."""
        numbers = array.reshape(-1)  # the same memory
        before = np.array(numbers[indices])
        numbers[indices] = before + steps
        output = (evaluate or self.forward)()
        numbers[indices] = before
        return output

    def first_step(self, array: Array, indices: Indices, values: Array | float, guess: float) -> tuple[float, Array]:
        """Return a step that changes the output by about CHANGE of itself, and the output there."""
        most = LARGEST_STEP * size_of(array)
        step = min(guess, most)
        for _ in range(4):
            after = self.moved(array, indices, step * values)
            change = float((np.abs(after - self.output) / self.size).max())
            enough = 0.03 * CHANGE <= change or step >= most
            if not np.isfinite(change) or (enough and change <= 30 * CHANGE):
                break
            step = min(most, step * CHANGE / change if change > 1e-14 else 1e3 * step)
            step = max(step, SMALLEST_STEP)  # where an output of zeros jumps, no step would be small enough
        else:
            after = self.moved(array, indices, step * values)
        return step, after


class ArrayProbes:
    """Compares the slopes of the loss along directions, from backward and from forward, for one array.

    `again` calls backward for the arrays as they are at that moment: where its gradient jumps, there is a kink.
    """

    def __init__(
        self, name: str, array: Array, gradient: Array, evaluations: Evaluations, again: Callable[[], Array]
    ) -> None:
        self.name, self.array, self.gradient, self.evaluations = name, array, gradient, evaluations
        self.again = again
        self.typical = float(np.sqrt(np.mean(gradient**2)))  # a single entry may have next to no gradient
        self.last_step = self.usual_step = CHANGE * size_of(array)

    def along(self, indices: Indices, values: Array | float) -> GradientRow:
        """Probe the direction that has `values` at flat `indices` and 0 elsewhere.

        The slope from forward is a central difference. If it is not the one from backward, smaller steps follow. Two
        that agree on another slope, which neither rounding nor a kink explains, prove backward wrong.
        """
        e = self.evaluations
        parts = self.gradient.reshape(-1)[indices] * values
        analytic = float(np.sum(parts))
        # What a sum that happens to cancel, and an entry with next to no gradient, are compared with.
        floor = max(0.1 * float(np.sqrt(np.sum(parts**2))), self.typical if np.ndim(values) == 0 else 0, 1e-300)
        first, after = e.first_step(self.array, indices, values, self.last_step)
        self.last_step = first
        reached = np.zeros(e.output.shape, dtype=bool)
        slopes: list[float] = []
        best: GradientRow | None = None
        uncertain = e.rounding * np.abs(e.weights)
        largest = (first, self.usual_step)  # here rounding matters least: a difference that it explains passes
        for step in self.steps(first):
            after = after if step == first else e.moved(self.array, indices, step * values)
            before = e.moved(self.array, indices, -step * values)
            moved = after - before
            if not np.isfinite(moved).all():
                continue
            if not moved.any() and analytic and abs(analytic) * step < 1e-15 * (1 + size_of(self.array)):
                continue  # a step too small to show in float64
            reached |= moved != 0
            numeric = float((moved * e.weights).sum()) / (2 * step)
            size = max(abs(analytic), abs(numeric), floor)
            error = abs(analytic - numeric)
            # Where nothing moves, backward may round too, as a saturated softmax does; but not by a constant's digits.
            others = np.where(reached, uncertain, np.minimum(uncertain, EPS * np.abs(e.weights)))
            noise = 4 * float((uncertain[reached] if reached.any() else uncertain).sum()) / step
            noise += 4 * float(others.sum()) / size_of(self.array)
            row = GradientRow(self.name, analytic, numeric, error / size, "right")
            if error <= TOLERANCE * size + noise and (noise < 1e-2 * size or step in largest):
                return row
            bend = float((np.abs(after - 2 * e.output + before) * np.abs(e.weights)).sum()) / step
            certain = error > max(3 * noise, bend) and any(abs(numeric - slope) < 0.1 * error for slope in slopes)
            if certain:
                return row._replace(verdict="wrong")
            slopes.append(numeric)
            if best is None or row.relative_error < best.relative_error:
                best = row
        return best._replace(verdict="kink") if best else empty_row(self.name, "unmeasured")

    def away_from_kinks(self, indices: Indices, values: Array | float) -> GradientRow:
        """Probe a direction as `along` does. An alarm where backward itself jumps is a kink that `along` did not see.

        relu(x) - relu(-x) has such a kink at x = 0: its slope is 1, and backward gives 0.
        """
        row = self.along(indices, values)
        if row.verdict == "wrong":
            error = abs(row.analytic - row.numeric)
            for step in (1e-2 * self.last_step, -1e-2 * self.last_step):
                gradient = self.evaluations.moved(self.array, indices, step * values, self.again)
                if not abs(float(np.sum(gradient.reshape(-1)[indices] * values)) - row.analytic) < 0.1 * error:
                    return row._replace(verdict="kink")
        return row

    def steps(self, first: float) -> Iterator[float]:
        """Yield smaller and smaller steps; the first are too large where the output hardly changes and is curved."""
        yield from (first * part for part in STEPS)
        if self.usual_step < 1e-3 * first:
            yield from (self.usual_step * part for part in STEPS[:3])


def probe_array(
    name: str, array: Array, gradient: Array, evaluations: Evaluations, again: Callable[[], Array],
    generator: np.random.Generator,
) -> GradientRow:
    """Probe one array, which is changed in place and put back, and return its worst probe."""
    probes = ArrayProbes(name, array, gradient, evaluations, again)
    chosen = entries(array.shape, min(ENTRIES[1], max(ENTRIES[0], WORK // evaluations.work)), generator)
    rows = []
    for draw in directions(array.shape, len(chosen) < array.size):
        for _ in range(ATTEMPTS):
            rows.append(probes.away_from_kinks(*draw(generator)))
            if rows[-1].verdict not in UNDECIDED:
                break
    for index in chosen:
        rows.append(probes.away_from_kinks(index, 1.0))
        for _ in range(ATTEMPTS - 1 if len(chosen) < array.size else 0):
            if rows[-1].verdict not in UNDECIDED:
                break
            rows.append(probes.away_from_kinks(int(generator.integers(array.size)), 1.0))
    known = [row for row in rows if row.verdict not in UNDECIDED]
    decided = known or [row for row in rows if row.verdict == "kink"] or rows
    tied = equals_together(array, generator)
    if tied is not None:  # equal numbers have a slope only where they move together
        row = probes.away_from_kinks(slice(None), tied)
        decided += [row] if row.verdict == "wrong" else []
    return max(decided, key=lambda row: (row.verdict == "wrong", row.relative_error))


def directions(
    shape: tuple[int, ...], edges: bool
) -> Iterator[Callable[[np.random.Generator], tuple[Indices, Array]]]:
    """Yield functions that draw a direction: over all entries, and over those first and last along each axis."""
    size = int(np.prod(shape))
    for _ in range(DIRECTIONS):
        yield partial(direction_at, slice(None), size)
    if edges:
        numbers = np.arange(size).reshape(shape)
        for axis, length in enumerate(shape):
            for index in (0, length - 1) if length > 1 else ():
                edge = np.take(numbers, index, axis=axis).reshape(-1)
                yield partial(direction_at, edge, edge.size)


def direction_at(indices: Indices, count: int, generator: np.random.Generator) -> tuple[Indices, Array]:
    """Draw a direction over these entries."""
    return indices, generator.standard_normal(count)


def entries(shape: tuple[int, ...], count: int, generator: np.random.Generator) -> list[int]:
    """Return flat indices of entries to look at one by one: all if they are few, else corners, edges and others.

    A window that is off by one, padding cropped on one side and a group's wrong slice show at the first and last
    indices of an axis.
    """
    size = int(np.prod(shape))
    if size <= count:
        return list(range(size))
    chosen = {0: None, size - 1: None}
    for axis, length in enumerate(shape):
        for index in (0, length - 1):
            entry = [int(generator.integers(n)) for n in shape]
            entry[axis] = index
            chosen[int(np.ravel_multi_index(entry, shape))] = None
    kept = list(chosen)[: max(2, count - count // 4)]
    return list(dict.fromkeys(kept + [int(i) for i in generator.integers(size, size=count - len(kept))]))


def equals_together(array: Array, generator: np.random.Generator) -> Array | None:
    """Return a direction in which equal numbers move alike and zeros stay (ties stay ties); None without ties."""
    levels, level = np.unique(array, return_inverse=True)
    if len(levels) == array.size:
        return None
    values = np.where(levels == 0, 0.0, generator.standard_normal(len(levels)))
    return values[level.reshape(-1)] if values.any() else None


def size_of(array: Array) -> float:
    """The root mean square; 1 for zeros."""
    return float(np.sqrt(np.mean(array**2))) or 1.0
