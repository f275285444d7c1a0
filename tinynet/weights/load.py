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
from ..files import user_path
from ..layers.initializers import undrawn
from ..models import make_model
from ..network import Network
from ..network.params import single_layers
from ..ops.arrays import array_module, shape_text
from ..ops.checks import check_path
from .layout import THEIR_LAYERS, TRAINING_ALONE, Place, places, their_arrays, their_shape, to_ours
from .onnx_read import read_onnx
from .onnx_write import write_onnx
from .pth import no_weights, read_pth, write_pth
from .safetensors_file import read_safetensors, write_safetensors

Arrays = dict[str, np.ndarray]
GRAPH = ".onnx"  # has the whole network in it, the others names and numbers alone
READERS: dict[str, Callable[..., Any]] = {
    ".pth": read_pth, ".pt": read_pth, ".safetensors": read_safetensors, GRAPH: read_onnx}
WRITERS: dict[str, Callable[..., None]] = {
    ".pth": write_pth, ".pt": write_pth, ".safetensors": write_safetensors, GRAPH: write_onnx}
MOST_NAMED = 6  # names of each kind in an error message


def load_weights(
    model: str | Network, path: str | os.PathLike, names: Mapping[str, str] | None = None, new_last: bool = False
) -> Network:
    """Fill a network with the weights of a file: PyTorch's .pth, .safetensors, or .onnx.

    Parameters
    ----------
    model : str or Network
        A name, "alexnet-torchvision", which gives a network with as many classes as the file has; or a network of one's
        own, which is changed.
    path : path-like
        The kind of file is told by its ending. A .onnx file has a graph of operators, which must be the network's; its
        weights are found by their places in the graph, whatever they are called there.
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
        knows which, or a .onnx file of ours, with the preprocessing that the weights expect, and of 1,000 classes the
        WordNet ids of ImageNet's.

    Raises
    ------
    WeightsError
        When the file cannot be read, or what it has is not what the network needs: all that is missing, left over or of
        another shape is in one message, and of a graph the first node that differs. The network is as it was.
    ArgumentError
        For a name that no network has, an ending that no kind of file has, `names` with .onnx, or `names` that give two
        layers one name.
    """
    net = undrawn_network(model) if isinstance(model, str) else model
    if not isinstance(net, Network):
        raise ArgumentError(f"load_weights: model is a {type(net).__name__}, expected a Network or a network's name")
    check_names("load_weights", net, names)
    path = user_path(check_path("load_weights", path))
    read = kind_of("load_weights", path, READERS, names)
    check_download(path)
    preprocessing = class_names = None
    if read is read_onnx:
        arrays, preprocessing, class_names = read(path, net)
    else:
        arrays = without_prefix(read(path))
    found = {name: array for name, array in arrays.items() if not name.endswith(TRAINING_ALONE)}
    if isinstance(model, str):
        net = undrawn_network(model, outputs_in(found, net, names))
    layers, all_places = dict(single_layers(net)), list(places(net, names))
    check_apart("load_weights", all_places)
    wanted = {place.theirs: place for place in all_places}
    shapes = {name: their_shape(place, layers[place.layer]) for name, place in wanted.items()}
    last = [*wanted.values()][-1].layer if wanted else None
    replaced = [name for name, place in wanted.items() if new_last and place.layer == last and name in found
                and found[name].shape != shapes[name] and found[name].shape[1:] == shapes[name][1:]]
    if len(replaced) < sum(place.layer == last for place in wanted.values()):
        replaced = []                                                          # a part of it alone is damage
    for name in replaced:
        del wanted[name], found[name]
    problems = {
        "missing": [name for name in wanted if name not in found],
        "left over": [name for name in found if name not in wanted],
        "of another shape": [
            f"{name} {shape_text(found[name].shape) or 'one number'} instead of "
            f"{shape_text(shapes[name]) or 'one number'}"
            for name in wanted if name in found and found[name].shape != shapes[name]],
        "not numbers": [name for name in wanted if name in found and found[name].dtype.kind not in "fiu"],
    }
    told = [f"{what}: {listed(which)}" for what, which in problems.items() if which]
    if told:
        raise WeightsError(f"{path} does not fit {net.name}; {'; '.join(told)}{another_network(found, net)}")
    if replaced:
        class_names, outputs = None, None                                      # the file's classes are others
    else:
        last_shape = [*wanted.values()][-1].array.shape if wanted else ()
        outputs = last_shape[-1] if last_shape else None                       # of the last layer
    if class_names is not None and len(class_names) != outputs:
        raise WeightsError(f"{path}: it has names of {len(class_names)} classes, and {net.name} has {outputs} outputs")
    for name, place in wanted.items():
        layer = layers[place.layer]
        # A copy, since a training writes into it: what a reader gives may be the file's own bytes.
        numbers = np.array(to_ours(found[name], place, layer), dtype=place.array.dtype, order="C")
        own = layer.params if place.key in layer.params else layer.buffers
        own[place.key] = array_module(place.array).asarray(numbers)
    net.as_drawn = None  # its numbers are the file's: no network around it draws others
    if preprocessing is not None:
        net.preprocessing = preprocessing
    elif net.preprocessing is None and "preprocessing" in net.recipe:
        net.preprocessing = Preprocessing(**net.recipe["preprocessing"])
        if net.class_names is None and class_names is None and outputs == len(imagenet_classes()):
            net.class_names = list(imagenet_classes())
    net.class_names = class_names or net.class_names
    return net


