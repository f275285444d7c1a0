"""Pooling whose gradient is wrong."""
import numpy as np

from ...layers import AvgPool2d, MaxPool2d
from ...layers.base import Layer
from ...network import Network
from ...ops import window_max_back, window_sum_back
from ...ops.numpy_ops import every, offsets, padded, zeros_with_edges
from .catalogue import planted

SHAPE = (2, 7, 7, 2)


def overlapping(kind):
    """The paper's 3 / 2."""
    return kind(3, 2)


def with_padding(kind):
    return kind(3, 2, padding=1)


class Repeat(Layer):
    """y = x with every pixel written 2 x 2 times: the copies tie in max-pooling, and stay tied as x moves."""

    def forward(self, x, train=False):
        return x.repeat(2, axis=1).repeat(2, axis=2), ()

    def input_gradient(self, dy, saved):
        n, h, w, c = dy.shape
        return dy.reshape(n, h // 2, 2, w // 2, 2, c).sum(axis=(2, 4))

    def output_shape(self, shape):
        return 2 * shape[0], 2 * shape[1], shape[2]


def after_copies(kind):
    """Max-pooling of copies: a tie at which there is a derivative, because tied positions move together."""
    return Network([("repeat", Repeat()), ("pool", kind(3, 2))])


def to_matches(layer, dy, saved, add):
    """Give each dy to every position that equals its window's maximum; `add` says how."""
    seen = padded(saved.x, layer.window, -np.inf)
    total, inside = zeros_with_edges(dy, saved.x.shape, layer.window)
    for _, _, places in offsets(layer.window, *saved.y.shape[1:3]):
        total[places] = add(total[places], dy, seen[places] == saved.y)
    return inside


@planted("max-pool-overwritten", "x", overlapping, SHAPE)
class Overwritten(MaxPool2d):
    """= instead of +=: the maximum of several windows keeps the last one's gradient; right where none overlap."""

    def input_gradient(self, dy, saved):
        return to_matches(self, dy, saved, lambda total, dy, wins: np.where(wins, dy, total))


@planted("max-pool-every-tie-rewarded", "x", after_copies, (2, 4, 4, 2))
class EveryTieRewarded(MaxPool2d):
    """Each of several tied maxima gets the whole dy, so that together they get it several times."""

    def input_gradient(self, dy, saved):
        return to_matches(self, dy, saved, lambda total, dy, wins: total + dy * wins)


@planted("max-pool-tie-loses", "x", after_copies, (2, 4, 4, 2))
class TieLoses(MaxPool2d):
    """The dy of a window in which two positions tie is lost."""

    def input_gradient(self, dy, saved):
        matches = sum(padded(saved.x, self.window, -np.inf)[places] == saved.y
                      for _, _, places in offsets(self.window, *dy.shape[1:3]))
        return super().input_gradient(dy * (matches == 1), saved)


@planted("max-pool-padding-wins", "x", lambda kind: kind(2, 2, padding=1), SHAPE)
class PaddingWins(MaxPool2d):
    """Backward pads with zeros, forward with minus infinity: where all is negative, the padding gets dy."""

    def input_gradient(self, dy, saved):
        zero_padded = padded(saved.x, self.window)
        lost = np.stack([zero_padded[places] for _, _, places in offsets(self.window, *dy.shape[1:3])]).max(axis=0)
        return super().input_gradient(dy * (lost == saved.y), saved)


@planted("max-pool-padding-cropped-at-end", "x", with_padding, SHAPE)
class PaddingCroppedAtEnd(MaxPool2d):
    """All of the padding is cut off at the bottom and right."""

    def input_gradient(self, dy, saved):
        wide = padded(saved.x, self.window, -np.inf)
        whole = window_max_back(dy, wide, saved.y, self.window._replace(padding=(0, 0)))
        return whole[:, : saved.x.shape[1], : saved.x.shape[2]]


@planted("max-pool-stride-is-kernel", "x", overlapping, SHAPE)
class StrideIsKernel(MaxPool2d):
    """Backward treats windows as if they were side by side: (i, j) of one and of the next are kernel_size apart."""

    def input_gradient(self, dy, saved):
        (kh, kw), (oh, ow) = self.window.kernel, dy.shape[1:3]
        seen = padded(saved.x, self.window, -np.inf)
        total = np.zeros((len(dy), oh * kh, ow * kw, dy.shape[3]), dy.dtype)
        for i, j, places in offsets(self.window, oh, ow):
            total[:, every(kh, i, oh), every(kw, j, ow)] += dy * (seen[places] == saved.y)
        return total[:, : saved.x.shape[1], : saved.x.shape[2]]


@planted("max-pool-winner-transposed", "x", lambda kind: kind(2, 2), (2, 6, 6, 2))
class WinnerTransposed(MaxPool2d):
    """Row and column of the winner are swapped when its number in the window is taken apart."""

    def input_gradient(self, dy, saved):
        total = np.zeros_like(saved.x)
        for i, j, places in offsets(self.window, *dy.shape[1:3]):
            wins = saved.x[places] == saved.y
            total[:, every(2, j, dy.shape[1]), every(2, i, dy.shape[2])] += dy * wins
        return total


@planted("max-pool-shared-out", "x", overlapping, SHAPE)
class SharedOut(MaxPool2d):
    """dy is divided evenly over the window, as in average pooling."""

    def input_gradient(self, dy, saved):
        return window_sum_back(dy / 9, saved.x.shape, self.window)


@planted("max-pool-one-channel-wins", "x", overlapping, SHAPE)
class OneChannelWins(MaxPool2d):
    """The first channel's maxima decide for all channels."""

    def input_gradient(self, dy, saved):
        x, y = (np.repeat(array[..., :1], dy.shape[3], axis=3) for array in saved)
        return super().input_gradient(dy, saved._replace(x=x, y=y))


@planted("avg-pool-not-divided", "x", overlapping, SHAPE)
class NotDivided(AvgPool2d):
    """Each position under a window gets the whole dy."""

    def input_gradient(self, dy, saved):
        return window_sum_back(dy, saved.x.shape, self.window)


@planted("avg-pool-ceil-mode-count", "x", lambda kind: kind(3, 2, ceil_mode=True), (2, 6, 6, 2))
class CeilModeCount(AvgPool2d):
    """Backward divides by the window's area, also at the edge, where forward counts the positions that exist."""

    def input_gradient(self, dy, saved):
        return window_sum_back(dy / np.prod(self.window.kernel), saved.x.shape, self.window)


@planted("avg-pool-padding-not-counted", "x", with_padding, SHAPE)
class PaddingNotCounted(AvgPool2d):
    """Forward counts the padding in its mean, backward divides by the positions inside the image."""

    def input_gradient(self, dy, saved):
        ones = padded(np.ones_like(saved.x), self.window)
        inside = sum(ones[places] for _, _, places in offsets(self.window, *dy.shape[1:3]))
        return window_sum_back(dy / inside, saved.x.shape, self.window)


@planted("avg-pool-divided-by-stride", "x", overlapping, SHAPE)
class DividedByStride(AvgPool2d):
    """Backward divides by the stride's area instead of the window's."""

    def input_gradient(self, dy, saved):
        return window_sum_back(dy / np.prod(self.window.stride), saved.x.shape, self.window)


@planted("avg-pool-overwritten", "x", overlapping, SHAPE)
class AverageOverwritten(AvgPool2d):
    """= instead of +=: a position under several windows keeps the last one's share."""

    def input_gradient(self, dy, saved):
        total, inside = zeros_with_edges(dy, saved.x.shape, self.window)
        for _, _, places in offsets(self.window, *dy.shape[1:3]):
            total[places] = dy / self.cells(saved.x)
        return inside


@planted("avg-pool-window-off-by-one", "x", overlapping, SHAPE)
class WindowOffByOne(AvgPool2d):
    """The last row under each window gets nothing: range(KH - 1)."""

    def input_gradient(self, dy, saved):
        kh, kw = self.window.kernel
        total, inside = zeros_with_edges(dy, saved.x.shape, self.window)
        for i, _, places in offsets(self.window, *dy.shape[1:3]):
            if i < kh - 1:
                total[places] += dy / (kh * kw)
        return inside
