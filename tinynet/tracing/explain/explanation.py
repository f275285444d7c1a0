"""An explanation: the terms that were added, their sum beside the number in the array, as text and as HTML."""
import html
import textwrap
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...plots.thumbnails import photograph, picture
from ...tables import details, html_table, text_table
from .terms import Part, SeenWindow, Term
from .texts import text

WHOLE = 12  # a part of up to so many terms is shown whole
SHOWN = 8  # of a longer part, the terms that weigh most
MAPS = 4  # pictures of channels side by side
ALL = 100  # a part with up to so many terms can be opened whole in HTML


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
        The same for any index.
    reason : str
        In words, what was added.
    rounding : float
        How far a sum of these terms may be off in the array's dtype.
    window : SeenWindow or None
        For an output: the part of the input image that it looked at.
    inner : tuple of Explanation
        Where a factor came from that is itself a sum: the denominator of a normalization.
    """

    what: str
    value: float
    parts: tuple[Part, ...]
    formula: str
    reason: str
    rounding: float
    inner: tuple["Explanation", ...] = ()
    window: SeenWindow | None = None

    @cached_property
    def terms(self) -> list[Term]:
        """Every term that was added."""
        return [part.term(t) for part in self.parts for t in range(len(part.values))]

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
        if np.isnan(self.total) and np.isnan(self.value):
            return True
        return self.difference == 0 or abs(self.difference) <= self.rounding  # the latter nan beside infinity

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
        return text(
            "sum", "one" if count == 1 else "several", count=count, total=self.total, value=self.value,
            verdict=text("sum", "equal" if self.agrees else "different"), difference=self.difference,
        )

    def __repr__(self) -> str:
        return f"Explanation({self.what}: {self.equality()})"

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)


def brief(value: float) -> str:
    """Write a number with four digits, and -0 as 0."""
    return f"{value + 0.0:.4g}"


def as_text(e: Explanation, indent: str = "") -> str:
    """Return what was computed, the largest terms and the sum, for a terminal."""
    words = textwrap.fill(e.sentence, 100)
    lines = [f"{e.what} = {e.value:.6g}", e.formula, words, "", text_table(*table(e)), "", e.equality() + "."]
    inside = [as_text(inner, "    ") for inner in e.inner]
    return "\n".join(indent + line if line else line for line in "\n".join([*lines, *inside]).split("\n"))


def as_html(e: Explanation) -> str:
    """Return the same for a notebook, with pictures of windows; what belongs to a factor is folded away."""
    escape = html.escape
    head = (
        f"<p><b>{escape(e.what)} = {e.value:.6g}</b><br><code>{escape(e.formula)}</code><br>{escape(e.sentence)}</p>"
    )
    seen = [f"<p>{photograph(*e.window)}</p>"] if e.window is not None else []
    blocks = [head, *seen, *map(pictures, e.parts), html_table(*table(e)), f"<p>{html.escape(e.equality())}.</p>"]
    for part in e.parts:
        if WHOLE < len(part.values) <= ALL:
            rows = [cells(part, t, widest(e)) for t in range(len(part.values))]
            blocks.append(details(f"all {len(rows)} terms of: {part.name}", html_table(heading(e), rows)))
    blocks += [details(f"{inner.what} = {inner.value:.6g}", as_html(inner)) for inner in e.inner]
    return "\n".join(block for block in blocks if block)


def table(e: Explanation) -> tuple[list[str], list[list[str]]]:
    """Column names and cells: every term, or of a long part the largest, the sum of the rest, then the whole sum."""
    columns = widest(e)
    rows = []
    for part in e.parts:
        count = len(part.values)
        order = np.arange(count) if count <= WHOLE else np.argsort(-np.abs(part.values), kind="stable")[:SHOWN]
        rows += [cells(part, int(t), columns) for t in order]
        if count > WHOLE:
            rest = part.total - float(part.values[order].sum())
            rows.append([part.name, f"the other {count - SHOWN} terms", *[""] * (2 * columns - 1), f"{rest:.6g}", ""])
    rows.append(["sum", *[""] * (2 * columns), f"{e.total + 0.0:.6g}", ""])
    return heading(e), rows


def heading(e: Explanation) -> list[str]:
    """Return the columns' names."""
    return ["part", *(name for _ in range(widest(e)) for name in ("factor", "value")), "term", ""]


def cells(part: Part, t: int, columns: int) -> list[str]:
    """Return the row of term t."""
    term = part.term(t)
    factors = [cell for name, value in term.factors for cell in (name, f"{value + 0.0:.6g}")]
    return [term.part, *factors, *[""] * (2 * columns - len(factors)), f"{term.value + 0.0:.6g}", term.note]


def widest(e: Explanation) -> int:
    """Return the most factors that a term has."""
    return max((len(part.factors) for part in e.parts), default=1)


def pictures(part: Part) -> str:
    """Return factors and products as pictures, where the part is laid out in rows and columns."""
    if "row" not in part.axes or max(part.shape) < 2 or 0 in part.shape:
        return ""
    shown = {factor.name.replace("[]", ""): factor.values for factor in part.factors if factor.indices is not None}
    maps = {name: values.reshape(part.shape) for name, values in (shown | {"product": part.values}).items()}
    caption = ""
    if len(part.axes) == 3:
        if part.axes[0] == "image":
            maps = {name: np.moveaxis(values, 0, -1) for name, values in maps.items()}
        tile, count = (part.axes[0], part.shape[0]) if part.axes[0] == "image" else (part.axes[2], part.shape[2])
        caption = f"; the first {MAPS} of {count} {tile}s" if count > MAPS else f"; one picture for each {tile}"
    note = f"<p>{part.name}: blue is below zero, white zero, orange above{caption}</p>\n"
    return note + html_table(list(maps), [[picture(values, MAPS) for values in maps.values()]])
