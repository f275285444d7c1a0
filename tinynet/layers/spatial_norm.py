"""Response normalization within each map, in the authors' CIFAR-10 networks and in their program's AlexNet."""
from typing import NamedTuple

from ..ops import around_sum
from ..ops.arrays import Array, Shape
from ..ops.checks import check_image_shape
from .base import Layer
from .lrn import check_response_norm


class Saved(NamedTuple):
    """The input and the denominator before its power, both (N, H, W, C)."""

    x: Array
    scale: Array


class SpatialResponseNorm(Layer):
    """y = x / scale**beta,  scale = k + alpha * (sum of x**2 over `size` x `size` places around, same channel).

    Parameters
    ----------
    size : int
        Odd; at the borders the places that exist.
    alpha, beta, k : float
        alpha multiplies the sum (cuda-convnet's files give a scale that its program divides by size**2 first).

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.
    """

    def __init__(self, size: int = 3, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = check_response_norm("SpatialResponseNorm", size, alpha, beta, k)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        scale = self.k + self.alpha * around_sum(x * x, self.size)              # (N, H, W, C)
        return x * scale**-self.beta, Saved(x, scale)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        # Two paths from x to the loss: its own output, and the scale of every place around.
        own = dy * saved.scale**-self.beta
        shared = saved.x * around_sum(own * saved.x / saved.scale, self.size)
        return own - 2 * self.alpha * self.beta * shared

    def output_shape(self, shape: Shape) -> Shape:
        return check_image_shape("SpatialResponseNorm", shape)
