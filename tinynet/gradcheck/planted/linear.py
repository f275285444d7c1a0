"""Fully connected layers whose gradient is wrong."""
import numpy as np

from ...layers import Linear
from ...layers.linear import Saved
from .catalogue import planted

SHAPE = (5, 4)


def square(kind):
    """As many inputs as outputs: a forgotten transpose shows in no shape."""
    return kind(4, 4)


def wide(kind):
    return kind(4, 3)


@planted("linear-input-not-transposed", "x", square, SHAPE)
class InputNotTransposed(Linear):
    """The input's gradient is dy @ w instead of dy @ w.T."""

    def input_gradient(self, dy, saved):
        return dy @ self.params["w"]


@planted("linear-weight-transposed", "w", square, SHAPE)
class WeightTransposed(Linear):
    """The weights' gradient is dy.T @ x instead of x.T @ dy."""

    def param_gradients(self, dy, saved):
        return {"w": dy.T @ saved.x, "b": dy.sum(axis=0)}


@planted("linear-forward-transposed", "x, w", square, SHAPE)
class ForwardTransposed(Linear):
    """Forward multiplies by w.T, as PyTorch keeps its weights; backward is right for w."""

    def forward(self, x, train=False):
        return x @ self.params["w"].T + self.params["b"], Saved(x)


@planted("linear-weight-mean-over-batch", "w", wide, SHAPE)
class WeightMeanOverBatch(Linear):
    """The weights' gradient is divided by N, which the loss has done already."""

    def param_gradients(self, dy, saved):
        return {"w": saved.x.T @ dy / len(dy), "b": dy.sum(axis=0)}


@planted("linear-weight-decay-inside", "w", wide, SHAPE)
class DecayInside(Linear):
    """The weights' gradient contains the weight decay, which is no part of the loss here."""

    def param_gradients(self, dy, saved):
        return {"w": saved.x.T @ dy + 5e-4 * self.params["w"], "b": dy.sum(axis=0)}


@planted("linear-bias-mean", "b", wide, SHAPE)
class BiasMean(Linear):
    """The biases' gradient is the mean over the batch instead of the sum."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": dy.mean(axis=0)}


@planted("linear-bias-first-row", "b", wide, SHAPE)
class BiasFirstRow(Linear):
    """The sum over the batch is missing: the biases' gradient is the first image's."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": dy[0]}


@planted("linear-bias-sum-over-outputs", "b", wide, SHAPE)
class BiasOverOutputs(Linear):
    """The biases' gradient is summed over the outputs as well, and each bias gets the total."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": np.full(dy.shape[1], dy.sum())}


@planted("linear-input-clipped", "x", wide, SHAPE)
class InputClipped(Linear):
    """The input's gradient is clipped to -1 to 1 inside the layer."""

    def input_gradient(self, dy, saved):
        return np.clip(super().input_gradient(dy, saved), -1, 1)
