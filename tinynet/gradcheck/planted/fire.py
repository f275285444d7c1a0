"""Fire modules whose gradient is wrong."""
import numpy as np

from ...layers import Fire
from ...layers.conv import Saved as ConvSaved
from .catalogue import planted

SHAPE = (2, 4, 5, 3)


def uneven(kind):
    """More filters of 3 x 3 than of 1 x 1, so that the sides cannot be confused without an error."""
    return kind(3, 3, 4, 5)


def even(kind):
    """As many of either, as SqueezeNet has."""
    return kind(3, 3, 4, 4)


@planted("fire-three-side-forgotten", "x, squeeze_w, squeeze_b", uneven, SHAPE)
class ThreeSideForgotten(Fire):
    """The squeezed maps get their gradient from the filters of 1 x 1 alone, though both sides saw them."""

    def before_relus(self, dy, saved):
        _, expand1, _ = self.parts()
        _, dexpand1, dexpand3 = super().before_relus(dy, saved)
        dsqueezed = expand1.input_gradient(dexpand1, ConvSaved(saved.squeezed))
        return dsqueezed * (saved.squeezed > 0), dexpand1, dexpand3


@planted("fire-squeezed-relu-forgotten", "x, squeeze_w, squeeze_b", uneven, SHAPE)
class SqueezedReluForgotten(Fire):
    """Backward does not go through the ReLU of the squeezed maps: units that were off get a gradient too."""

    def before_relus(self, dy, saved):
        # Where all squeezed numbers are above zero, the ReLU lets everything through; the sides only need their shape.
        return super().before_relus(dy, saved._replace(squeezed=np.ones_like(saved.squeezed)))


@planted("fire-output-relu-forgotten", "x, squeeze_w, squeeze_b, expand1_w, expand1_b, expand3_w, expand3_b", uneven,
         SHAPE)
class OutputReluForgotten(Fire):
    """Backward does not go through the ReLU behind the two sides."""

    def before_relus(self, dy, saved):
        return super().before_relus(dy, saved._replace(y=np.ones_like(saved.y)))


@planted("fire-sides-swapped", "x, squeeze_w, squeeze_b, expand1_w, expand1_b, expand3_w, expand3_b", even, SHAPE)
class SidesSwapped(Fire):
    """Backward takes the channels apart in the wrong order, 3 x 3 first; the shapes fit where both have as many."""

    def before_relus(self, dy, saved):
        swapped = [np.roll(array, self.expand1, axis=3) for array in (dy, saved.y)]
        return super().before_relus(swapped[0], saved._replace(y=swapped[1]))


@planted("fire-expand-sees-input-before-relu", "expand1_w, expand3_w", uneven, SHAPE)
class SeesBeforeRelu(Fire):
    """The gradients of the sides' weights are computed from the squeezed maps as they were before their ReLU."""

    def param_gradients(self, dy, saved):
        before = self.parts()[0].forward(saved.x)[0]
        grads = super().param_gradients(dy, saved)
        _, *sides = self.parts()
        for name, side, upstream in zip(("expand1", "expand3"), sides, self.before_relus(dy, saved)[1:], strict=True):
            grads[f"{name}_w"] = side.param_gradients(upstream, ConvSaved(before))["w"]
        return grads
