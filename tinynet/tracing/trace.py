"""Stepping through a network, forward and then backward, one layer at a time."""
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ..errors import ArgumentError
from ..layers.base import Layer
from ..layers.loss_layer import SoftmaxCrossEntropy
from ..network import Network
from ..network.check_returned import check_backward, check_forward, check_pair
from ..network.network import layers_in_line
from ..network.params import check_layer
from ..ops.arrays import Array, array_module
from ..ops.checks import check_upstream
from ..ops.threads import one_blas_thread
from .explain import Explanation, explain
from .records import StepRecord, TraceRecord
from .view import blue_first, headline, name_of, step_html, step_text, trace_html, trace_text


class Step(StepRecord):
    """One layer's forward and backward pass: its arrays (see `StepRecord`), and where each number in them came from."""

    def explain(
        self, output: tuple[int, ...] | None = None, *, grad: str | None = None, at: tuple[int, ...] | None = None
    ) -> Explanation:
        """Say where one number came from: every term that was added, and that their sum is the number.

        Parameters
        ----------
        output : tuple of int
            An index in the output: `explain(output=(0, 5, 7, 3))` is image 0, row 5, column 7, channel 3.
        grad : str
            Instead: "x" for the gradient of the input, or a parameter's name, "w" or "b".
        at : tuple of int
            The index in that gradient.

        Raises
        ------
        ArgumentError, ShapeError
            For a name that does not exist or an index out of range; the message has the shape.
        """
        return explain(self, output, grad, at)

    def __str__(self) -> str:
        return step_text(self)

    def _repr_html_(self) -> str:
        return step_html(self)


class Trace(TraceRecord):
    """All steps of one pass: first forward through the layers to the loss, then backward from the loss.

    `for step in trace` gives them in that order, `trace.walk()` steps to and fro, `trace["conv2"]` is one layer's step.

    Attributes
    ----------
    network : Layer
    steps : list of Step
        In the order of the forward pass, the loss last.
    backward_steps : list of Step
        In the order of the backward pass: the same layers, the loss first.
    loss : float or None
        None where an upstream gradient was given instead of labels.
    """

    steps: list[Step]

    def __init__(self, network: Layer, steps: list[Step], loss: float | None) -> None:
        super().__init__(network, steps, loss)
        self.backward_steps = [replace(step, direction="backward") for step in reversed(steps)]

    def walk(self) -> "Walk":
        """Return a position in the trace that can be moved, at the first step."""
        return Walk(self)

    def __iter__(self) -> Iterator[Step]:
        return iter([*self.steps, *self.backward_steps])

    def __len__(self) -> int:
        return len(self.steps) + len(self.backward_steps)

    def __getitem__(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        names = ", ".join(step.name for step in self.steps)
        raise ArgumentError(f"layer {name!r} does not exist; the trace of {name_of(self.network)} has {names}")

    def __repr__(self) -> str:
        return f"Trace({headline(self)})"

    def __str__(self) -> str:
        return trace_text(self)

    def _repr_html_(self) -> str:
        return trace_html(self)


class Walk:
    """A position in a trace: `next()` and `previous()` move it and return the step there; at the ends it stays.

    Attributes
    ----------
    position : int
        From 0, the first layer's forward pass, to `len(trace) - 1`, the first layer's backward pass.
    """

    def __init__(self, trace: Trace) -> None:
        self.all_steps = list(trace)
        self.position = 0

    @property
    def step(self) -> Step:
        """The step here; `step.direction` says which pass it belongs to."""
        return self.all_steps[self.position]

    @property
    def at_end(self) -> bool:
        """Whether this is the last step, the first layer's backward pass."""
        return self.position == len(self.all_steps) - 1

    def next(self) -> Step:
        """Go one step on: forward to the loss, then backward."""
        self.position = min(self.position + 1, len(self.all_steps) - 1)
        return self.step

    def previous(self) -> Step:
        """Go one step back."""
        self.position = max(self.position - 1, 0)
        return self.step

    def __repr__(self) -> str:
        return f"Walk(step {self.position + 1} of {len(self.all_steps)}: {self.step!r})"


def trace(
    network: Layer, images: Array, labels: Array | None = None, train: bool = False, *, upstream: Array | None = None
) -> Trace:
    """Run forward, loss and backward, one layer after the other, and keep every array.

    Parameters
    ----------
    network : Layer
        A network (nested ones are opened, unless their forward or backward is their own) or a single layer.
    images : array (N, ...)
    labels : array of int (N,)
    train : bool
        True: as in training (dropout drops, batch normalization uses the batch and moves its running statistics).
    upstream : array
        Instead of labels: the upstream gradient of the last layer, of its output's shape. There is no loss then.

    Returns
    -------
    Trace
        Prints as a table; shows itself in a notebook.

    Raises
    ------
    ArgumentError
        Unless there are either labels or an upstream gradient; for what is no layer.
    ShapeError, DtypeError
        When images, labels or the upstream gradient do not fit.
    """
    if (labels is None) == (upstream is None):
        raise ArgumentError("trace needs either labels for the loss or an upstream gradient: give one of them")
    check_layer("trace: network", network)
    network.check_input(images)
    with one_blas_thread():  # its first use searches all loaded libraries for the BLAS: no layer's time
        pass
    layers = [(name or type(layer).__name__, layer) for name, layer in layers_in_line(network, backward=True)]
    steps: list[Step] = []
    x, loss = images, None
    for name, layer in layers:
        steps.append(forward_step(name, layer, x, train))
        x = steps[-1].output
    steps[0].blue_first = blue_first(network)
    if labels is None:
        check_upstream("trace", upstream, x.shape, x.dtype)
    else:
        name = "cross-entropy" if any(name == "loss" for name, _ in layers) else "loss"
        layers.append((name, SoftmaxCrossEntropy(labels)))
        steps.append(forward_step(*layers[-1], x, train))
        loss = float(steps[-1].output)
        upstream = array_module(x).ones((), dtype=x.dtype)  # d loss / d loss
    for step, (_, layer) in reversed(list(zip(steps, layers, strict=True))):
        add_backward(step, layer, upstream)
        upstream = step.input_gradient
    return Trace(network, steps, loss)


def forward_step(name: str, layer: Layer, x: Array, train: bool) -> Step:
    """Run one layer's forward."""
    frozen = copy.deepcopy(layer)
    result, seconds = timed(lambda: layer.forward(x, train), x)
    if isinstance(layer, Network | SoftmaxCrossEntropy):  # a network of one's own may not say its shapes
        y, saved = check_pair(name, layer, result)
    else:
        y, saved = check_forward(name, layer, result, x, tuple(layer.output_shape(x.shape[1:])))
    return Step(name, frozen, x, y, saved, seconds)


def add_backward(step: Step, layer: Layer, dy: Array) -> None:
    """Run the same layer's backward and add the gradients to its step."""
    step.upstream = dy
    result, step.backward_seconds = timed(lambda: layer.backward(dy, step.saved), dy)
    if not isinstance(layer, Network | SoftmaxCrossEntropy):
        check_backward(step.name, layer, result, dy, step.input.shape[1:], True)
    step.input_gradient, step.gradients = result


def timed(run: Callable[[], Any], x: Array) -> tuple[Any, float]:
    """Return what `run` returns and the seconds it took; a GPU works asynchronously, so wait for it."""
    xp = array_module(x)
    start = time.perf_counter()
    result = run()
    if xp.__name__ != "numpy":
        xp.cuda.get_current_stream().synchronize()
    return result, time.perf_counter() - start
