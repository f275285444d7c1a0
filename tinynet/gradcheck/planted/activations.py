"""Activation functions whose slope is wrong."""
import numpy as np

from ...layers import ReLU, Sigmoid, Tanh
from .catalogue import planted

SHAPE = (4, 6)


def plain(kind):
    return kind()


@planted("relu-mask-at-least-zero", "x", plain, SHAPE)
class AtLeastZero(ReLU):
    """The mask is y >= 0 where y is the output, which is nowhere below zero: everything passes."""

    def input_gradient(self, dy, saved):
        return dy * (saved.y >= 0)


@planted("relu-mask-of-gradient", "x", plain, SHAPE)
class MaskOfGradient(ReLU):
    """The mask is where dy is positive instead of where the input was (Zeiler and Fergus's deconvolution)."""

    def input_gradient(self, dy, saved):
        return dy * (dy > 0)


@planted("relu-guided", "x", plain, SHAPE)
class Guided(ReLU):
    """Negative dy are dropped as well: guided backpropagation makes nice pictures and is no gradient."""

    def input_gradient(self, dy, saved):
        return dy * (saved.y > 0) * (dy > 0)


@planted("relu-sign", "x", plain, SHAPE)
class SignForStep(ReLU):
    """The slope below zero is -1 instead of 0: the sign function where the step was meant."""

    def input_gradient(self, dy, saved):
        return dy * np.where(saved.y > 0, 1, -1)


@planted("relu-leaky-backward", "x", plain, SHAPE)
class LeakyBackward(ReLU):
    """The slope below zero is 0.01 in backward and 0 in forward."""

    def input_gradient(self, dy, saved):
        return dy * np.where(saved.y > 0, 1, 0.01)


@planted("relu-mask-of-neighbour", "x", plain, SHAPE)
class NeighboursMask(ReLU):
    """The mask comes from another output: here from the next image's."""

    def input_gradient(self, dy, saved):
        return dy * (np.roll(saved.y, 1, axis=0) > 0)


@planted("relu-capped", "x", plain, SHAPE)
class Capped(ReLU):
    """Backward has slope 0 above 1, as for a ReLU that stops rising there; forward goes on rising."""

    def input_gradient(self, dy, saved):
        return dy * ((saved.y > 0) & (saved.y < 1))


@planted("relu-multiplied-by-output", "x", plain, SHAPE)
class TimesOutput(ReLU):
    """dy is multiplied by the output instead of by its mask."""

    def input_gradient(self, dy, saved):
        return dy * saved.y


@planted("tanh-square-forgotten", "x", plain, SHAPE)
class SquareForgotten(Tanh):
    """The slope is taken to be 1 - y instead of 1 - y**2."""

    def input_gradient(self, dy, saved):
        return dy * (1 - saved.y)


@planted("tanh-of-output", "x", plain, SHAPE)
class TanhOfOutput(Tanh):
    """The slope is 1 - tanh(y)**2: the output is used as if it were the input."""

    def input_gradient(self, dy, saved):
        return dy * (1 - np.tanh(saved.y) ** 2)


@planted("tanh-slope-of-sigmoid", "x", plain, SHAPE)
class SlopeOfSigmoid(Tanh):
    """The slope is the sigmoid's, y (1 - y)."""

    def input_gradient(self, dy, saved):
        return dy * saved.y * (1 - saved.y)


@planted("tanh-scaled-forward", "x", plain, SHAPE)
class Scaled(Tanh):
    """Forward is LeCun's 1.7159 tanh(2 x / 3), backward the plain tanh's."""

    def forward(self, x, train=False):
        y = np.tanh(2 * x / 3)
        return 1.7159 * y, super().forward(2 * x / 3)[1]


@planted("sigmoid-factor-forgotten", "x", plain, SHAPE)
class FactorForgotten(Sigmoid):
    """The slope is taken to be y instead of y (1 - y)."""

    def input_gradient(self, dy, saved):
        return dy * saved.y


@planted("sigmoid-of-output", "x", plain, SHAPE)
class SigmoidOfOutput(Sigmoid):
    """The slope is s(y) (1 - s(y)): the output is used as if it were the input."""

    def input_gradient(self, dy, saved):
        s = 1 / (1 + np.exp(-saved.y))
        return dy * s * (1 - s)


@planted("sigmoid-sign", "x", plain, SHAPE)
class OtherSign(Sigmoid):
    """The slope is y (y - 1): the sign of exp(-x) differentiated is lost."""

    def input_gradient(self, dy, saved):
        return dy * saved.y * (saved.y - 1)
