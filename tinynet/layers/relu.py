"""Rectified linear unit (Krizhevsky et al. 2012, section 3.1; Nair and Hinton 2010)."""
from typing import NamedTuple

from ..ops.arrays import Array, array_module
from .base import Layer


class Saved(NamedTuple):
    """The output, which is positive just where the input was."""

    y: Array


class ReLU(Layer):
    """y = max(x, 0)."""

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        y = array_module(x).maximum(x, 0)
        return y, Saved(y)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        return dy * (saved.y > 0)  # the slope is 1 above zero and 0 below; at zero itself we take 0, as is usual
