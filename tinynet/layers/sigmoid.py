"""Logistic sigmoid (Krizhevsky et al. 2012, section 3.1)."""
from typing import NamedTuple

from ..ops.arrays import Array, array_module
from .base import Layer


class Saved(NamedTuple):
    """The output, from which the slope follows."""

    y: Array


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)), worked out as (1 + tanh(x / 2)) / 2, which is the same and never overflows."""

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        y = 0.5 * array_module(x).tanh(0.5 * x) + 0.5
        return y, Saved(y)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        return dy * saved.y * (1 - saved.y)  # at most 1/4: why deep sigmoid networks learn slowly
