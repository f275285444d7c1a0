"""Softmax layers whose gradient is wrong."""
import numpy as np

from ...layers import Softmax
from .catalogue import planted

SHAPE = (3, 5)


def plain(kind):
    return kind()


@planted("softmax-diagonal-only", "x", plain, SHAPE)
class DiagonalOnly(Softmax):
    """Only the diagonal of the Jacobian, y (1 - y), as if softmax were a sigmoid of each score."""

    def input_gradient(self, dy, saved):
        return dy * saved.y * (1 - saved.y)


@planted("softmax-zeros", "x", plain, SHAPE)
class Zeros(Softmax):
    """The gradient is zero, which with an upstream gradient of ones is right: the outputs sum to 1."""

    def input_gradient(self, dy, saved):
        return np.zeros_like(dy)


@planted("softmax-off-diagonal-only", "x", plain, SHAPE)
class OffDiagonalOnly(Softmax):
    """The diagonal of the Jacobian lacks its first term: -y[i] y[j] everywhere."""

    def input_gradient(self, dy, saved):
        return -saved.y * (dy * saved.y).sum(axis=-1, keepdims=True)


@planted("softmax-sum-over-batch", "x", plain, SHAPE)
class SumOverBatch(Softmax):
    """The sum in the Jacobian's product runs over the images instead of the classes."""

    def input_gradient(self, dy, saved):
        return saved.y * (dy - (dy * saved.y).sum(axis=0, keepdims=True))


@planted("softmax-taken-for-fused", "x", plain, SHAPE)
class TakenForFused(Softmax):
    """dy is passed on unchanged, as if the loss already contained softmax's gradient."""

    def input_gradient(self, dy, saved):
        return dy.copy()


@planted("softmax-y-forgotten-in-sum", "x", plain, SHAPE)
class SumWithoutY(Softmax):
    """The sum is of dy instead of dy * y."""

    def input_gradient(self, dy, saved):
        return saved.y * (dy - dy.sum(axis=-1, keepdims=True))
