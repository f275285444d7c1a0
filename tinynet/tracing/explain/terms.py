"""The terms of an explanation: what was added, each a product of factors, and where each factor stood."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .texts import text


class Term(NamedTuple):
    """One number that was added.

    Attributes
    ----------
    part : str
        Which part of the sum it belongs to: "window", "bias", "through the mean".
    factors : tuple of (str, float)
        What was multiplied, each with the index it came from: (("x[0, 20, 28, 2]", 0.5), ("w[0, 0, 2, 3]", -0.1)).
    value : float
        Their product.
    note : str
        "outside the image" for padding, and the like; mostly empty.
    """

    part: str
    factors: tuple[tuple[str, float], ...]
    value: float
    note: str


class SeenWindow(NamedTuple):
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
        "x[]", where the index goes between the brackets, also inside a formula: "scale[]**-0.75"; or a constant, "1/N".
    values : array (T,)
    indices : array of int (T, axes) or None
        Where in the array each value was; None for a constant.
    inside : array of bool (T,) or None
        False where the index is outside the image, in the padding.
    """

    name: str
    values: np.ndarray
    indices: np.ndarray | None = None
    inside: np.ndarray | None = None

    def text(self, t: int) -> str:
        """The factor's name in term t, with its index."""
        index = "" if self.indices is None else ", ".join(map(str, self.indices[t]))
        return self.name.replace("[]", f"[{index}]")


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
    selects : bool
        The last factor says which terms count; of the others nothing is added, be they infinite.
    """

    name: str
    factors: tuple[Factor, ...]
    shape: tuple[int, ...] = ()
    axes: tuple[str, ...] = ()
    notes: Sequence[str] = ()
    selects: bool = False

    @cached_property
    def values(self) -> np.ndarray:
        """The products of the factors, (T,)."""
        with np.errstate(invalid="ignore"):  # infinity times 0
            products = np.prod([factor.values for factor in self.factors], axis=0)
        return np.where(self.factors[-1].values == 0, 0.0, products) if self.selects else products

    @property
    def total(self) -> float:
        """The sum of the part's terms."""
        return float(self.values.sum())

    def term(self, t: int) -> Term:
        """Return term t."""
        factors = tuple((factor.text(t), float(factor.values[t])) for factor in self.factors)
        outside = any(factor.inside is not None and not factor.inside[t] for factor in self.factors)
        note = self.notes[t] if self.notes else text("note", "outside") if outside else ""
        return Term(self.name, factors, float(self.values[t]), note)
