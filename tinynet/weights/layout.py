"""From our names and axes to PyTorch's, and back: one small table for each network that others have trained."""
from collections.abc import Generator, Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np

from ..errors import ShapeError, WeightsError
from ..layers import BatchNorm1d, BatchNorm2d, Conv2d, Fire, Flatten, Linear
from ..layers.base import Layer
from ..layers.parameter_shapes import check_parameters
from ..network import Network
from ..network.params import layers_of, single_layers
from ..ops.arrays import Shape, to_cpu

ALEXNET = {  # torchvision/models/alexnet.py
    "conv1": "features.0", "conv2": "features.3", "conv3": "features.6", "conv4": "features.8", "conv5": "features.10",
    "fc6": "classifier.1", "fc7": "classifier.4", "fc8": "classifier.6",
}
SQUEEZENET = {  # torchvision/models/squeezenet.py, version 1.1
    "conv1": "features.0", "fire2": "features.3", "fire3": "features.4", "fire4": "features.6", "fire5": "features.7",
    "fire6": "features.9", "fire7": "features.10", "fire8": "features.11", "fire9": "features.12",
    "conv10": "classifier.1",
}
# By a network's name: our layer, their layer.
THEIR_LAYERS = {"alexnet-torchvision": ALEXNET, "squeezenet": SQUEEZENET, "squeezenet-torchvision": SQUEEZENET}
NORMS = {"w": "weight", "b": "bias", "running_mean": "running_mean", "running_variance": "running_var"}
THEIR_KEYS: dict[type, dict[str, str]] = {  # by a layer's class: our parameter or running statistic, theirs
    Conv2d: {"w": "weight", "b": "bias"},
    Linear: {"w": "weight", "b": "bias"},
    Fire: {f"{ours}_{key}": f"{theirs}.{name}" for ours, theirs in (
        ("squeeze", "squeeze"), ("expand1", "expand1x1"), ("expand3", "expand3x3"))
        for key, name in (("w", "weight"), ("b", "bias"))},
    BatchNorm1d: NORMS,
    BatchNorm2d: NORMS,
}
ORDERS = "puts images in the order H, W, C, and PyTorch in C, H, W"
TRAINING_ALONE = "num_batches_tracked"  # in PyTorch's batch normalization; nothing is computed with it


class Place(NamedTuple):
    """Where an array of ours is, and what its counterpart is called.

    `before` is (H, W, C) where the array's first axis runs over the numbers of flattened images.
    """

    layer: str
    key: str
    theirs: str
    array: np.ndarray
    before: Shape | None


def places(net: Network, names: Mapping[str, str] | None = None) -> Iterator[Place]:
    """Yield each array of a network with its name in a file.

    Parameters
    ----------
    net : Network
    names : dict of str to str, optional
        Our layers' names and theirs, "conv1": "features.0". Without it the table of the network's name; a layer that is
        in neither is called as ours.

    Raises
    ------
    WeightsError
        For a Flatten before a Linear in a network that does not say its images' size, or where a forward of its own
        leaves open what a layer gets.

    Notes
    -----
    A layer that PyTorch has no counterpart of keeps our names of its arrays, and their axes.
    Between a Flatten and the Linear that follows it, numbers of images come in our order here, in PyTorch's there.
    """
    table = THEIR_LAYERS.get(net.name, {}) if names is None else names
    layers = list(with_inputs(net, None if net.input_shape is None else Seen(net.input_shape, None)))
    flattens = False
    for i, (name, layer, seen) in enumerate(layers):
        keys = THEIR_KEYS.get(type(layer), {})
        linear = any(isinstance(later, Linear) for _, later, _ in layers[i:])  # without one the order is not said anew
        if isinstance(layer, Flatten) and linear:
            if net.input_shape is None:
                raise WeightsError(f"{net.name}: layer {name} {ORDERS}; to exchange them the network must know its "
                                   "images' size: Network(..., input_shape=(H, W, C))")
            flattens |= seen is None or len(seen.shape) == 3
        for key, array in {**layer.params, **layer.buffers}.items():
            theirs = f"{table.get(name, name)}.{keys.get(key, key)}"
            reordered = linear and (isinstance(layer, BatchNorm1d) or (isinstance(layer, Linear) and key == "w"))
            if reordered and flattens and seen is None:
                raise WeightsError(f"{net.name}: a Flatten before layer {name} {ORDERS}; whether {name} sees them does "
                                   "not follow from a network with a forward of its own")
            yield Place(name, key, theirs, array, seen.flattened if reordered and seen is not None else None)


