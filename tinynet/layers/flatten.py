"""Images to rows, between the last pooling and the first fully connected layer."""
import math
from typing import NamedTuple

from ..ops.arrays import Array, Shape
from .base import Layer


class Saved(NamedTuple):
    """The input, of which backward needs the shape alone."""

    x: Array


class Flatten(Layer):
    """y = x with all axes but the first made one: (N, H, W, C) to (N, H*W*C), the channel running fastest."""

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        return x.reshape(len(x), -1), Saved(x)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        return dy.reshape(saved.x.shape)

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)
