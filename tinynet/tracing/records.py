"""What a trace keeps: plain records of every layer's arrays in one forward and backward pass."""
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..layers.base import Layer
from ..ops.arrays import Array
from .statistics import bytes_of


@dataclass(eq=False)
class StepRecord:
    """One layer's forward and backward pass.

    Attributes
    ----------
    name : str
        "block.conv1" inside a nested network; "loss" for the loss.
    layer : Layer
        A frozen copy from before the pass, so that training afterwards does not change what a trace says.
    input, output : array
    saved : NamedTuple
        What forward kept for backward.
    upstream, input_gradient : array
        d loss / d output and d loss / d input.
    gradients : dict of str to array
        d loss / d parameter.
    forward_seconds, backward_seconds : float
    forward_bytes, backward_bytes : int
        Memory of the arrays that each pass made and that are kept: output and saved; the gradients.
    blue_first : bool
        Whether the input is an image with its colours in the order blue, green, red.
    direction : str
        "forward" or "backward": in which pass a walk through the trace met this layer. The step has all arrays in
        both.
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
    blue_first: bool = False
    direction: str = "forward"

    @property
    def forward_bytes(self) -> int:
        return bytes_of([self.output, self.saved], but=[self.input])

    @property
    def backward_bytes(self) -> int:
        return bytes_of([self.input_gradient, self.gradients], but=[self.upstream, self.input, self.output, self.saved])

    def __repr__(self) -> str:
        return f"Step({self.name}, {self.direction}: {self.input.shape} to {self.output.shape})"


@dataclass(eq=False)
class TraceRecord:
    """All steps of one pass.

    Attributes
    ----------
    network : Layer
    steps : list of StepRecord
        In the order of the forward pass, the loss last; each has the arrays of the backward pass too.
    loss : float or None
        None where an upstream gradient was given instead of labels.
    """

    network: Layer
    steps: Sequence[StepRecord]
    loss: float | None