class Seen(NamedTuple):
    """What a layer gets for one image: its shape, and the shape of the images that these numbers flattened were."""

    shape: Shape
    flattened: Shape | None


def with_inputs(net: Network, seen: Seen | None, before: str = "") -> Generator[Any, None, Seen | None]:
    """Yield what `single_layers` does, (name, layer), and what the layer gets; None where that is not known.

    In a network with a forward of its own, branches for instance, a layer gets what the one before it gives, or what
    the network gets, whichever it takes. Returns what comes out in the end, None where that leaves an order open.
    """
    given, in_line, ends = seen, type(net).forward is Network.forward, []
    for name, layer in net.layers.items():
        if not in_line:
            seen = next((each for each in (seen, given) if each is not None and takes(layer, each.shape)), None)
        if layers_of(layer):
            seen = yield from with_inputs(cast(Network, layer), seen, f"{before}{name}.")
        else:
            yield f"{before}{name}", layer, seen
            seen = None if seen is None else behind(layer, seen)
        ends.append(seen)
    if in_line:
        return seen
    if given is None or not takes(net, given.shape):
        return None
    shape = net.output_shape(given.shape)
    through = given.flattened is not None and given.shape == shape             # y = x + ..., perhaps
    if seen is not None and seen.shape == shape and (seen.flattened is not None or not through):
        return seen
    return None if through or any(end is None or end.flattened is not None for end in ends) else Seen(shape, None)


def takes(layer: Layer, shape: Shape) -> bool:
    """Tell whether a layer takes images of a shape."""
    try:
        layer.output_shape(shape)
    except ShapeError:
        return False
    return True


def behind(layer: Layer, seen: Seen) -> Seen:
    """Return what comes out of a layer: numbers of flattened images are in their order until something mixes them."""
    shape = layer.output_shape(seen.shape)
    if isinstance(layer, Flatten):
        return Seen(shape, seen.shape if len(seen.shape) == 3 else seen.flattened)
    own = type(layer) not in THEIR_KEYS and any(array.ndim > 1 for array in layer.params.values())
    mixes = isinstance(layer, Linear) or own or shape != seen.shape
    return Seen(shape, None if mixes else seen.flattened)


def to_theirs(place: Place, layer: Layer) -> np.ndarray:
    """Return an array of ours with PyTorch's axes.

    Filters (KH, KW, C, F) become (F, C, KH, KW), linear weights (in, out) become (out, in). Where they meet the numbers
    of flattened images, ours come in the order H, W, C, and theirs in the order C, H, W.
    """
    array = np.asarray(place.array)
    if type(layer) not in THEIR_KEYS:
        return array
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1)
    if place.before is not None:
        h, w, c = place.before
        array = array.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(array.shape)
    return array.T


def their_arrays(net: Network, names: Mapping[str, str] | None = None) -> Iterator[tuple[Place, np.ndarray]]:
    """Yield each array of a network with PyTorch's axes, on the CPU, beside its place; ShapeError for a wrong one."""
    layers = dict(single_layers(net))
    for name, layer in layers.items():
        check_parameters(f"{net.name}, layer {name} ({type(layer).__name__})", layer)
    for place in places(net, names):
        yield place, to_theirs(place._replace(array=to_cpu(place.array)), layers[place.layer])


def to_ours(array: np.ndarray, place: Place, layer: Layer) -> np.ndarray:
    """Return an array of PyTorch's axes with ours; the inverse of `to_theirs`."""
    if type(layer) not in THEIR_KEYS:
        return array
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    array = array.T                                                            # (in, out), or (features,)
    if place.before is not None:
        h, w, c = place.before
        array = array.reshape(c, h, w, -1).transpose(1, 2, 0, 3).reshape(array.shape)
    return array


def their_shape(place: Place, layer: Layer) -> Shape:
    """Return the shape that an array of ours has in a file."""
    shape: Any = place.array.shape
    if type(layer) not in THEIR_KEYS or len(shape) < 2:
        return shape
    return (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else shape[::-1]
