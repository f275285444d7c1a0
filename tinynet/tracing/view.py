"""A trace and its steps as text and as HTML: tables and pictures, without script or style sheet."""
import html
import math
from collections.abc import Collection
from typing import Any

from ..errors import ArgumentError
from ..layers.base import Layer
from ..network.describe import describe
from ..network.params import flat
from ..ops.arrays import Array, shape_text
from ..plots.thumbnails import photograph, picture
from ..tables import Html, details, html_list, html_table, text_table
from .records import StepRecord, TraceRecord
from .statistics import statistics

HEAD = [
    "layer", "output", "mean", "deviation", "zeros", "dead", "upstream gradient", "parameters' gradients",
    "forward ms", "backward ms", "kB",
]
LEGEND = (
    "Pictures: the first image of the batch and its first channels; blue is below zero, white is zero, orange above, "
    "and each picture has its own scale (point at it).",
    "zeros: the share of outputs that are 0; dead: the share of units that are 0 for every image of the batch.",
    "Size of a gradient: its root mean square; kB is the memory of all arrays that the two passes made.",
)


def headline(trace: TraceRecord) -> str:
    """One line: network, batch and loss."""
    loss = "no loss, a given upstream gradient" if trace.loss is None else f"loss {trace.loss:.4f}"
    return f"{name_of(trace.network)}, batch of {len(trace.steps[0].input)}: {loss}"


def name_of(net: Layer) -> str:
    """Return a network's name, or a layer's class."""
    return getattr(net, "name", type(net).__name__)


def blue_first(net: Any) -> bool:
    """Tell whether a network takes the colours of an image in the order blue, green, red."""
    return getattr(getattr(net, "preprocessing", None), "channel_order", "RGB") == "BGR"


def in_words(layer: Layer) -> str:
    """Return a layer's class and settings; its class alone where it keeps no settings."""
    try:
        return describe(layer)
    except ArgumentError:
        return type(layer).__name__


def formula_of(layer: Layer) -> str:
    """Return the first line of a layer's own docstring, which is its formula for tinynet's layers."""
    return (vars(type(layer)).get("__doc__") or "").strip().partition("\n")[0].removesuffix(".")


def trace_text(trace: TraceRecord) -> str:
    """Return the table of all layers."""
    return f"{headline(trace)}\n{text_table(HEAD, [row(step) for step in trace.steps], wrap=40)}"


def trace_html(trace: TraceRecord) -> str:
    """Return the table of all layers with pictures, and each layer's own table folded below it."""
    first = trace.steps[0].input
    blocks = [f"<p><b>{html.escape(headline(trace))}</b></p>"]
    if first.ndim == 4:
        blocks.append(f"<p>{photograph(first[0][..., ::-1] if blue_first(trace.network) else first[0])}</p>")
    head = ["layer", "output", "activations", *HEAD[2:6], HEAD[6], "size", HEAD[7], "forward, backward ms", "kB"]
    rows = []
    for step in trace.steps:
        name, shape, mean, deviation, zeros, dead, size, sizes, forward, backward, memory = row(step)
        shape = shape.replace(" ", "\u00a0")  # in one line
        lines = html.escape(sizes).replace(", ", "<br>").replace(" ", "&nbsp;")
        rows.append([
            name, shape, first_image(step.output), mean, deviation, zeros, dead, first_image(step.upstream), size,
            Html(lines), Html(f"{forward}<br>{backward}"), memory,
        ])
    blocks += [html_table(head, rows), html_list(LEGEND)]
    blocks += [details(f"{step.name}: {in_words(step.layer)}", step_table_html(step)) for step in trace.steps]
    return "\n".join(blocks)


