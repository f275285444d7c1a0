"""What a gradient check found: a row for each array, and a sentence for each fault."""
import html
import math
from typing import NamedTuple

from ..errors import ArgumentError
from ..tables import html_list, html_table, text_table

UNDECIDED = {  # verdicts, and why nothing is known
    "kink": "every probe met a kink",
    "unmeasured": "no probe changed the output by an amount that float64 can show",
    "not checked": "see below",
}


class GradientRow(NamedTuple):
    """The worst probe of one array: the slope of the loss from backward (analytic) and from forward (numeric).

    The verdict is "right", "wrong", "kink" (every probe met a kink), "unmeasured" (the output's change does not show in
    float64) or "not checked" (forward breaks a rule without which differences show nothing). Numbers are nan where
    nothing was measured.
    """

    name: str
    analytic: float
    numeric: float
    relative_error: float
    verdict: str


def empty_row(name: str, verdict: str) -> GradientRow:
    """Return the row of an array with nothing to show but its verdict."""
    return GradientRow(name, math.nan, math.nan, math.nan, verdict)


class Fault(NamedTuple):
    """Something wrong: the array with a wrong gradient, or "forward" or "backward"; and where to look."""

    name: str
    sentence: str


class GradientReport:
    """What `check_gradients` found: `rows` for the input and each parameter, `faults` with a sentence; `print` it."""

    def __init__(self, what: str, rows: list[GradientRow], faults: list[Fault]) -> None:
        self.what, self.rows, self.faults = what, rows, faults

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong; arrays that could not be decided (`undecided`) do not fail the check."""
        return not self.wrong

    @property
    def wrong(self) -> list[str]:
        """What is at fault: names of arrays whose gradient is wrong, "forward" and "backward" for broken rules."""
        return list(dict.fromkeys(fault.name for fault in self.faults))

    @property
    def undecided(self) -> list[str]:
        """The names of arrays whose gradients could not be decided."""
        return [row.name for row in self.rows if row.verdict in UNDECIDED]

    def __getitem__(self, name: str) -> GradientRow:
        for row in self.rows:
            if row.name == name:
                return row
        raise ArgumentError(f"the report has no gradient of {name!r}, only those of "
                            f"{', '.join(row.name for row in self.rows)}")

    def __str__(self) -> str:
        faults = "".join(f"\n\n{fault.name}: {fault.sentence}" for fault in self.faults)
        return f"{self.headline()}\n{text_table(*self.table())}{faults}"

    def _repr_html_(self) -> str:
        faults = html_list([f"{fault.name}: {fault.sentence}" for fault in self.faults])
        return f"<p>{html.escape(self.headline())}</p>{html_table(*self.table())}{faults}"

    def headline(self) -> str:
        """One line: what was checked and what was found."""
        arrays = {row.name for row in self.rows}
        gradients = [name for name in self.wrong if name in arrays]
        rules = [name for name in self.wrong if name not in arrays]
        found = []
        if gradients:
            found.append(f"the gradient of {', '.join(gradients)} is wrong")
        if rules:
            found.append(f"{' and '.join(rules)} {'break' if len(rules) > 1 else 'breaks'} the contract of a layer")
        if not found:
            found.append("no gradient is wrong" if self.undecided else "all gradients are right")
        for verdict, why in UNDECIDED.items():
            names = [row.name for row in self.rows if row.verdict == verdict]
            if names:
                found.append(f"not decided for {', '.join(names)}: {why}")
        return f"{self.what}: {'; '.join(found)}"

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Column names and cells."""
        cells = [
            [row.name, number(row.analytic, "+.9e"), number(row.numeric, "+.9e"), number(row.relative_error, ".1e"),
             row.verdict]
            for row in self.rows
        ]
        return ["gradient of", "analytic", "numeric", "relative error", "verdict"], cells


def number(value: float, form: str) -> str:
    """Write a number; nothing for nan."""
    return "" if math.isnan(value) else format(value, form)
