"""The entries of a wrong gradient that were measured one by one, and words for where they are."""
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.arrays import Array
from .snapshots import index_text

CLOSE = 1e-5  # times the largest: numbers no further apart count as equal in a diagnosis


class Wrong:
    """A gradient from backward beside one that was measured, at some entries.

    Attributes
    ----------
    name, array : str, array
        The input or the parameter.
    gradient : array
        All of what backward gives for it.
    axes : tuple of str
        What an index along each axis counts.
    output, upstream : array
    settings : dict of str to float
        Of the layer.
    others : dict of str to array
        All gradients from backward.
    flat_indices : list of int
        The entries that were measured, as indices into the flattened array.
    first_position, last_position : list of float
        For each entry: what comes from the first, or last, position of each image alone.
    parts : list of array
        For each entry: what it is a sum of, by image and position of the output.
    """

    def __init__(
        self, name: str, array: Array, gradient: Array, axes: tuple[str, ...], output: Array, upstream: Array,
        settings: dict[str, float], others: dict[str, Array],
    ) -> None:
        self.name, self.array, self.gradient, self.axes = name, array, gradient, axes
        self.output, self.upstream, self.settings, self.others = output, upstream, settings, others
        self.flat_indices: list[int] = []
        self._right: list[float] = []
        self._for_ones: list[float] = []
        self._along: list[list[Array]] = [[] for _ in output.shape]
        self.first_position: list[float] = []
        self.last_position: list[float] = []
        self.parts: list[Array] = []

    def add(self, index: int, contributions: Array, slopes: Array, kink: bool) -> None:
        """Add one entry, given what its gradient is a sum of; one at a kink is left out."""
        if kink or not np.isfinite(contributions).all():
            return
        self.flat_indices.append(index)
        self._right.append(float(contributions.sum()))
        self._for_ones.append(float(slopes.sum()))
        for axis, sums in enumerate(self._along):
            sums.append(contributions.sum(axis=tuple(i for i in range(contributions.ndim) if i != axis)))
        if contributions.ndim == 4:
            self.first_position.append(float(contributions[:, 0, 0].sum()))
            self.last_position.append(float(contributions[:, -1, -1].sum()))
        by_position = contributions.sum(axis=-1).reshape(-1) if contributions.ndim > 2 else contributions.reshape(-1)
        self.parts.append(by_position[np.abs(by_position) > 1e-6 * np.abs(by_position).max(initial=0)])

    @property
    def right(self) -> Array:
        """The measured gradient at the entries."""
        return np.array(self._right)

    @property
    def found(self) -> Array:
        """What backward gives there."""
        return self.at(self.gradient)

    @property
    def for_ones(self) -> Array:
        """The measured gradient for an upstream gradient of ones."""
        return np.array(self._for_ones)

    def along(self, axis: int) -> Array:
        """The part of each index along an axis of the output in the measured gradient: (entries, length)."""
        return np.array(self._along[axis])

    def at(self, full: Array) -> Array:
        """Return the entries of an array of the gradient's size."""
        return full.reshape(-1)[self.flat_indices]

    def indices(self) -> Array:
        """The entries' indices: (entries, axes)."""
        if not self.array.ndim:  # a single number has none
            return np.zeros((len(self.flat_indices), 0), dtype=int)
        return np.stack(np.unravel_index(self.flat_indices, self.array.shape), axis=-1)

    def limit(self) -> float:
        """How far apart two numbers may be and still count as equal."""
        off = np.abs(self.found - self.right).max(initial=0)  # an explanation must be much closer than what is wrong
        return min(CLOSE * float(np.abs(self.right).max(initial=0)), 0.01 * float(off)) + 1e-300

    def equal(self, a: Array, b: Array) -> bool:
        """Whether two gradients at the entries are the same, and not just zeros."""
        return bool((np.abs(a - b) <= self.limit()).all() and np.abs(a).max(initial=0) > 0)

    def differing(self) -> Array:
        """Which entries are wrong."""
        size = np.maximum(np.abs(self.right), 1e-2 * np.sqrt(np.mean(self.right**2)))
        return np.abs(self.found - self.right) > 1e-5 * size

    def example(self) -> str:
        """Show the entry that is off by most."""
        worst = int(np.argmax(np.abs(self.found - self.right)))
        found, right = self.found[worst], self.right[worst]
        where = f"{self.name}{index_text(self.indices()[worst])}"
        return f"For example {where}: backward {found:+.6g}, differences {right:+.6g}."

    def where(self) -> str:
        """Say at which entries it is wrong, by the indices along each axis."""
        bad = self.differing()
        if len(bad) == 1:
            return "the gradient is wrong."
        count = f"{int(bad.sum())} of {len(bad)} entries" + ("" if len(bad) == self.array.size else " looked at")
        if bad.all():
            return f"wrong in all {len(bad)} entries{'' if len(bad) == self.array.size else ' looked at'}, " \
                   "in no simple pattern."
        there = self.only_at(bad)
        if there:
            return f"wrong at {there} ({count}), right elsewhere."
        some = ", ".join(str(tuple(map(int, index))) for index in self.indices()[bad][:4])
        return f"wrong in {count}, in no simple pattern: {some}{' and others' if bad.sum() > 4 else ''}."

    def only_at(self, bad: Array) -> str:
        """Name the indices along one axis, or the border, that have all the bad entries and no other; else ""."""
        index, shape = self.indices(), self.array.shape
        for axis, what in enumerate(self.axes):
            inside, outside = set(index[bad, axis]), set(index[~bad, axis])
            if inside and not inside & outside and len(inside | outside) > 1:
                return f"{what} {listed(sorted(map(int, inside)))} of {shape[axis]}"
        edge = np.zeros(len(bad), dtype=bool)
        for axis in (1, 2) if len(shape) == 4 else ():
            edge |= (index[:, axis] == 0) | (index[:, axis] == shape[axis] - 1)
        if edge.any() and not edge.all() and not (bad & ~edge).any():
            return "the border of the images"
        return ""


def listed(numbers: Sequence[int]) -> str:
    """Write 0, 1 and 2; more numbers in a row as 0 to 9."""
    if len(numbers) > 3 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    shown = [str(number) for number in numbers[:8]] + (["others"] if len(numbers) > 8 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def axis_names(name: str, array: Array, f: Any) -> tuple[str, ...]:
    """Say what an index along each axis counts."""
    last = name.split(".")[-1]
    if name == "x":
        known = {4: ("image", "row", "column", "channel"), 2: ("image", "feature")}
    elif last == "w" and hasattr(f, "kernel_size") and not hasattr(f, "input_size"):
        known = {4: ("row of the window", "column of the window", "channel", "filter")}
    else:
        known = {1: ("entry",), 2: ("row", "column")}
    return known.get(array.ndim, tuple(f"axis {i}, index" for i in range(array.ndim)))
