"""Convolutions whose images' gradient is wrong."""
import copy

import numpy as np

from ...layers import Conv2d
from ...layers.conv import Saved
from ...ops import im2col
from ...ops.numpy_ops import offsets, padded, zeros_with_edges
from .catalogue import planted

SHAPE = (2, 7, 6, 4)


def strided(kind):
    """Overlapping windows, a stride, padding, two groups with as many channels as filters."""
    return kind(4, 4, 3, stride=2, padding=1, groups=2)


def with_weights(layer, w):
    """The same layer with other weights."""
    other = copy.copy(layer)
    other.params = layer.params | {"w": w}
    return other


def before_cropping(layer, dy, saved):
    """The gradient of the padded images."""
    other = copy.copy(layer)
    other.window = layer.window._replace(padding=(0, 0))
    return Conv2d.input_gradient(other, dy, Saved(padded(saved.x, layer.window)))


def sent_back(layer, dy):
    """The gradient of what each window saw, before it is added up: (N, OH, OW, KH, KW, C)."""
    kh, kw = layer.window.kernel
    patches = np.empty((*dy.shape[:3], kh, kw, layer.in_channels), dy.dtype)
    for channels, filters, w in layer.each_group():
        patches[..., channels] = (dy[..., filters] @ w.T).reshape(*patches.shape[:5], -1)
    return patches


@planted("conv2d-input-flipped-kernel", "x", strided, SHAPE)
class FlippedKernel(Conv2d):
    """The images' gradient is computed with filters turned by 180 degrees."""

    def input_gradient(self, dy, saved):
        return Conv2d.input_gradient(with_weights(self, self.params["w"][::-1, ::-1]), dy, saved)


@planted("conv2d-input-transposed-kernel", "x", strided, SHAPE)
class TransposedKernel(Conv2d):
    """The images' gradient is computed with rows and columns of the filters swapped."""

    def input_gradient(self, dy, saved):
        return Conv2d.input_gradient(with_weights(self, self.params["w"].swapaxes(0, 1)), dy, saved)


@planted("conv2d-input-channels-as-filters", "x", lambda kind: kind(3, 3, 2), (2, 4, 4, 3))
class ChannelsAsFilters(Conv2d):
    """The images' gradient swaps channels and filters of the weights, which shows in no shape when both are as many."""

    def input_gradient(self, dy, saved):
        return Conv2d.input_gradient(with_weights(self, self.params["w"].swapaxes(2, 3)), dy, saved)


