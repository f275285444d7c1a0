"""Weights from a file of another program into a network, and a network's weights into such a file."""
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Preprocessing
from ..errors import ArgumentError, WeightsError
from ..models import make_model
from ..network import Network
from ..network.params import single_layers
from ..ops.arrays import array_module, shape_text, to_cpu
from .layout import TRAINING_ALONE, places, their_shape, to_ours, to_theirs
from .pth import read_pth, write_pth
from .safetensors_file import read_safetensors, write_safetensors

Arrays = dict[str, np.ndarray]
READERS: dict[str, Callable[[Path], Arrays]] = {".pth": read_pth, ".pt": read_pth, ".safetensors": read_safetensors}
WRITERS: dict[str, Callable[[Path, Mapping[str, np.ndarray]], None]] = {
    ".pth": write_pth, ".pt": write_pth, ".safetensors": write_safetensors}
MOST_NAMED = 6  # names of each kind in an error message


def load_weights(
    model: str | Network, path: str | os.PathLike, names: Mapping[str, str] | None = None, new_last: bool = False
) -> Network:
    """Fill a network with the weights of a file: PyTorch's .pth, or .safetensors.

    Parameters
    ----------
    model : str or Network
        A name, "alexnet-torchvision", or a network of one's own, which is changed.
    path : path-like
        The kind of file is told by its ending.
    names : dict of str to str, optional
        For a network of one's own: its layers' names, and theirs in the file, {"conv1": "features.0"}. Layers that are
        left out have the same name in both.
    new_last : bool
        For a training on other classes: where the last layer with parameters gives another number of scores in the
        file, the network's own stays as it is.

    Returns
    -------
    Network
        The network, with axes as ours: (KH, KW, C, F) for filters, (in, out) for linear layers; and, where its recipe
        knows which, with the preprocessing that the weights expect.

    Raises
    ------
    WeightsError
        When the file cannot be read, or what it has is not what the network needs: all that is missing, left over or of
        another shape is in one message, and the network is as it was.
    ArgumentError
        For a name that no network has, or an ending that no kind of file has.
    """
    net = make_model(model) if isinstance(model, str) else model
    if not isinstance(net, Network):
        raise ArgumentError(f"load_weights: model is a {type(net).__name__}, expected a Network or a network's name")
    check_names("load_weights", net, names)
    path = Path(path)
    arrays = without_prefix(kind_of("load_weights", path, READERS)(path))
    layers, wanted = dict(single_layers(net)), {place.theirs: place for place in places(net, names)}
    found = {name: array for name, array in arrays.items() if not name.endswith(TRAINING_ALONE)}
    shapes = {name: their_shape(place, layers[place.layer]) for name, place in wanted.items()}
    if new_last and wanted:
        last = list(wanted.values())[-1].layer
        for name in [name for name, place in wanted.items() if place.layer == last and name in found]:
            shape = found[name].shape
            if shape != shapes[name] and shape[1:] == shapes[name][1:]:
                del wanted[name], found[name]
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
        raise WeightsError(f"{path} does not fit {net.name}; {'; '.join(told)}")
    for name, place in wanted.items():
        layer = layers[place.layer]
        # A copy, since a training writes into it: what a reader gives may be the file's own bytes.
        numbers = np.array(to_ours(found[name], place, layer), dtype=place.array.dtype, order="C")
        own = layer.params if place.key in layer.params else layer.buffers
        own[place.key] = array_module(place.array).asarray(numbers)
    if net.preprocessing is None and "preprocessing" in net.recipe:
        net.preprocessing = Preprocessing(**net.recipe["preprocessing"])
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


def kind_of(who: str, path: Path, kinds: Mapping[str, Any]) -> Any:
    """Return what reads or writes a file, by its ending."""
    if path.suffix.lower() not in kinds:
        raise ArgumentError(f"{who}: {path} ends in {path.suffix or 'nothing'!r}, expected {', '.join(kinds)}")
    return kinds[path.suffix.lower()]


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