def save_weights(net: Network, path: str | os.PathLike, names: Mapping[str, str] | None = None) -> None:
    """Write a network's weights into a file of another program: PyTorch's .pth, .safetensors, or .onnx.

    Parameters
    ----------
    net : Network
        One that torchvision has too is written in its names, so that its `load_state_dict(strict=True)` takes it.
    path : path-like
        The kind of file is told by its ending; a file of that name is replaced when the new one is whole. A .onnx file
        has the network itself, as operators that any program for ONNX runs: from `images` (N, C, H, W), any N, to
        `scores`, in float32, without dropout; and its preprocessing and its classes' names, where it has them.
    names : dict of str to str, optional
        As for `load_weights`.

    Raises
    ------
    WeightsError
        When the file cannot be written; for .onnx also when a layer has no operator there: LocallyConnected2d,
        SpatialResponseNorm, and layers of one's own.
    ArgumentError
        For an ending that no kind of file has, `names` with .onnx, or `names` that give two layers one name.
    """
    if not isinstance(net, Network):
        raise ArgumentError(f"save_weights: net is a {type(net).__name__}, expected a Network")
    check_names("save_weights", net, names)
    path = user_path(check_path("save_weights", path))
    write = kind_of("save_weights", path, WRITERS, names)
    if write is write_onnx:
        write(path, net)
    else:
        arrays = list(their_arrays(net, names))
        check_apart("save_weights", [place for place, _ in arrays])
        write(path, {place.theirs: np.asarray(array, order="C") for place, array in arrays})


def undrawn_network(model: str, classes: int | None = None) -> Network:
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


def kind_of(who: str, path: Path, kinds: Mapping[str, Any], names: Mapping[str, str] | None) -> Any:
    """Return what reads or writes a file, by its ending."""
    ending = path.suffix.lower()
    if ending not in kinds:
        found = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise ArgumentError(f"{who}: {path} {found}, expected {', '.join(kinds)}")
    if ending == GRAPH and names is not None:
        raise ArgumentError(f"{who}: names is given, which {path} has no use for: in a {GRAPH} file weights are found "
                            "by their places in the graph")
    return kinds[ending]


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


def check_apart(who: str, found: list[Place]) -> None:
    """Raise ArgumentError where two arrays of a network would have one name in a file."""
    ours: dict[str, str] = {}
    for place in found:
        own = f"{place.layer}.{place.key}"
        if place.theirs in ours:
            raise ArgumentError(f"{who}: {ours[place.theirs]} and {own} would both be called {place.theirs!r} in the "
                                "file, expected `names` that give each layer a name of its own")
        ours[place.theirs] = own


def without_prefix(arrays: Arrays) -> Arrays:
    """Return arrays without the "module." that PyTorch's DataParallel puts in front of every name."""
    if arrays and all(name.startswith("module.") for name in arrays):
        return {name.removeprefix("module."): array for name, array in arrays.items()}
    return arrays


def listed(names: list[str]) -> str:
    """Return the first names of a list, and how many there are besides."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