def row(step: StepRecord) -> list[str]:
    """Return a layer's cells in the table of all layers."""
    y, dy = statistics(step.output), statistics(step.upstream)
    sizes = ", ".join(f"{'.'.join(path)} {statistics(x).rms:.1e}" for path, x in flat(step.gradients).items())
    return [
        step.name, shape_text(y.shape[1:]) or "one number", f"{y.mean:.3g}", f"{y.deviation:.3g}", percent(y.zeros),
        percent(y.dead), f"{dy.rms:.1e}", sizes, f"{1000 * step.forward_seconds:.1f}",
        f"{1000 * step.backward_seconds:.1f}", f"{(step.forward_bytes + step.backward_bytes) / 1000:,.0f}",
    ]


def percent(share: float) -> str:
    """Write a share as 25%; nan as nothing."""
    return "" if math.isnan(share) else f"{share:.0%}"


def step_text(step: StepRecord) -> str:
    """Return what a layer is and a table of all its arrays."""
    lines = [f"{step.name} ({step.direction}): {in_words(step.layer)}", formula_of(step.layer), costs(step)]
    return "\n".join([*filter(None, lines), text_table(*array_table(step))])


def step_html(step: StepRecord) -> str:
    """Return the same with pictures."""
    return f"<p><b>{html.escape(step.name)}</b>, {step.direction}: {html.escape(in_words(step.layer))}</p>" + (
        step_table_html(step)
    )


def step_table_html(step: StepRecord) -> str:
    """Return a layer's formula, costs, and the table of its arrays with pictures."""
    head, rows = array_table(step)
    params = {".".join(path) for path in flat(step.layer.params)}
    shown = [[*cells, pictured(name, x, params)] for (name, x), cells in zip(arrays_of(step), rows, strict=True)]
    formula = html.escape(formula_of(step.layer))
    return f"<p><code>{formula}</code><br>{costs(step)}</p>\n{html_table([*head, 'picture'], shown)}"


def costs(step: StepRecord) -> str:
    """One line: time and memory of both passes."""
    return (
        f"forward {1000 * step.forward_seconds:.1f} ms, {step.forward_bytes / 1000:,.0f} kB; "
        f"backward {1000 * step.backward_seconds:.1f} ms, {step.backward_bytes / 1000:,.0f} kB"
    )


def array_table(step: StepRecord) -> tuple[list[str], list[list[str]]]:
    """Column names and cells: each array of a step with its statistics."""
    head = ["array", "shape", "mean", "deviation", "least", "largest", "zeros", "dead"]
    rows, params = [], {".".join(path) for path in flat(step.layer.params)}
    for name, x in arrays_of(step):
        s = statistics(x)
        numbers = [f"{value:.3g}" for value in (s.mean, s.deviation, s.least, s.largest)]
        dead = percent(s.dead) if x.shape[:1] == step.input.shape[:1] and name.removeprefix(
            "gradients ") not in params else ""
        rows.append([name, shape_text(s.shape) or "one number", *numbers, percent(s.zeros), dead])
    return head, rows


def arrays_of(step: StepRecord) -> list[tuple[str, Array]]:
    """Return the arrays of a step by name: of the forward pass, parameters, of the backward pass."""
    saved: Any = step.saved
    kept = [(f"saved.{name}", getattr(saved, name)) for name in getattr(saved, "_fields", ())]
    others = [(name, x) for name, x in kept if hasattr(x, "shape") and x is not step.input and x is not step.output]
    params = [(".".join(path), x) for path, x in flat(step.layer.params).items()]
    gradients = [(f"gradients {'.'.join(path)}", x) for path, x in flat(step.gradients).items()]
    return [
        ("input", step.input), ("output", step.output), *others, *params,
        ("upstream", step.upstream), ("input_gradient", step.input_gradient), *gradients,
    ]


def first_image(x: Array) -> Html:
    """Return a picture of an array's first image; of one number, or of none, nothing."""
    return picture(x[0]) if x.ndim > 1 and x.size else Html("")


def pictured(name: str, x: Array, params: Collection[str]) -> Html:
    """Return a picture of one of a step's arrays; of a convolution's weights, its first filters' first channel."""
    if name.removeprefix("gradients ") not in params:
        return first_image(x)
    return picture(x[:, :, 0] if x.ndim == 4 else x)
