"""Locally connected layers and flattening whose gradient is wrong."""
import numpy as np

from ...layers import Flatten, LocallyConnected2d
from .catalogue import planted

SHAPE = (2, 5, 5, 2)


def local(kind):
    """As many positions down as across."""
    return kind(2, 3, 3, input_size=5, stride=1)


def flatten(kind):
    return kind()


@planted("local-weight-shared", "w", local, SHAPE)
class WeightShared(LocallyConnected2d):
    """The weights' gradient is summed over the positions and each gets the total, as for a convolution."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        shared = grads["w"].sum(axis=(0, 1), keepdims=True)
        return grads | {"w": np.broadcast_to(shared, grads["w"].shape).copy()}


@planted("local-bias-shared", "b", local, SHAPE)
class BiasShared(LocallyConnected2d):
    """The biases' gradient is summed over the positions, though each position has its own biases."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"b": np.broadcast_to(dy.sum(axis=(0, 1, 2)), grads["b"].shape).copy()}


@planted("local-weight-places-transposed", "w", local, SHAPE)
class PlacesTransposed(LocallyConnected2d):
    """The weights' gradient has rows and columns of positions swapped."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"w": grads["w"].swapaxes(0, 1).copy()}


@planted("local-input-first-place", "x", local, SHAPE)
class FirstPlace(LocallyConnected2d):
    """The images' gradient uses the first position's filters everywhere."""

    def input_gradient(self, dy, saved):
        one = type(self)(self.in_channels, self.out_channels, self.kernel_size, self.input_size, self.stride)
        one.params = self.params | {"w": np.broadcast_to(self.params["w"][:1, :1], self.params["w"].shape)}
        return LocallyConnected2d.input_gradient(one, dy, saved)


@planted("local-weight-mean-over-batch", "w", local, SHAPE)
class MeanOverBatch(LocallyConnected2d):
    """The weights' gradient is the mean over the images."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"w": grads["w"] / len(dy)}


@planted("flatten-channels-first", "x", flatten, (2, 3, 4, 2))
class ChannelsFirst(Flatten):
    """Backward reads the rows in the order (C, H, W)."""

    def input_gradient(self, dy, saved):
        n, h, w, c = saved.x.shape
        return dy.reshape(n, c, h, w).transpose(0, 2, 3, 1)


@planted("flatten-columns-first", "x", flatten, (2, 3, 4, 2))
class ColumnsFirst(Flatten):
    """Backward reads the rows in the order (W, H, C)."""

    def input_gradient(self, dy, saved):
        n, h, w, c = saved.x.shape
        return dy.reshape(n, w, h, c).transpose(0, 2, 1, 3)


@planted("flatten-order-f", "x", flatten, (2, 3, 4, 2))
class OrderF(Flatten):
    """Backward reshapes in Fortran's order, which mixes the images."""

    def input_gradient(self, dy, saved):
        return dy.reshape(saved.x.shape, order="F")
