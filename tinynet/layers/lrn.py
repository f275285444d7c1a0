"""Local response normalization across nearby channels (Krizhevsky et al. 2012, section 3.3)."""
from typing import NamedTuple

from ..errors import ArgumentError, ShapeError
from ..ops import nearby_sum
from ..ops.arrays import Array, Shape
from ..ops.checks import check_between, check_count
from .base import Layer


class Saved(NamedTuple):
    """The input and the denominator before its power, both (N, H, W, C)."""

    x: Array
    scale: Array


class LocalResponseNorm(Layer):
    """y = x / scale**beta,  scale = k + alpha * (sum of x**2 over `size` nearby channels).

    Parameters
    ----------
    size : int
        Odd; the channels summed over, the channel itself in the middle. At the first and last channels those that
        exist.
    alpha, beta, k : float
        As in the paper: alpha multiplies the *sum*. PyTorch, Caffe, ONNX and the authors' program divide it by `size`
        first, so their alpha is `size` times ours.
    groups : int
        Windows stay inside each of so many equal parts of the channels, as they do inside the authors' two towers.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.
    """

    def __init__(
        self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0, groups: int = 1
    ) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = check_response_norm("LocalResponseNorm", size, alpha, beta, k)
        self.groups = check_count("LocalResponseNorm", "groups", groups)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        scale = self.k + self.alpha * nearby_sum(x * x, self.size, self.groups)      # (N, H, W, C)
        return x * scale**-self.beta, Saved(x, scale)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        # Two paths from x[c] to the loss: its own output, and the scale of every nearby channel.
        own = dy * saved.scale**-self.beta
        shared = saved.x * nearby_sum(own * saved.x / saved.scale, self.size, self.groups)
        return own - 2 * self.alpha * self.beta * shared

    def output_shape(self, shape: Shape) -> Shape:
        if shape[-1] % self.groups:
            raise ShapeError(f"LocalResponseNorm: {self.groups} groups do not divide {shape[-1]} channels")
        return shape


def check_response_norm(
    who: str, size: int, alpha: float, beta: float, k: float
) -> tuple[int, float, float, float]:
    """Return the settings of a response normalization; ArgumentError names the one that makes no sense."""
    if check_count(who, "size", size) % 2 == 0:
        raise ArgumentError(f"{who}: size is {size}, expected an odd number, so that the window has a middle")
    if check_between(who, "k", k, 0, float("inf")) == 0:
        raise ArgumentError(f"{who}: k is 0, expected a number above 0: zeros in the input would be divided by zero")
    return (
        int(size),
        check_between(who, "alpha", alpha, 0, float("inf")),
        check_between(who, "beta", beta, 0, float("inf")),
        float(k),
    )
