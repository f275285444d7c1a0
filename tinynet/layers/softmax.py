"""Softmax as a layer (Krizhevsky et al. 2012, section 3.5); `softmax_cross_entropy` fuses it with the loss."""
from typing import NamedTuple

from ..ops.arrays import Array, array_module
from .base import Layer


class Saved(NamedTuple):
    """The probabilities."""

    y: Array


class Softmax(Layer):
    """y[c] = exp(x[c]) / sum of exp(x) over the last axis."""

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        exp = array_module(x).exp(x - x.max(axis=-1, keepdims=True))  # the shift cancels, and nothing overflows
        y = exp / exp.sum(axis=-1, keepdims=True)
        return y, Saved(y)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        # Jacobian: d y[i] / d x[j] = y[i] * ((i == j) - y[j]); its product with dy without writing it out:
        return saved.y * (dy - (dy * saved.y).sum(axis=-1, keepdims=True))
