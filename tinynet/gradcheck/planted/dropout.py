"""Dropout whose gradient is wrong."""
import numpy as np

from ...layers import Dropout
from ...layers.dropout import Saved
from .catalogue import planted

SHAPE = (6, 8)


def rare(kind):
    """A p that differs from 1 - p."""
    return kind(0.3)


@planted("dropout-not-scaled", "x", rare, SHAPE)
class NotScaled(Dropout):
    """Backward drops, but forgets the factor 1 / (1 - p)."""

    def input_gradient(self, dy, saved):
        return dy * (saved.mask > 0)


@planted("dropout-scaled-twice", "x", rare, SHAPE)
class ScaledTwice(Dropout):
    """Backward divides by 1 - p once more, though the mask already contains it."""

    def input_gradient(self, dy, saved):
        return dy * saved.mask / (1 - self.p)


@planted("dropout-mask-drawn-anew", "backward, x", rare, SHAPE)
class DrawnAnew(Dropout):
    """Backward draws a new mask in each call."""

    def input_gradient(self, dy, saved):
        return dy * (self.generator.random(dy.shape) >= self.p) / (1 - self.p)


@planted("dropout-p-for-one-minus-p", "x", rare, SHAPE)
class PForOneMinusP(Dropout):
    """Backward divides by p instead of 1 - p, which is the same at 1 / 2 only."""

    def input_gradient(self, dy, saved):
        return dy * (saved.mask > 0) / self.p


@planted("dropout-mask-inverted", "x", rare, SHAPE)
class Inverted(Dropout):
    """Backward lets through what forward dropped."""

    def input_gradient(self, dy, saved):
        return dy * (saved.mask == 0) / (1 - self.p)


@planted("dropout-mask-forgotten", "x", rare, SHAPE)
class MaskForgotten(Dropout):
    """Backward lets everything through, as in evaluation."""

    def input_gradient(self, dy, saved):
        return dy.copy()


@planted("dropout-mask-of-first-image", "x", rare, SHAPE)
class MaskOfFirst(Dropout):
    """Backward uses the first image's mask for all images."""

    def input_gradient(self, dy, saved):
        return dy * saved.mask[:1]


@planted("dropout-mask-from-output", "x", rare, SHAPE)
class MaskFromOutput(Dropout):
    """The mask is guessed from the output's sign, as if the layer below were always a ReLU."""

    def forward(self, x, train=False):
        y, saved = super().forward(x, train)
        return y, Saved(np.where(y > 0, saved.mask.max(), 0.0))
