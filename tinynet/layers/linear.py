"""A fully connected layer (Krizhevsky et al. 2012, section 3.5)."""
from typing import NamedTuple

import numpy as np

from ..errors import ShapeError
from ..ops import matmul
from ..ops.arrays import Array, Shape, shape_text
from ..ops.checks import Seed, check_count
from .as_drawn import draw_initial
from .base import Layer
from .initializers import check_initialization, random_weights


class Saved(NamedTuple):
    """The input (N, in)."""

    x: Array


class Linear(Layer):
    """y = x @ w + b.

    Parameters
    ----------
    in_features, out_features : int
    std, bias, seed
        As for Conv2d.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.

    Notes
    -----
    x is (N, in); `params` has "w" (in, out) and "b" (out,), float32. `matmul` is `@`, shared out among the threads.
    """

    whole_batch = True  # the weights, 38 million in fc6, are the larger matrix: read them once for the whole batch

    def __init__(
        self, in_features: int, out_features: int, *, std: float | None = None, bias: float = 0.0,
        seed: Seed | None = None,
    ) -> None:
        super().__init__()
        self.in_features = check_count("Linear", "in_features", in_features)
        self.out_features = check_count("Linear", "out_features", out_features)
        check_initialization("Linear", std, bias, seed)
        self.std, self.bias = std, bias
        draw_initial(self, seed)

    def draw_from(self, seed: Seed) -> None:
        self.params["w"] = random_weights((self.in_features, self.out_features), self.in_features, self.std, seed)
        self.params["b"] = np.full(self.out_features, self.bias, dtype=np.float32)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        return matmul(x, self.params["w"]) + self.params["b"], Saved(x)        # (N, out)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        return matmul(dy, self.params["w"].T)                                  # (N, in)

    def param_gradients(self, dy: Array, saved: Saved) -> dict[str, Array]:
        return {"w": matmul(saved.x.T, dy), "b": dy.sum(axis=0)}               # (in, out), (out,)

    def output_shape(self, shape: Shape) -> Shape:
        if shape != (self.in_features,):
            hint = "; a Flatten before it turns images into rows" if len(shape) == 3 else ""
            raise ShapeError(f"Linear expects {self.in_features} inputs, got {shape_text(shape)}{hint}")
        return (self.out_features,)

    def multiply_adds(self, shape: Shape) -> int:
        return self.params["w"].size
