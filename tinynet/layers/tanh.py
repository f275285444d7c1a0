"""Hyperbolic tangent, the unit that ReLU took the place of (Krizhevsky et al. 2012, section 3.1)."""
from typing import NamedTuple

from ..ops.arrays import Array, array_module
from .base import Layer


class Saved(NamedTuple):
    """The output, from which the slope follows."""

    y: Array


class Tanh(Layer):
    """y = tanh(x)."""

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        y = array_module(x).tanh(x)
        return y, Saved(y)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        return dy * (1 - saved.y * saved.y)  # tanh' = 1 - tanh**2: never above 1, and next to 0 where |x| is large
