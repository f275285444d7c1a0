"""Weights from a file of another program into a network, and a network's weights into such a file."""
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Preprocessing
from ..data.imagenet import imagenet_classes
from ..errors import ArgumentError, WeightsError
from ..layers.initializers import undrawn
from ..models import make_model
from ..network import Network
from ..network.params import single_layers
from ..ops.arrays import array_module, shape_text, to_cpu
from .layout import THEIR_LAYERS, TRAINING_ALONE, places, their_shape, to_ours, to_theirs
from .pth import no_weights, read_pth, write_pth
from .safetensors_file import read_safetensors, write_safetensors

Arrays = dict[str, np.ndarray]
READERS: dict[str, Callable[[Path], Arrays]] = {".pth": read_pth, ".pt": read_pth, ".safetensors": read_safetensors}
WRITERS: dict[str, Callable[[Path, Mapping[str, np.ndarray]], None]] = {
    ".pth": write_pth, ".pt": write_pth, ".safetensors": write_safetensors}
MOST_NAMED = 6  # names of each kind in an error message


def load_weights(model: str | Network, path: str | os.PathLike, names: Mapping[str, str] | None = None) -> Network:
    """Fill a network with the weights of a file: PyTorch's .pth, or .safetensors.

    Parameters
    ----------
    model : str or Network
        A name, "alexnet-torchvision", which gives a network with as many classes as the file has; or a network of one's
        own, which is changed.
    path : path-like
        The kind of file is told by its ending.
    names : dict of str to str, optional
        For a network of one's own: its layers' names, and theirs in the file, {"conv1": "features.0"}. Layers that are
        left out have the same name in both.

    Returns
    -------
    Network
        The network, with axes as ours: (KH, KW, C, F) for filters, (in, out) for linear layers; and, where its recipe
        knows which, with the preprocessing that the weights expect, and of 1,000 classes the WordNet ids of ImageNet's.

    Raises
    ------
    WeightsError
        When the file cannot be read, or what it has is not what the network needs: all that is missing, left over or of
        another shape is in one message, and the network is as it was.
    ArgumentError
        For a name that no network has, or an ending that no kind of file has.
    """
    net = named(model) if isinstance(model, str) else model
    if not isinstance(net, Network):
        raise ArgumentError(f"load_weights: model is a {type(net).__name__}, expected a Network or a network's name")
    check_names("load_weights", net, names)
    path = Path(path)
    read = kind_of("load_weights", path, READERS)
    check_download(path)
    arrays = without_prefix(read(path))
    found = {name: array for name, array in arrays.items() if not name.endswith(TRAINING_ALONE)}
    if isinstance(model, str):
        net = named(model, outputs_in(found, net, names))
    layers, wanted = dict(single_layers(net)), {place.theirs: place for place in places(net, names)}
    shapes = {name: their_shape(place, layers[place.layer]) for name, place in wanted.items()}
    problems = {
        "missing": [name for name in wanted if name not in found],
        "left over": [name for name in found if name not in wanted],
        "of another shape": [
            f"{name} {shape_text(found[name].shape)} instead of {shape_text(shapes[name])}"
            for name in wanted if name in found and found[name].shape != shapes[name]],
        "not numbers": [name for name in wanted if name in found and found[name].dtype.kind not in "fiu"],
    }
    told = [f"{what}: {listed(which)}" for what, which in problems.items() if which]
    if told:
        raise WeightsError(f"{path} does not fit {net.name}; {'; '.join(told)}{another_network(found, net)}")
    for name, place in wanted.items():
        layer = layers[place.layer]
        numbers = np.ascontiguousarray(to_ours(found[name], place, layer), dtype=place.array.dtype)
        own = layer.params if place.key in layer.params else layer.buffers
        own[place.key] = array_module(place.array).asarray(numbers)
    if net.preprocessing is None and "preprocessing" in net.recipe:
        net.preprocessing = Preprocessing(**net.recipe["preprocessing"])
        classes = list(imagenet_classes())
        if net.class_names is None and [*wanted.values()][-1].array.size == len(classes):
            net.class_names = classes
    return net


def save_weights(net: Network, path: str | os.PathLike, names: Mapping[str, str] | None = None) -> None:
    """Write a network's weights into a file of another program: PyTorch's .pth, or .safetensors.

    Parameters
    ----------
    net : Network
        One that torchvision has too is written in its names, so that its `load_state_dict(strict=True)` takes it.
    path : path-like
        The kind of file is told by its ending; a file of that name is replaced when the new one is whole.
    names : dict of str to str, optional
        As for `load_weights`.

    Raises
    ------
    WeightsError
        When the file cannot be written.
    ArgumentError
        For an ending that no kind of file has.
    """
    if not isinstance(net, Network):
        raise ArgumentError(f"save_weights: net is a {type(net).__name__}, expected a Network")
    check_names("save_weights", net, names)
    path = Path(path)
    write, layers = kind_of("save_weights", path, WRITERS), dict(single_layers(net))
    write(path, {
        place.theirs: np.ascontiguousarray(to_theirs(place._replace(array=to_cpu(place.array)), layers[place.layer]))
        for place in places(net, names)})


def named(model: str, classes: int | None = None) -> Network:
    """Return a network whose weights a file is going to give: none are drawn."""
    with undrawn():
        return make_model(model, classes=classes)


def outputs_in(found: Arrays, net: Network, names: Mapping[str, str] | None) -> int | None:
    """Return how many outputs the last layer has in a file, by its biases; None where the file has no such layer."""
    biases = found.get([*places(net, names)][-1].theirs)
    return biases.size if biases is not None and biases.ndim == 1 and biases.size > 1 else None


def another_network(found: Arrays, net: Network) -> str:
    """Return which network a file is for, as far as the layers' names tell, where that is another than `net`."""
    layers = {tuple(name.split(".")[:2]) for name in found}
    fits = [name for name, table in THEIR_LAYERS.items() if {(*each.split("."),) for each in table.values()} == layers]
    return f"; its layers are those of {' or '.join(fits)}" if fits and net.name not in fits else ""


def kind_of(who: str, path: Path, kinds: Mapping[str, Any]) -> Any:
    """Return what reads or writes a file, by its ending."""
    if path.suffix.lower() not in kinds:
        raise ArgumentError(f"{who}: {path} ends in {path.suffix or 'nothing'!r}, expected {', '.join(kinds)}")
    return kinds[path.suffix.lower()]


def check_download(path: Path) -> None:
    """Raise WeightsError for what a failed download leaves in place of a file, of whatever kind it should be."""
    with suppress(OSError), open(path, "rb") as file:  # a file that cannot be read the reader names
        found = no_weights(file.read(512))
        if found is not None:
            raise WeightsError(f"{path} {found}")


def check_names(who: str, net: Network, names: Mapping[str, str] | None) -> None:
    """Raise ArgumentError for a name in `names` that is no layer's."""
    layers = [name for name, _ in single_layers(net)]
    for name in names or {}:
        if name not in layers:
            raise ArgumentError(f"{who}: names has a layer {name!r}, which {net.name} does not have; it has "
                                f"{', '.join(layers)}")


def without_prefix(arrays: Arrays) -> Arrays:
    """Return arrays without the "module." that PyTorch's DataParallel puts in front of every name."""
    if arrays and all(name.startswith("module.") for name in arrays):
        return {name.removeprefix("module."): array for name, array in arrays.items()}
    return arrays


def listed(names: list[str]) -> str:
    """Return the first names of a list, and how many there are besides."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
