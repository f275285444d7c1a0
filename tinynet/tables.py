"""Plain tables, as text and as HTML without script or style sheet."""
import html
import itertools
import textwrap
from collections.abc import Sequence


class Html(str):
    """A cell that is HTML already, a picture for instance."""


NUMBERS = set("0123456789.,-+e%")


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], rules: Sequence[int] = (), wrap: int = 200) -> str:
    """Return a table for a terminal or a file.

    Parameters
    ----------
    head : sequence of str
    rows : sequence of sequences of str
        Columns whose cells are all numbers (or empty) are aligned to the right.
    rules : sequence of int
        Draw a line above these rows.
    wrap : int
        Longer cells continue on the next line.
    """
    right = numeric_columns(rows, len(head))
    broken = [[textwrap.wrap(cell, wrap, subsequent_indent="  ") for cell in row] for row in [head, *rows]]
    widths = [max((len(line) for row in broken for line in row[i]), default=0) for i in range(len(head))]
    lines = []
    for i, row in enumerate(broken):
        if i == 1 or i - 1 in rules:
            lines.append("-" * (sum(widths) + 2 * (len(widths) - 1)))
        for parts in itertools.zip_longest(*row, fillvalue=""):
            cells = [part.rjust(w) if r else part.ljust(w) for part, w, r in zip(parts, widths, right, strict=True)]
            lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the same table as HTML."""
    right = numeric_columns(rows, len(head))

    def line(row: Sequence[str], tag: str) -> str:
        # A notebook's own style sheet aligns all cells to the right, whatever their align, but not what is inside them.
        cells = (
            f'<{tag} align="right">{escaped(cell)}</{tag}>' if r else
            f'<{tag} align="left"><div align="left">{escaped(cell)}</div></{tag}>'
            for cell, r in zip(row, right, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return f"<table>\n<thead>{line(head, 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def details(summary: str, content: str, open_at_first: bool = False) -> str:
    """Return HTML content behind a line of text that opens it."""
    return f"<details{' open' if open_at_first else ''}><summary>{escaped(summary)}</summary>\n{content}\n</details>"


def escaped(text: str) -> str:
    """Return text with HTML's special characters escaped; `Html` as it is."""
    return text if isinstance(text, Html) else html.escape(text)


def html_list(items: Sequence[str]) -> str:
    """Return the sentences as an HTML list; nothing for none."""
    return "<ul>\n" + "\n".join(f"<li>{html.escape(item)}</li>" for item in items) + "\n</ul>" if items else ""


def numeric_columns(rows: Sequence[Sequence[str]], columns: int) -> list[bool]:
    """Return for each column whether it has numbers and nothing else."""
    cells = [[row[i] for row in rows if row[i]] for i in range(columns)]
    return [bool(column) and all(set(cell) <= NUMBERS for cell in column) for column in cells]
