"""What an explanation consists of: the terms that were added, each a product of factors, and the number they make."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from . import show


class Term(NamedTuple):
    """One number that was added.

    Attributes
    ----------
    part : str
        Which part of the sum it belongs to: "window", "bias", "through the mean".
    factors : tuple of (str, float)
        What was multiplied, each with the place it came from: (("x[0, 20, 28, 2]", 0.5), ("w[0, 0, 2, 3]", -0.1)).
    value : float
        Their product.
    note : str
        "outside the image" for padding, and the like; mostly empty.
    """

    part: str
    factors: tuple[tuple[str, float], ...]
    value: float
    note: str


class Window(NamedTuple):
    """Where a window lies on an image, perhaps reaching past its edges.

    Attributes
    ----------
    image : array (H, W, C)
        The channels that were looked at.
    top, left, height, width : int
    """

    image: np.ndarray
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class Factor:
    """The same factor of all T terms of a part.

    Attributes
    ----------
    name : str
        "x[]", where the place goes between the brackets, also inside a formula: "scale[]**-0.75"; or a constant, "1/N".
    values : array (T,)
    places : array of int (T, axes) or None
        Where in the array each value was; None for a constant.
    inside : array of bool (T,) or None
        False where the place is outside the image, in the padding.
    """

    name: str
    values: np.ndarray
    places: np.ndarray | None = None
    inside: np.ndarray | None = None

    def text(self, index: int) -> str:
        """The factor's name in one term, with its place."""
        place = "" if self.places is None else ", ".join(map(str, self.places[index]))
        return self.name.replace("[]", f"[{place}]")


@dataclass(frozen=True, eq=False)
class Part:
    """Terms of one kind.

    Attributes
    ----------
    name : str
    factors : tuple of Factor
    shape : tuple of int
        What the T terms are when laid out, (KH, KW, C) for a window: `part.values.reshape(part.shape)`.
    axes : tuple of str
        What the axes of that shape are: ("row", "column", "channel"), or ("image", "row", "column").
    notes : sequence of str
        One for each term, or nothing.
    """

    name: str
    factors: tuple[Factor, ...]
    shape: tuple[int, ...] = ()
    axes: tuple[str, ...] = ()
    notes: Sequence[str] = ()

    @cached_property
    def values(self) -> np.ndarray:
        """The products of the factors, (T,)."""
        return np.prod([factor.values for factor in self.factors], axis=0)

    @property
    def total(self) -> float:
        """The sum of the part's terms."""
        return float(self.values.sum())

    def term(self, index: int) -> Term:
        """Return one term."""
        factors = tuple((factor.text(index), float(factor.values[index])) for factor in self.factors)
        outside = any(factor.inside is not None and not factor.inside[index] for factor in self.factors)
        note = self.notes[index] if self.notes else "outside the image" if outside else ""
        return Term(self.name, factors, float(self.values[index]), note)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where one number of an array came from; `print` it, or let a notebook show it.

    Attributes
    ----------
    what : str
        The number: "conv1.output[0, 5, 7, 3]", "d loss / d conv1.w[2, 2, 0, 3]".
    value : float
        What the array has there.
    parts : tuple of Part
        What was added, by kind; all terms one after the other are `terms`.
    formula : str
        The same for any place.
    reason : str
        In words, what was added.
    rounding : float
        How far a sum of these terms may be off in the array's number type.
    window : Window or None
        For an output: the part of the input image that it looked at.
    inner : tuple of Explanation
        Where a factor came from that is itself a sum: the denominator of a normalisation.
    """

    what: str
    value: float
    parts: tuple[Part, ...]
    formula: str
    reason: str
    rounding: float
    inner: tuple["Explanation", ...] = ()
    window: Window | None = None

    @cached_property
    def terms(self) -> list[Term]:
        """Every term that was added."""
        return [part.term(index) for part in self.parts for index in range(len(part.values))]

    @cached_property
    def total(self) -> float:
        """The sum of all terms, in float64."""
        return float(sum(part.total for part in self.parts))

    @property
    def difference(self) -> float:
        """The sum of the terms minus the number in the array."""
        return 0.0 if self.total == self.value else self.total - self.value

    @property
    def agrees(self) -> bool:
        """Whether the sum is the number in the array, but for rounding."""
        return abs(self.difference) <= self.rounding or bool(np.isnan(self.total) and np.isnan(self.value))

    @property
    def sentence(self) -> str:
        """What was computed, in words and numbers."""
        return f"{self.reason} {self.sum_in_numbers()}"

    def sum_in_numbers(self) -> str:
        """The sum by part, a single term by its factors: "In numbers: products 0.3135 + bias 0.1 = 0.4135."."""
        if len(self.parts) == 1 and len(self.parts[0].values) != 1:
            return f"All {len(self.parts[0].values)} terms together: {brief(self.total)}."
        if len(self.parts) == 1:
            factors = self.parts[0].term(0).factors
            left = " × ".join(f"{text} {brief(value)}" for text, value in factors)
        else:
            left = " + ".join(f"{part.name} {brief(part.total)}" for part in self.parts)
        return f"In numbers: {left} = {brief(self.total)}."

    def equality(self) -> str:
        """One line: the sum of the terms beside the number in the array."""
        count = sum(len(part.values) for part in self.parts)
        terms = "the one term" if count == 1 else f"sum of {count} terms"
        verdict = "equal to rounding" if self.agrees else "NOT EQUAL"
        return (
            f"{terms} {self.total:.8g}, in the array {self.value:.8g}: difference {self.difference:.1e}, {verdict}"
        )

    def __repr__(self) -> str:
        return f"Explanation({self.what}: {self.equality()})"

    def __str__(self) -> str:
        return show.text(self)

    def _repr_html_(self) -> str:
        return show.html(self)


def brief(value: float) -> str:
    """Write a number with four digits, and -0 as 0."""
    return f"{value + 0.0:.4g}"
