"""Convolutions whose weights' or biases' gradient is wrong."""
import copy

import numpy as np

from ...layers import Conv2d
from ...layers.conv import Saved
from ...ops import im2col
from ...ops.numpy_ops import padded
from .catalogue import planted
from .conv_input import SHAPE, strided


def weights_from(layer, padded_x, dy, stride):
    """The weights' gradient (one group) from padded images, whose windows are `stride` apart."""
    window = layer.window._replace(padding=(0, 0), stride=stride)
    oh, ow = window.output_size(padded_x.shape[1:3])
    cols = im2col(padded_x, window).reshape(len(dy), oh, ow, -1)[:, : dy.shape[1], : dy.shape[2]]
    return np.einsum("nhwk,nhwf->kf", cols, dy).reshape(layer.params["w"].shape)


@planted("conv2d-weight-flipped-kernel", "w", strided, SHAPE)
class FlippedKernel(Conv2d):
    """The weights' gradient is turned by 180 degrees."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"w": grads["w"][::-1, ::-1].copy()}


@planted("conv2d-weight-transposed-kernel", "w", strided, SHAPE)
class TransposedKernel(Conv2d):
    """The weights' gradient has rows and columns of the filters swapped."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"w": grads["w"].swapaxes(0, 1).copy()}


@planted("conv2d-weight-channels-as-filters", "w", lambda kind: kind(3, 3, 2), (2, 4, 4, 3))
class ChannelsAsFilters(Conv2d):
    """The weights' gradient swaps channels and filters, which shows in no shape when both are as many."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"w": grads["w"].swapaxes(2, 3).copy()}


@planted("conv2d-weight-first-group", "w", strided, SHAPE)
class FirstGroup(Conv2d):
    """The weights' gradient of every group is computed with the first group's channels."""

    def param_gradients(self, dy, saved):
        first = saved.x[..., : self.in_channels // self.groups]
        return super().param_gradients(dy, Saved(np.tile(first, self.groups)))


@planted("conv2d-weight-groups-interleaved", "w", strided, SHAPE)
class GroupsInterleaved(Conv2d):
    """The weights' gradient takes every G-th filter for a group (g::G), forward takes F / G in a row."""

    def param_gradients(self, dy, saved):
        order = np.arange(self.out_channels).reshape(-1, self.groups).T.ravel()
        grads = super().param_gradients(dy[..., order], saved)
        return {"w": grads["w"][..., np.argsort(order)], "b": dy.sum(axis=(0, 1, 2))}


@planted("conv2d-weight-padding-on-one-side", "w", lambda kind: kind(2, 3, 3, padding=1), (2, 5, 5, 2))
class PaddingOnOneSide(Conv2d):
    """For the weights' gradient the images get all their padding at the bottom and right."""

    def param_gradients(self, dy, saved):
        wide = np.roll(padded(saved.x, self.window), (-1, -1), axis=(1, 2))
        return super().param_gradients(dy, saved) | {"w": weights_from(self, wide, dy, self.window.stride)}


@planted("conv2d-weight-stride-forgotten", "w", lambda kind: kind(2, 3, 3, stride=2), (2, 7, 7, 2))
class StrideForgotten(Conv2d):
    """For the weights' gradient the windows are 1 apart, whatever the stride."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"w": weights_from(self, saved.x, dy, (1, 1))}


@planted("conv2d-weight-last-image", "w", strided, SHAPE)
class LastImage(Conv2d):
    """= instead of += in the loop over the images: the weights' gradient is that of the last one."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"w": super().param_gradients(dy[-1:], Saved(saved.x[-1:]))["w"]}


@planted("conv2d-weight-mean-over-batch", "w", strided, SHAPE)
class MeanOverBatch(Conv2d):
    """The weights' gradient is divided by the number of images, which the loss has done already."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"w": grads["w"] / len(dy)}


@planted("conv2d-weight-last-place", "w", strided, SHAPE)
class LastPlaceLeftOut(Conv2d):
    """The windows of the last column are left out of the weights' gradient: range(OW - 1)."""

    def param_gradients(self, dy, saved):
        grads, inner = super().param_gradients(dy, saved), dy.copy()
        inner[:, :, -1] = 0
        return grads | {"w": super().param_gradients(inner, saved)["w"]}


@planted("conv2d-bias-mean", "b", strided, SHAPE)
class BiasMean(Conv2d):
    """The biases' gradient is the mean over images and positions instead of the sum."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": dy.mean(axis=(0, 1, 2))}


@planted("conv2d-bias-first-image", "b", strided, SHAPE)
class BiasFirstImage(Conv2d):
    """The biases' gradient is summed over the positions of the first image only, not over the batch."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": dy[0].sum(axis=(0, 1))}


@planted("conv2d-bias-one-place", "b", strided, SHAPE)
class BiasOnePlace(Conv2d):
    """The biases' gradient is summed over the images but not over the positions."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": dy[:, 0, 0].sum(axis=0)}


@planted("conv2d-bias-forgotten", "b", strided, SHAPE)
class BiasForgotten(Conv2d):
    """The biases' gradient stays at its initial zeros."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": np.zeros_like(self.params["b"])}


@planted("conv2d-forward-bias-twice", "b", lambda kind: kind(2, 3, 3), (2, 5, 5, 2))
class BiasAddedTwice(Conv2d):
    """Forward adds the biases twice, once in the product and once after it."""

    def forward(self, x, train=False):
        once = copy.copy(self)
        once.params = self.params | {"b": 2 * self.params["b"]}
        return Conv2d.forward(once, x, train)
