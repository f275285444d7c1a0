"""An explanation as text and as HTML."""
import html as markup
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from ..tables import details, html_table, text_table
from ..thumbnails import photograph, picture

if TYPE_CHECKING:
    from .explanation import Explanation, Part

WHOLE = 12  # a part of up to so many terms is shown whole
SHOWN = 8  # of a longer part, the terms that weigh most
MAPS = 4  # pictures of channels side by side
ALL = 100  # a part with up to so many terms can be opened whole in HTML


def text(e: "Explanation", indent: str = "") -> str:
    """Return what was computed, the largest terms and the sum, for a terminal."""
    words = textwrap.fill(e.sentence, 100)
    lines = [f"{e.what} = {e.value:.6g}", e.formula, words, "", text_table(*table(e)), "", e.equality() + "."]
    inside = [text(inner, "    ") for inner in e.inner]
    return "\n".join(indent + line if line else line for line in "\n".join([*lines, *inside]).split("\n"))


def html(e: "Explanation") -> str:
    """Return the same for a notebook, with pictures of windows; what belongs to a factor is folded away."""
    escape = markup.escape
    head = (
        f"<p><b>{escape(e.what)} = {e.value:.6g}</b><br><code>{escape(e.formula)}</code><br>{escape(e.sentence)}</p>"
    )
    seen = [f"<p>{photograph(*e.window)}</p>"] if e.window is not None else []
    blocks = [head, *seen, *map(pictures, e.parts), html_table(*table(e)), f"<p>{escape(e.equality())}.</p>"]
    for part in e.parts:
        if WHOLE < len(part.values) <= ALL:
            rows = [cells(part, index, widest(e)) for index in range(len(part.values))]
            blocks.append(details(f"all {len(rows)} terms of: {part.name}", html_table(heading(e), rows)))
    blocks += [details(f"{inner.what} = {inner.value:.6g}", html(inner)) for inner in e.inner]
    return "\n".join(block for block in blocks if block)


def table(e: "Explanation") -> tuple[list[str], list[list[str]]]:
    """Column names and cells: every term, or of a long part the largest, the sum of the rest, then the whole sum."""
    columns = widest(e)
    rows = []
    for part in e.parts:
        count = len(part.values)
        order = np.arange(count) if count <= WHOLE else np.argsort(-np.abs(part.values), kind="stable")[:SHOWN]
        rows += [cells(part, int(index), columns) for index in order]
        if count > WHOLE:
            rest = part.total - float(part.values[order].sum())
            rows.append([part.name, f"the other {count - SHOWN} terms", *[""] * (2 * columns - 1), f"{rest:.6g}", ""])
    rows.append(["sum", *[""] * (2 * columns), f"{e.total + 0.0:.6g}", ""])
    return heading(e), rows


def heading(e: "Explanation") -> list[str]:
    """Return the columns' names."""
    return ["part", *(name for _ in range(widest(e)) for name in ("factor", "value")), "term", ""]


def cells(part: "Part", index: int, columns: int) -> list[str]:
    """Return one term's row."""
    term = part.term(index)
    factors = [cell for name, value in term.factors for cell in (name, f"{value + 0.0:.6g}")]
    return [term.part, *factors, *[""] * (2 * columns - len(factors)), f"{term.value + 0.0:.6g}", term.note]


def widest(e: "Explanation") -> int:
    """Return the most factors that a term has."""
    return max((len(part.factors) for part in e.parts), default=1)


def pictures(part: "Part") -> str:
    """Return factors and products as pictures, where the part is laid out in rows and columns."""
    if "row" not in part.axes or max(part.shape) < 2 or 0 in part.shape:
        return ""
    shown = {factor.name.replace("[]", ""): factor.values for factor in part.factors if factor.places is not None}
    maps = {name: values.reshape(part.shape) for name, values in (shown | {"product": part.values}).items()}
    caption = ""
    if len(part.axes) == 3:
        if part.axes[0] == "image":
            maps = {name: np.moveaxis(values, 0, -1) for name, values in maps.items()}
        tile, count = (part.axes[0], part.shape[0]) if part.axes[0] == "image" else (part.axes[2], part.shape[2])
        caption = f"; the first {MAPS} of {count} {tile}s" if count > MAPS else f"; one picture for each {tile}"
    note = f"<p>{part.name}: blue is below zero, white zero, orange above{caption}</p>\n"
    return note + html_table(list(maps), [[picture(values, MAPS) for values in maps.values()]])
