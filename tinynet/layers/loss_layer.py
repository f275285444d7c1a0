"""The loss as a layer with fixed labels, so that a trace can show where the first gradient comes from."""
from typing import NamedTuple

from ..ops.arrays import Array, Shape, array_module
from ..ops.checks import as_array
from . import Softmax
from .base import Layer
from .loss import softmax_cross_entropy


class Saved(NamedTuple):
    """The scores and their probabilities, both (N, classes), and the gradient for an upstream gradient of 1."""

    x: Array
    probabilities: Array
    dscores: Array


class SoftmaxCrossEntropy(Layer):
    """loss = mean over the batch of -log softmax(x)[label].

    Parameters
    ----------
    labels : array of int (N,)

    Notes
    -----
    Its output is one number, an array of shape (). Its upstream gradient is 1, as d loss / d loss.
    """

    whole_batch = True  # the mean is over the batch

    def __init__(self, labels: Array) -> None:
        super().__init__()
        self.labels = as_array("labels", labels)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        loss, dscores = softmax_cross_entropy(x, self.labels)
        probabilities, _ = Softmax().forward(x)
        return array_module(x).asarray(loss, dtype=x.dtype), Saved(x, probabilities, dscores)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict]:
        return (dy * saved.dscores if input_gradient else None), {}

    def output_shape(self, shape: Shape) -> Shape:
        return ()

    def __repr__(self) -> str:
        return f"SoftmaxCrossEntropy({len(self.labels)} labels)"
