"""The table of a network: what each layer gives out, and what it costs in parameters, arithmetic and memory."""
import html
import math
import textwrap
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..layers import Conv2d, Fire, Linear, LocallyConnected2d
from ..layers.base import Layer
from ..ops.arrays import Shape, shape_text
from ..ops.checks import check_shape
from ..tables import html_list, html_table, text_table
from .describe import describe, initialization_text
from .params import flat, layers_of

HEAD = ("layer", "what it is", "output", "parameters", "multiply-adds", "memory, kB")


class SummaryRow(NamedTuple):
    """One layer of a summary, for one image.

    Attributes
    ----------
    name : str
        "block.conv1" inside a nested network.
    layer : Layer
    text : str
        The layer's class and settings in words.
    input_shape, output_shape : tuple of int
        Without the batch.
    parameters : int
    multiply_adds : int
        Products with weights in the forward pass.
    bytes : int
        Memory of the output, in the network's dtype.
    neurons : int
        Outputs of a convolution, a locally connected or a fully connected layer, and of all convolutions of a fire
        module; 0 for the others.
    """

    name: str
    layer: Layer
    text: str
    input_shape: Shape
    output_shape: Shape
    parameters: int
    multiply_adds: int
    bytes: int
    neurons: int


class Summary:
    """All layers of a network with their totals; `print(net.summary())`, or shown by itself in a notebook.

    Parameters
    ----------
    net : Network
    input_shape : tuple of int, or int, optional
        Shape of one image, (H, W, C); the one that the network was made for if not given.

    Attributes
    ----------
    rows : list of SummaryRow
    parameters, multiply_adds, activation_bytes, neurons : int
        Sums over the rows.
    parameter_bytes : int
        Memory of the parameters.

    Raises
    ------
    ArgumentError
        If no input shape is known.
    ShapeError
        If the shape does not fit a layer.
    """

    def __init__(self, net: Any, input_shape: Shape | int | None = None) -> None:
        shape = net.input_shape if input_shape is None else check_shape("summary", "input_shape", input_shape)
        if shape is None:
            raise ArgumentError(f"the summary of {net.name} needs an input shape: summary(input_shape=(H, W, C))")
        self.name, self.notes = net.name, net.notes
        self.initialization: dict[str, Any] = net.recipe.get("initialization", {})
        self.input_shape: Shape = shape
        out = net.output_shape(self.input_shape)  # a size that does not fit is explained by the network
        itemsize = np.dtype(net.dtype or np.float32).itemsize
        self.rows = (layer_rows(net, self.input_shape, itemsize) if in_rows(net, self.input_shape, out)
                     else [layer_row(net.name, net, self.input_shape, out, itemsize)])
        self.parameters = sum(row.parameters for row in self.rows)
        self.multiply_adds = sum(row.multiply_adds for row in self.rows)
        self.activation_bytes = sum(row.bytes for row in self.rows)
        self.neurons = sum(row.neurons for row in self.rows)
        self.parameter_bytes = self.parameters * itemsize

    def cells(self) -> list[list[str]]:
        """Return the table's cells, totals last."""
        first = ["", "one image", shape_text(self.input_shape), "", "", ""]
        rows = [
            [r.name, r.text, shape_text(r.output_shape), number(r.parameters), number(r.multiply_adds),
             kilobytes(r.bytes)] for r in self.rows
        ]
        total = [f"{self.parameters:,}", f"{self.multiply_adds:,}", kilobytes(self.activation_bytes)]
        return [first, *rows, ["total", f"{self.neurons:,} neurons", "", *total]]

    def remarks(self) -> list[str]:
        """Return the sentences under the table: memory, initialization, the network's notes."""
        batch, weights = 128 * self.activation_bytes / 1e6, self.parameter_bytes / 1e6
        memory = (
            f"Memory: the table has the outputs of one image; those of 128 take {batch:,.0f} MB. The parameters take "
            f"{weights:,.{0 if weights >= 10 else 1}f} MB; in training, gradients and momentum as much again each."
        )
        initialization = initialization_text(self.initialization) if self.initialization else ""
        return [memory, *([f"Initialization: {initialization}."] if initialization else []), *self.notes]

    def __str__(self) -> str:
        cells = self.cells()
        table = text_table(HEAD, cells, rules=[len(cells) - 1], wrap=46)
        width = max(map(len, table.splitlines()))
        remarks = (textwrap.fill(text, width, initial_indent="- ", subsequent_indent="  ") for text in self.remarks())
        return "\n".join([self.name, table, *remarks])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p><b>{html.escape(self.name)}</b></p>\n{html_table(HEAD, self.cells())}\n{html_list(self.remarks())}"


def layer_rows(net: Any, shape: Shape, itemsize: int, prefix: str = "") -> list[SummaryRow]:
    """Return a row for each layer of `net`; a network inside it is opened."""
    rows = []
    for name, layer in net.layers.items():
        out = tuple(layer.output_shape(shape))
        if layers_of(layer) and in_rows(layer, shape, out):
            rows += layer_rows(layer, shape, itemsize, f"{prefix}{name}.")
        else:
            rows.append(layer_row(prefix + name, layer, shape, out, itemsize))
        shape = out
    return rows


def in_rows(net: Any, shape: Shape, out: Shape) -> bool:
    """Tell whether a network's layers get a row each: whether they run in a line from `shape` to `out`.

    A residual block's do, next to which its own forward passes x on; two branches' do not, and the network has one row.
    """
    try:
        return tuple(list(net.shapes(shape).values())[-1]) == tuple(out)
    except ShapeError:
        return False


def layer_row(name: str, layer: Layer, shape: Shape, out: Shape, itemsize: int) -> SummaryRow:
    """Return the row of one layer."""
    size = math.prod(out)
    neurons = size if isinstance(layer, Conv2d | Fire | Linear | LocallyConnected2d) else 0
    if isinstance(layer, Fire):
        neurons += math.prod(out[:2]) * layer.squeeze
    parameters = sum(array.size for array in flat(layer.params).values())
    products = layer.multiply_adds(shape)
    return SummaryRow(name, layer, describe(layer), shape, out, parameters, products, size * itemsize, neurons)


def number(value: int) -> str:
    """Write 34944 as 34,944, and 0 as nothing."""
    return f"{value:,}" if value else ""


def kilobytes(count: int) -> str:
    """Write a number of bytes in kB (1000 bytes)."""
    return f"{count / 1000:,.2f}"
