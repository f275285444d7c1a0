"""Networks that put gradients together wrongly."""
import numpy as np

from ...layers import Conv2d, Flatten, Linear, ReLU, Tanh
from ...layers.base import Layer
from ...network import Network
from .catalogue import planted

SHAPE = (134, 3, 3, 2)  # 134 images go through the executor in blocks of 64, 64 and 6


def small(kind):
    return kind([("conv1", Conv2d(2, 3, 2)), ("relu1", ReLU()), ("flatten", Flatten()), ("fc2", Linear(12, 3))])


def square(kind):
    """Layers whose shapes fit in any order."""
    return kind([("fc1", Linear(4, 4)), ("tanh1", Tanh()), ("fc2", Linear(4, 4))])


def one(kind):
    """A layer around another."""
    return kind(Linear(4, 4))


def block_ends(saved):
    """Where the executor's blocks of images end."""
    return np.cumsum(saved["conv1"].lengths)


def of_images(net, dy, saved, images):
    """The gradients of some of the images, computed with zeros for the others."""
    quiet = np.zeros_like(dy)
    quiet[images] = dy[images]
    return Network.backward(net, quiet, saved)[1]


@planted("network-last-block-only", "conv1.w, conv1.b", small, SHAPE)
class LastBlockOnly(Network):
    """= instead of += over the blocks of images: the gradients are the last block's."""

    def backward(self, dy, saved, input_gradient=True):
        dx, grads = super().backward(dy, saved, input_gradient)
        return dx, grads | {"conv1": of_images(self, dy, saved, slice(block_ends(saved)[-2], None))["conv1"]}


@planted("network-block-dropped", "conv1.w, conv1.b", small, SHAPE)
class BlockDropped(Network):
    """The last, shorter block of images gives no gradients to the parameters."""

    def backward(self, dy, saved, input_gradient=True):
        dx, grads = super().backward(dy, saved, input_gradient)
        return dx, grads | {"conv1": of_images(self, dy, saved, slice(block_ends(saved)[-2]))["conv1"]}


@planted("network-blocks-averaged", "conv1.w, conv1.b", small, SHAPE)
class BlocksAveraged(Network):
    """The gradients of the blocks of images are averaged instead of added."""

    def backward(self, dy, saved, input_gradient=True):
        dx, grads = super().backward(dy, saved, input_gradient)
        count = len(block_ends(saved))
        return dx, grads | {"conv1": {name: array / count for name, array in grads["conv1"].items()}}


@planted("network-blocks-of-input-swapped", "x", small, SHAPE)
class BlocksSwapped(Network):
    """The blocks of the images' gradient are joined in the order in which threads end, not in that of the images."""

    def backward(self, dy, saved, input_gradient=True):
        dx, grads = super().backward(dy, saved, input_gradient)
        if dx is None:
            return dx, grads
        first, second, _ = block_ends(saved)
        return np.concatenate([dx[first:second], dx[:first], dx[second:]]), grads


@planted("network-layers-in-forward-order", "x, fc1.w, fc1.b, fc2.w, fc2.b", square, (3, 4))
class ForwardOrder(Network):
    """Backward visits the layers from the first to the last: reversed() is missing."""

    def backward(self, dy, saved, input_gradient=True):
        grads = {}
        for name, layer in self.layers.items():
            dy, new = layer.backward(dy, saved[name])
            if layer.params:
                grads[name] = new
        return dy, grads


@planted("network-gradients-of-other-layer", "fc1.w, fc1.b, fc2.w, fc2.b", square, (3, 4))
class OtherLayer(Network):
    """The gradients are collected from the last layer to the first, but assigned from the first to the last."""

    def backward(self, dy, saved, input_gradient=True):
        dx, grads = super().backward(dy, saved, input_gradient)
        return dx, dict(zip(grads, reversed(grads.values()), strict=True))


@planted("network-saved-of-other-layer", "fc1.w, fc2.w", square, (3, 4))
class SavedOfOther(Network):
    """Two layers get each other's saved."""

    def backward(self, dy, saved, input_gradient=True):
        swapped = saved | {"fc1": saved["fc2"], "fc2": saved["fc1"]}
        return super().backward(dy, swapped, input_gradient)


@planted("network-activation-skipped", "x, fc1.w, fc1.b", square, (3, 4))
class ActivationSkipped(Network):
    """Backward skips layers without parameters."""

    def backward(self, dy, saved, input_gradient=True):
        dy, second = self["fc2"].backward(dy, saved["fc2"])
        dx, first = self["fc1"].backward(dy, saved["fc1"])
        return dx, {"fc1": first, "fc2": second}


class Twice(Layer):
    """y = f(tanh(f(x))): one layer f that is used twice, so that its gradients add up."""

    whole_batch = True

    def __init__(self, inner):
        super().__init__()
        self.inner, self.params = inner, inner.params

    def convert_arrays(self, convert):
        self.inner.convert_arrays(convert)

    def forward(self, x, train=False):
        y, first = self.inner.forward(x, train)
        y, middle = Tanh().forward(y)
        y, second = self.inner.forward(y, train)
        return y, (first, middle, second)

    def backward(self, dy, saved, input_gradient=True):
        dy, of_second = self.inner.backward(dy, saved[2])
        dx, of_first = self.inner.backward(Tanh().backward(dy, saved[1])[0], saved[0])
        return dx, {name: self.joined(of_first[name], of_second[name]) for name in self.params}

    def joined(self, first, second):
        """Add the gradients of both uses of a parameter."""
        return first + second


@planted("network-shared-layer-overwritten", "w, b", one, (3, 4))
class SharedOverwritten(Twice):
    """= instead of += where a layer is used twice: the gradient of its second use is overwritten by the first's."""

    def joined(self, first, second):
        return first


@planted("network-shared-layer-averaged", "w, b", one, (3, 4))
class SharedAveraged(Twice):
    """The gradients of a layer that is used twice are averaged instead of added."""

    def joined(self, first, second):
        return (first + second) / 2


class AroundIt(Layer):
    """y = x + f(x), a residual connection: x has two paths to the loss."""

    whole_batch = True

    def __init__(self, inner):
        super().__init__()
        self.inner, self.params = inner, inner.params

    def convert_arrays(self, convert):
        self.inner.convert_arrays(convert)

    def forward(self, x, train=False):
        y, saved = self.inner.forward(x, train)
        return x + y, saved

    def backward(self, dy, saved, input_gradient=True):
        through, grads = self.inner.backward(dy, saved)
        return dy + through, grads


@planted("network-way-around-forgotten", "x", one, (3, 4))
class WayAroundForgotten(AroundIt):
    """The gradient of y = x + f(x) lacks the path around f."""

    def backward(self, dy, saved, input_gradient=True):
        return self.inner.backward(dy, saved)
