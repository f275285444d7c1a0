"""An explanation as text and as HTML."""
import html as markup
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from ..tables import Html, details, html_table, text_table
from ..thumbnails import picture

if TYPE_CHECKING:
    from .explanation import Explanation, Part

SHOWN = 8  # terms of a part in a table; of a longer part those that weigh most
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
    blocks = [head, *(pictures(part) for part in e.parts), html_table(*table(e)), f"<p>{escape(e.equality())}.</p>"]
    for part in e.parts:
        if SHOWN < len(part.values) <= ALL:
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
        order = np.argsort(-np.abs(part.values), kind="stable")[:SHOWN] if count > SHOWN else np.arange(count)
        rows += [cells(part, int(index), columns) for index in order]
        if count > SHOWN:
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
    factors = [cell for name, value in term.factors for cell in (name, f"{value:.6g}")]
    return [term.part, *factors, *[""] * (2 * columns - len(factors)), f"{term.value + 0.0:.6g}", term.note]


def widest(e: "Explanation") -> int:
    """Return the most factors that a term has."""
    return max((len(part.factors) for part in e.parts), default=1)


def pictures(part: "Part") -> str:
    """Return a window's factors and products as pictures, where the part has the shape of one."""
    if len(part.shape) < 2 or min(part.shape[:2]) < 2 or len(part.factors) != 2:
        return ""
    shown = [(factor.name.replace("[]", ""), factor.values) for factor in part.factors]
    shown.append(("product", part.values))
    pictured = [Html(picture(values.reshape(part.shape))) for _, values in shown]
    channels = f", first {min(8, part.shape[2])} of {part.shape[2]} channels" if len(part.shape) == 3 else ""
    note = f"<p>Blue below zero, white zero, orange above{channels}:</p>"
    return note + html_table([name for name, _ in shown], [pictured])
