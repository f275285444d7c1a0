"""Where numbers stop being finite: the question after a loss of nan."""
from collections.abc import Mapping
from typing import Any

from ..layers.loss import cross_entropy
from ..network import Network
from ..network.params import flat, single_layers
from ..ops.arrays import Array, array_module
from .checkpoint import set_generator_states

IMAGES = "the images themselves are not finite"


def all_finite(array: Array) -> bool:
    """Tell whether no number is infinite or nan; smallest and largest tell it without a large temporary."""
    xp = array_module(array)
    return array.size == 0 or bool(xp.isfinite(array.min()) & xp.isfinite(array.max()))


def not_finite_in(net: Network) -> str | None:
    """Return the name of the first parameter or running statistic that is not finite, "conv1.w"; None if all are."""
    arrays = {**flat(net.params), **flat(net.buffers)}
    return next((".".join(path) for path, array in arrays.items() if not all_finite(array)), None)


def first_not_finite(net: Network, images: Array, states: Mapping[str, Any] | None = None) -> str:
    """Say which layer's output is the first that is not finite, for a batch in training or in evaluation.

    Parameters
    ----------
    net : Network
        Its layers run one by one, with the parameters that they have.
    images : array (N, H, W, C)
    states : dict, optional
        In training: those of the layers' random generators before the batch, so that the same masks are drawn.
    """
    if not all_finite(images):
        return IMAGES
    if states is not None:
        set_generator_states(net, states)
    for name, layer in single_layers(net):
        images, _ = layer.forward(images, train=states is not None)
        if not all_finite(images):
            ruined = [key for key, array in layer.params.items() if not all_finite(array)]
            also = f" (nor is its parameter {' or '.join(ruined)})" if ruined else ""
            return f"{name} is the first layer whose output is not finite{also}"
    return "the outputs of all layers are finite"


def gradients_finite(grads: Mapping[str, Any]) -> bool:
    """Tell whether the smallest gradient of each layer is finite, without reading the large ones.

    A number that is not finite on its way back comes into each of a layer's gradients, its bias's for one.
    """
    for own in grads.values():
        if any(isinstance(each, Mapping) for each in own.values()):  # of a network that is a layer
            if not gradients_finite(own):
                return False
        elif own and not all_finite(min(own.values(), key=lambda gradient: gradient.size)):
            return False
    return True


def first_gradient_not_finite(net: Network, images: Array, labels: Array, states: Mapping[str, Any]) -> str:
    """Say where, on the way back of a batch in training, the first numbers are that are not finite."""
    set_generator_states(net, states)
    kept = []
    for name, layer in single_layers(net):
        images, saved = layer.forward(images, train=True)
        kept.append((name, layer, saved))
    dy: Array | None = cross_entropy(images, labels)[1]
    for i, (name, layer, saved) in reversed(list(enumerate(kept))):
        dy, grads = layer.backward(dy, saved, input_gradient=i > 0)
        for key, gradient in grads.items():
            if not all_finite(gradient):
                return f"the gradient of {name}'s {key} is the first that is not finite"
        if dy is not None and not all_finite(dy):
            return f"the gradient that {name} passes back is the first that is not finite"
    return "the gradients of all layers are finite when they are worked out one by one"