@planted("conv2d-input-first-group", "x", strided, SHAPE)
class FirstGroup(Conv2d):
    """The images' gradient of every group is computed with the first group's filters."""

    def input_gradient(self, dy, saved):
        first = self.params["w"][..., : self.out_channels // self.groups]
        return Conv2d.input_gradient(with_weights(self, np.tile(first, self.groups)), dy, saved)


@planted("conv2d-input-groups-swapped", "x", strided, SHAPE)
class GroupsSwapped(Conv2d):
    """The gradients of the groups' channels are put together in the wrong order."""

    def input_gradient(self, dy, saved):
        return np.roll(super().input_gradient(dy, saved), self.in_channels // self.groups, axis=-1)


@planted("conv2d-input-padding-cropped-at-end", "x", strided, SHAPE)
class PaddingCroppedAtEnd(Conv2d):
    """All of the padding is cut off at the bottom and right, none at the top and left."""

    def input_gradient(self, dy, saved):
        return before_cropping(self, dy, saved)[:, : saved.x.shape[1], : saved.x.shape[2]]


@planted("conv2d-input-padding-cropped-at-start", "x", strided, SHAPE)
class PaddingCroppedAtStart(Conv2d):
    """All of the padding is cut off at the top and left, none at the bottom and right."""

    def input_gradient(self, dy, saved):
        return before_cropping(self, dy, saved)[:, -saved.x.shape[1] :, -saved.x.shape[2] :]


@planted("conv2d-input-padding-sides-swapped", "x", lambda kind: kind(2, 3, 3, padding=(0, 2)), (2, 5, 5, 2))
class PaddingSidesSwapped(Conv2d):
    """The padding's height is cut off where its width was added: right for equal padding only."""

    def input_gradient(self, dy, saved):
        whole, (_, h, w, _) = before_cropping(self, dy, saved), saved.x.shape
        out, (down, across) = np.zeros_like(saved.x), self.window.padding
        part = whole[:, across : across + h, down : down + w]
        out[:, : part.shape[1], : part.shape[2]] = part
        return out


@planted("conv2d-input-stride-forgotten", "x", strided, SHAPE)
class StrideForgotten(Conv2d):
    """Each window's gradient is added as if the stride were 1."""

    def input_gradient(self, dy, saved):
        patches, (oh, ow) = sent_back(self, dy), dy.shape[1:3]
        total, inside = zeros_with_edges(dy, saved.x.shape, self.window)
        for i, j, places in offsets(self.window._replace(stride=(1, 1)), oh, ow):
            total[places] += patches[:, :, :, i, j]
        return inside


@planted("conv2d-input-overlap-overwritten", "x", strided, SHAPE)
class OverlapOverwritten(Conv2d):
    """= instead of +=: a pixel seen by several windows keeps the last one's gradient only."""

    def input_gradient(self, dy, saved):
        patches, (oh, ow) = sent_back(self, dy), dy.shape[1:3]
        total, inside = zeros_with_edges(dy, saved.x.shape, self.window)
        for i, j, places in offsets(self.window, oh, ow):
            total[places] = patches[:, :, :, i, j]
        return inside


@planted("conv2d-input-window-off-by-one", "x", strided, SHAPE)
class WindowOffByOne(Conv2d):
    """The last row of the filters is left out in backward: range(KH - 1)."""

    def input_gradient(self, dy, saved):
        w = self.params["w"].copy()
        w[-1] = 0
        return Conv2d.input_gradient(with_weights(self, w), dy, saved)


@planted("conv2d-input-reshape-for-transpose", "x", lambda kind: kind(2, 3, 3), (2, 5, 5, 2))
class ReshapeForTranspose(Conv2d):
    """dy is brought from (N, OH, OW, F) to (N, F, OH, OW) by reshape, which leaves the numbers in their old order."""

    def input_gradient(self, dy, saved):
        n, oh, ow, f = dy.shape
        return super().input_gradient(dy.reshape(n, f, oh, ow).transpose(0, 2, 3, 1), saved)


@planted("conv2d-input-ceil-mode-forgotten", "x", lambda kind: kind(2, 3, 3, stride=2, ceil_mode=True), (2, 6, 6, 2))
class CeilModeForgotten(Conv2d):
    """The gradients of the windows that ceil_mode adds at the edge are left out."""

    def input_gradient(self, dy, saved):
        oh, ow = self.window._replace(ceil_mode=False).output_size(saved.x.shape[1:3])
        inner = np.zeros_like(dy)
        inner[:, :oh, :ow] = dy[:, :oh, :ow]
        return super().input_gradient(inner, saved)


@planted("conv2d-forward-padding-repeats-the-edge", "x, w", lambda kind: kind(2, 3, 3, padding=1), (2, 4, 4, 2))
class EdgeRepeated(Conv2d):
    """Forward pads with the pixels of the edge, but backward is right for zeros."""

    def forward(self, x, train=False):
        (top, bottom), (left, right) = self.window.edges(x.shape[1:3])
        wide = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), mode="edge")
        cols = im2col(wide, self.window._replace(padding=(0, 0)))
        y = cols @ self.params["w"].reshape(-1, self.out_channels) + self.params["b"]
        return y.reshape(len(x), *self.output_shape(x.shape[1:])), Saved(x)
