"""Local response normalization whose gradient is wrong."""
import numpy as np

from ...layers import LocalResponseNorm
from ...layers.lrn import Saved
from ...ops import nearby_sum
from .catalogue import planted

SHAPE = (2, 2, 3, 8)


def paper(kind):
    """The paper's settings, but an alpha at which the normalization changes something."""
    return kind(size=5, alpha=0.5)


def towers(kind):
    return kind(size=5, alpha=0.5, groups=2)


def weak(kind):
    """The paper's settings, whose alpha hides much."""
    return kind()


def shared_path(layer, dy, saved):
    """The path through the scale, without its factor 2 alpha beta."""
    own = dy * saved.scale**-layer.beta
    return saved.x * nearby_sum(own * saved.x / saved.scale, layer.size, layer.groups)


@planted("lrn-own-path-only", "x", weak, SHAPE)
class OwnPathOnly(LocalResponseNorm):
    """The path through the scale is missing: the scale is treated as a constant."""

    def input_gradient(self, dy, saved):
        return dy * saved.scale**-self.beta


@planted("lrn-no-cross-channel-term", "x", paper, SHAPE)
class NoCrossTerm(LocalResponseNorm):
    """Only a channel's own part in its scale is differentiated, not its part in its neighbours' scales."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        return own - 2 * self.alpha * self.beta * saved.x * own * saved.x / saved.scale


@planted("lrn-window-short", "x", weak, SHAPE)
class WindowShort(LocalResponseNorm):
    """The window in backward is c-2 to c+1: range(c - 2, c + 2)."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        back = own * saved.x / saved.scale
        total = nearby_sum(back, self.size, self.groups)
        total[..., :-2] -= back[..., 2:]
        return own - 2 * self.alpha * self.beta * saved.x * total


@planted("lrn-window-beside", "x", paper, SHAPE)
class WindowBeside(LocalResponseNorm):
    """Forward sums channels c to c+4, backward c-2 to c+2."""

    def forward(self, x, train=False):
        scale = self.k + self.alpha * np.roll(nearby_sum(x * x, self.size, self.groups), -2, axis=-1)
        return x * scale**-self.beta, Saved(x, scale)


@planted("lrn-alpha-divided-backward", "x", paper, SHAPE)
class AlphaDivided(LocalResponseNorm):
    """alpha is divided by the size in backward only; other programs do it in both passes."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        return own - 2 * self.alpha / self.size * self.beta * shared_path(self, dy, saved)


@planted("lrn-factor-two-forgotten", "x", paper, SHAPE)
class FactorForgotten(LocalResponseNorm):
    """The 2 of x**2 differentiated is missing."""

    def input_gradient(self, dy, saved):
        return dy * saved.scale**-self.beta - self.alpha * self.beta * shared_path(self, dy, saved)


@planted("lrn-beta-sign", "x", paper, SHAPE)
class BetaSign(LocalResponseNorm):
    """The path through the scale is added instead of subtracted."""

    def input_gradient(self, dy, saved):
        return dy * saved.scale**-self.beta + 2 * self.alpha * self.beta * shared_path(self, dy, saved)


@planted("lrn-power-off-by-one", "x", paper, SHAPE)
class PowerOffByOne(LocalResponseNorm):
    """scale**-beta where scale**(-beta - 1) belongs."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        shared = saved.x * nearby_sum(own * saved.x, self.size, self.groups)
        return own - 2 * self.alpha * self.beta * shared


@planted("lrn-own-scale-for-neighbours", "x", paper, SHAPE)
class OwnScale(LocalResponseNorm):
    """Each neighbour's share is divided by the scale of the channel itself instead of by the neighbour's."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        shared = saved.x * nearby_sum(dy * saved.x, self.size, self.groups) * saved.scale ** (-self.beta - 1)
        return own - 2 * self.alpha * self.beta * shared


@planted("lrn-x-outside-the-sum", "x", paper, SHAPE)
class OutsideTheSum(LocalResponseNorm):
    """The neighbours' x is taken out of the sum as if it were the channel's own: x**2 times a sum without x."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        shared = saved.x**2 * nearby_sum(own / saved.scale, self.size, self.groups)
        return own - 2 * self.alpha * self.beta * shared


@planted("lrn-across-towers", "x", towers, SHAPE)
class AcrossTowers(LocalResponseNorm):
    """Forward keeps windows inside a tower, backward lets them reach into the other."""

    def input_gradient(self, dy, saved):
        own = dy * saved.scale**-self.beta
        shared = saved.x * nearby_sum(own * saved.x / saved.scale, self.size)
        return own - 2 * self.alpha * self.beta * shared


@planted("lrn-k-forgotten", "x", paper, SHAPE)
class KForgotten(LocalResponseNorm):
    """The scale is computed again in backward, without k."""

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved._replace(scale=saved.scale - self.k))
