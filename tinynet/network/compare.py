"""Two networks side by side: layer by layer, and what differs between them."""
import difflib
import html
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from ..layers import Flatten, Linear
from ..tables import html_table, text_table
from .comparison_rows import aspects, norm_aspects, part_of
from .network import Network
from .summary import Summary, SummaryRow


class Comparison:
    """What `compare` returns; `print` it, or let a notebook show it.

    Attributes
    ----------
    aspects : list of (str, str, str)
        What is compared, and what it is in the first and in the second network.
    differences : list of (str, str, str)
        Those that differ.
    layers : list of (SummaryRow or None, SummaryRow or None)
        The layers that correspond to each other; None where one network has no such layer.
    """

    def __init__(self, first: Network, second: Network) -> None:
        summaries: list[Summary] = [first.summary(), second.summary()]
        self.names = (first.name, second.name)
        mine, other = aspects(first, summaries[0]), aspects(second, summaries[1])
        mine |= norm_aspects(first, second)
        other |= norm_aspects(second, first)
        # Where one network has a thing and the other has not, its details ("LRN's k") would only repeat that.
        self.aspects = [(key, mine[key], other[key]) for key in mine if key in other]
        self.differences = [row for row in self.aspects if row[1] != row[2]]
        self.layers = aligned(summaries[0].rows, summaries[1].rows)

    def layer_cells(self) -> list[list[str]]:
        """Return the cells of the table of layers."""
        return [[*cells(a), *(["same", "", ""] if cells(a) == cells(b) else cells(b))] for a, b in self.layers]

    def same(self) -> str:
        """Return a sentence with what both have in common."""
        both = [
            f"{key} ({mine})" if len(mine) < 40 else key
            for key, mine, other in self.aspects if mine == other and mine != "none"
        ]
        return f"The same in both: {'; '.join(both)}." if both else ""

    def __str__(self) -> str:
        differ = text_table(self.head(), self.differences, wrap=44) if self.differences else "No difference."
        layers = text_table(self.layer_head(), self.layer_cells(), wrap=32)
        width = max(map(len, layers.splitlines()))
        return "\n\n".join(part for part in (differ, textwrap.fill(self.same(), width), layers) if part)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        differ = html_table(self.head(), self.differences)
        return f"{differ}\n<p>{html.escape(self.same())}</p>\n{html_table(self.layer_head(), self.layer_cells())}"

    def head(self) -> list[str]:
        """Return the head of the table of differences."""
        return ["what differs", *self.names]

    def layer_head(self) -> list[str]:
        """Return the head of the table of layers."""
        return [self.names[0], "what it is", "output", self.names[1], "what it is", "output"]


def compare(first: Network, second: Network) -> Comparison:
    """Set two networks side by side, each at the input size that it was made for.

    Parameters
    ----------
    first, second : Network

    Returns
    -------
    Comparison
        With `differences`; `print(compare(alexnet(), lenet5()))` shows all.

    Raises
    ------
    ArgumentError
        For a network made without `input_shape`.
    """
    return Comparison(first, second)


def aligned(first: list[SummaryRow], second: list[SummaryRow]) -> list[tuple[SummaryRow | None, SummaryRow | None]]:
    """Pair the layers that play the same part in both networks.

    A layer with weights and what follows it are a stage. The n-th stage of one network's convolutions goes with the
    n-th of the other's, the last fully connected stage with the last, and so on backwards from there; within two
    stages, layers of one part go together as far as their order allows.
    """
    (convs, flat, linears), (other_convs, other_flat, other_linears) = stages(first), stages(second)
    both = [
        *zip_longest(convs, other_convs, fillvalue=()),
        *zip_longest(flat, other_flat, fillvalue=()),
        *reversed(list(zip_longest(reversed(linears), reversed(other_linears), fillvalue=()))),
    ]
    return [pair for ours, theirs in both for pair in matched(ours, theirs)]


def stages(rows: list[SummaryRow]) -> tuple[list[list[SummaryRow]], list[list[SummaryRow]], list[list[SummaryRow]]]:
    """Cut a network into its stages: those of the convolutions, the one of Flatten, those of the linear layers."""
    groups: tuple[list[list[SummaryRow]], list[list[SummaryRow]], list[list[SummaryRow]]] = ([], [], [])
    into = 0
    for i, row in enumerate(rows):
        begins = bool(row.neurons) or isinstance(row.layer, Flatten)
        if begins:
            into = 2 if isinstance(row.layer, Linear) else 1 if isinstance(row.layer, Flatten) else 0
        if begins or i == 0:
            groups[into].append([])
        groups[into][-1].append(row)
    return groups


def matched(
    first: Sequence[SummaryRow], second: Sequence[SummaryRow]
) -> list[tuple[SummaryRow | None, SummaryRow | None]]:
    """Pair the layers of two stages by their parts; one without a partner stands alone."""
    parts = [[part_of(row.layer).replace("local", "conv") for row in rows] for rows in (first, second)]
    pairs: list[tuple[SummaryRow | None, SummaryRow | None]] = []
    for what, i1, i2, j1, j2 in difflib.SequenceMatcher(None, parts[0], parts[1], autojunk=False).get_opcodes():
        if what == "equal":
            pairs += zip(first[i1:i2], second[j1:j2], strict=True)
        else:
            pairs += [(row, None) for row in first[i1:i2]] + [(None, row) for row in second[j1:j2]]
    return pairs


def cells(row: SummaryRow | None) -> list[str]:
    """Return name, description and output of a layer; empty cells for none."""
    return ["", "", ""] if row is None else [row.name, row.text, "x".join(map(str, row.output_shape))]
