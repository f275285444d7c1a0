"""Stepping through a network, forwards and then backwards, one layer at a time."""
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .device import array_module
from .errors import ArgumentError
from .layer import Array, Layer
from .loss import softmax_cross_entropy
from .nested import flat
from .network import Network
from .tables import html_table, text_table


@dataclass
class Step:
    """One layer's forward and backward pass.

    Attributes
    ----------
    name : str
    layer : Layer
    input, output : array
    saved : NamedTuple
        What forward kept for backward.
    upstream, input_gradient : array
        d loss / d output and d loss / d input.
    gradients : dict of str to array
        d loss / d parameter.
    forward_seconds, backward_seconds : float
    """

    name: str
    layer: Layer
    input: Array
    output: Array
    saved: Any
    forward_seconds: float
    upstream: Array = None
    input_gradient: Array = None
    gradients: dict[str, Any] = field(default_factory=dict)
    backward_seconds: float = 0.0

    def __repr__(self) -> str:
        return f"Step({self.name}: {self.input.shape} to {self.output.shape})"


class Trace:
    """All steps of one pass; `trace["conv2"]` is a step, iteration goes through them in the order of the layers."""

    def __init__(self, network: Network, steps: list[Step], loss: float) -> None:
        self.network, self.steps, self.loss = network, steps, loss

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        raise ArgumentError(f"{self.network.name} has no layer {name!r}; it has {', '.join(self.network.layers)}")

    def __str__(self) -> str:
        return f"{self.headline()}\n{text_table(*self.table())}"

    def _repr_html_(self) -> str:
        return f"<p>{self.headline()}</p>{html_table(*self.table())}"

    def headline(self) -> str:
        """One line: network, batch and loss."""
        return f"{self.network.name}, batch of {len(self.steps[0].input)}: loss {self.loss:.4f}"

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Column names and cells: per layer its output, the gradient that came to it, and its parameters' gradients."""
        head = ["layer", "output", "mean", "deviation", "zeros", "upstream gradient", "parameters' gradients", "ms"]
        rows = []
        for step in self.steps:
            y = step.output
            sizes = ", ".join(f"{'.'.join(path)} {rms(array):.1e}" for path, array in flat(step.gradients).items())
            milliseconds = 1000 * (step.forward_seconds + step.backward_seconds)
            rows.append([
                step.name, " x ".join(map(str, y.shape[1:])), f"{float(y.mean()):.3g}", f"{float(y.std()):.3g}",
                f"{float((y == 0).mean()):.0%}", f"{rms(step.upstream):.1e}", sizes, f"{milliseconds:.1f}",
            ])
        return head, rows


def trace(network: Network, images: Array, labels: Array, train: bool = False) -> Trace:
    """Run forward, loss and backward, and keep every array on the way.

    Parameters
    ----------
    network : Network
    images : array (N, ...)
    labels : array of int (N,)
    train : bool
        True: as in training (dropout drops, batch normalisation uses the batch and moves its running statistics).

    Returns
    -------
    Trace
        Prints as a table, with root mean squares of the gradients; shows itself in a notebook.
    """
    network.check_input(images)
    steps, x = [], images
    for name, layer in network.layers.items():
        start = time.perf_counter()
        y, saved = layer.forward(x, train)
        steps.append(Step(name, layer, x, y, saved, time.perf_counter() - start))
        x = y
    loss, dy = softmax_cross_entropy(x, labels)
    for step in reversed(steps):
        start = time.perf_counter()
        step.upstream = dy
        step.input_gradient, step.gradients = step.layer.backward(dy, step.saved)
        step.backward_seconds = time.perf_counter() - start
        dy = step.input_gradient
    return Trace(network, steps, loss)


def rms(x: Array) -> float:
    """Return the root mean square."""
    return float(array_module(x).sqrt((x * x).mean()))
