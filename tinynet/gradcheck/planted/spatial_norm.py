"""Response normalization within each map whose gradient is wrong."""
import numpy as np

from ...layers import SpatialResponseNorm
from ...ops import around_sum
from ...ops.numpy_ops import along_both
from ...ops.window import Window
from .catalogue import planted

SHAPE = (2, 5, 6, 2)


def strong(kind):
    return kind(size=3, alpha=0.5)


def weak(kind):
    """The default alpha, which hides much."""
    return kind()


@planted("spatial-norm-own-path-only", "x", weak, SHAPE)
class OwnPathOnly(SpatialResponseNorm):
    """The path through the scale is missing."""

    def input_gradient(self, dy, saved):
        return dy * saved.scale**-self.beta


@planted("spatial-norm-no-places-around", "x", strong, SHAPE)
class NoPlacesAround(SpatialResponseNorm):
    """Only a position's part in its own scale is differentiated, not its part in the scales around."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        return own - 2 * self.alpha * self.beta * saved.x * own * saved.x / saved.scale


@planted("spatial-norm-alpha-divided-backward", "x", strong, SHAPE)
class AlphaDivided(SpatialResponseNorm):
    """alpha is divided by size**2 in backward only."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        shared = saved.x * around_sum(own * saved.x / saved.scale, self.size)
        return own - 2 * self.alpha / self.size**2 * self.beta * shared


@planted("spatial-norm-window-at-corner", "x", strong, SHAPE)
class WindowAtCorner(SpatialResponseNorm):
    """The window in backward starts at the position instead of having it in the middle."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        around = np.pad(own * saved.x / saved.scale, ((0, 0), (0, self.size - 1), (0, self.size - 1), (0, 0)))
        sums = along_both(around, Window((self.size, self.size), (1, 1), (0, 0), False), np.add)
        return own - 2 * self.alpha * self.beta * saved.x * sums


@planted("spatial-norm-sums-channels", "x", strong, SHAPE)
class SumsChannels(SpatialResponseNorm):
    """The sum in backward runs over the channels as well."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        sums = around_sum(own * saved.x / saved.scale, self.size).sum(axis=-1, keepdims=True)
        return own - 2 * self.alpha * self.beta * saved.x * sums
