"""Where numbers stop being finite: the question after a loss of nan."""
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..layers.base import Layer
from ..layers.loss import cross_entropy
from ..network import Network
from ..network.network import layers_in_line
from ..network.params import flat
from ..ops.arrays import Array, array_module, to_cpu
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


def first_not_finite(net: Network, images: Array) -> str:
    """Say which layer's output is the first that is not finite, for a batch (N, H, W, C) in evaluation."""
    if not all_finite(images):
        return IMAGES
    for name, layer in layers_in_line(net):
        images, _ = layer.forward(images)
        if not all_finite(images):
            return output_not_finite(name, layer)
    return "the outputs of all layers are finite"


def first_inside(name: str, layer: Layer, x: Array) -> tuple[str, Layer]:
    """Return the first layer in a network whose output is not finite, for a batch in training; else the layer itself.
    """
    for inner_name, inner in layers_in_line(layer, name) if isinstance(layer, Network) else ():
        x, _ = inner.forward(x, train=True)
        if not all_finite(x):
            return inner_name, inner
    return name or type(layer).__name__, layer


def output_not_finite(name: str, layer: Layer) -> str:
    """Say that a layer's output is the first that is not finite, and which of its parameters are not either."""
    ruined = [".".join(path) for path, array in flat(layer.params).items() if not all_finite(array)]
    also = f" (nor is its parameter {' or '.join(ruined)})" if ruined else ""
    return f"{name} is the first layer whose output is not finite{also}"


def first_not_finite_gradient(grads: Mapping[str, Any]) -> str | None:
    """Return the name of the first gradient that is not finite, "conv1.b"; None if all are.

    One number tells, for which a gradient is read once: on a CPU the sum of its squares, the fastest; on a GPU its sum,
    since CuPy's vdot makes a copy. Both can also overflow for large numbers: where it is not finite, the numbers
    themselves decide.
    """
    gradients = flat(dict(grads))
    if not gradients:
        return None
    xp = array_module(next(iter(gradients.values())))
    with np.errstate(over="ignore", invalid="ignore"):
        found = [xp.vdot(each, each) if xp is np else each.sum() for each in gradients.values()]
        finite = to_cpu(xp.isfinite(xp.stack(found)))  # in one copy
    return next((".".join(path) for (path, each), good in zip(gradients.items(), finite, strict=True)
                 if not good and not all_finite(each)), None)


def why_not_finite(net: Network, images: Array, labels: Array, states: Mapping[str, Any]) -> str:
    """Go through a step of training again, layer by layer, and say where the first numbers are that are not finite.

    Parameters
    ----------
    net : Network
        With the parameters that it has now.
    images, labels : array
    states : dict
        Those of the layers' random generators before the batch, so that the same masks are drawn.
    """
    xp = array_module(images)
    if not all_finite(images):
        return f"the loss is nan: {IMAGES}"
    set_generator_states(net, states)
    x, kept = images, []
    first = ""
    for name, layer in layers_in_line(net, backward=True):
        before, (x, saved) = x, layer.forward(x, train=True)
        kept.append((name or net.name, layer, saved))
        if not first and not all_finite(x):
            first = output_not_finite(*first_inside(name, layer, before))
    loss, dy = cross_entropy(x, xp.asarray(labels))
    if not xp.isfinite(loss):
        return f"the loss is {float(loss)}: {first or 'the outputs of all layers are finite'}"
    for i, (name, layer, saved) in reversed(list(enumerate(kept))):
        dy, grads = layer.backward(dy, saved, input_gradient=i > 0)
        for path, gradient in flat(grads).items():
            if not all_finite(gradient):
                return f"the gradient of {name}'s {'.'.join(path)} is the first that is not finite"
        if dy is not None and not all_finite(dy):
            return f"the gradient that {name} passes back is the first that is not finite"
    return "the gradients of all layers are finite when they are computed one by one"
