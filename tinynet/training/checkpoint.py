"""Checkpoints: a network, and the training it is in, in one file that brings both back bit for bit."""
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np

from ..data import Preprocessing
from ..errors import ArgumentError, CheckpointError, TinynetError
from ..layers.base import Layer
from ..layers.parameter_shapes import check_parameters
from ..network import Network
from ..network.params import all_layers, flat, single_layers
from ..ops.arrays import array_module, to_cpu
from ..ops.checks import check_path
from ..ops.parameter_limit import limit_parameters
from .archive import read_archive, write_archive

BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
SPARE_NUMBERS = 1_000_000  # in layers that differ a little from those saved: they are made, and then named


def save_checkpoint(
    path: str | os.PathLike, net: Network, optimizer: Any = None, schedule: Any = None,
    progress: Mapping[str, Any] | None = None, half: bool = False,
) -> None:
    """Write a checkpoint; a file of that name is replaced when the new one is whole.

    Not for two programs that write the same file at the same time: what they have half written has one name. (A
    training has its run folder to itself.)

    Parameters
    ----------
    path : path-like
        Its name should end in .npz; the bytes are those of `numpy.savez`, so that `numpy.load` opens it anywhere.
    net : Network
        With parameters, running statistics, states of random generators, preprocessing and class names.
    optimizer, schedule : optional
        Anything with `state()`, which returns nested dicts and lists of numbers, strings and arrays.
    progress : dict, optional
        How far the training has come; dicts and lists of the same kinds.
    half : bool
        Write float32 parameters as float16, for a file of half the bytes: each number is rounded to 11 bits (below
        0.00006 to multiples of 0.00000006), and `load_checkpoint` gives float32 again. For a network that is done: a
        training would not go on bit for bit.

    Raises
    ------
    ArgumentError
        For a layer in place of a network, for class names that are no list of str, for running statistics of a layer
        within a layer that are in no layer's `buffers`, for other contents that are neither numbers nor text, and with
        `half` for parameters that are not float32, or too large for float16 (over 65,504), and for an optimizer; the
        file is not touched.
    ShapeError, DtypeError
        For a parameter of another shape than when its layer was made; the file is not touched.
    CheckpointError
        When the file cannot be written.
    """
    check_path("save_checkpoint", path)
    check_network("save_checkpoint", net)
    check_buffers("save_checkpoint", net)
    if not are_class_names(net.class_names):
        raise ArgumentError(f"save_checkpoint: net.class_names is {net.class_names!r}, expected a list of str, or None")
    if half and optimizer is not None:
        raise ArgumentError("save_checkpoint: half is for a network alone, and an optimizer is given: a training that "
                            "goes on from rounded parameters is another one")
    for name, layer in single_layers(net):
        check_parameters(f"save_checkpoint: layer {name} ({type(layer).__name__})", layer)
    found = contents_of(net, optimizer, schedule, progress)
    if half:
        found |= {"params": halved(net.params), "half": True}
    write_archive(path, *packed(found))


def check_buffers(who: str, net: Network) -> None:
    """Raise ArgumentError for running statistics of a layer within a layer that a checkpoint would lack."""
    known = {id(array) for array in flat(net.buffers).values()}
    for name, layer in all_layers(net):
        for key, array in getattr(layer, "buffers", {}).items():
            if id(array) not in known:
                raise ArgumentError(f"{who}: {name}'s {key} is in no layer's `buffers`: a checkpoint would lack it. A "
                                    "layer that keeps another as an attribute has its buffers too: self.buffers = "
                                    "inner.buffers")


def contents_of(net: Network, optimizer: Any, schedule: Any, progress: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return all that a checkpoint has; the arrays are those in use, not copies."""
    return {
        "network": net.settings,
        "params": numbers_as_arrays(net.params),
        "buffers": numbers_as_arrays(net.buffers),
        "generators": generator_states(net),
        "preprocessing": None if net.preprocessing is None else net.preprocessing.state(),
        "class_names": net.class_names,
        "optimizer": None if optimizer is None else optimizer.state(),
        "schedule": None if schedule is None else schedule.state(),
        "progress": progress,
    }


def numbers_as_arrays(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested dicts with NumPy's single numbers, which a layer of one's own may have, as arrays of no axis."""
    return {name: numbers_as_arrays(value) if isinstance(value, Mapping)
            else np.asarray(value) if isinstance(value, np.generic) else value for name, value in nested.items()}


def packed(found: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return contents as JSON can hold them, and beside them the arrays in them, in NumPy."""
    arrays: dict[str, np.ndarray] = {}
    return {name: pack(value, name, arrays) for name, value in found.items()}, arrays


def halved(params: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return float32 arrays in nested dicts as float16 on the CPU; ArgumentError for numbers too large for it."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            found[name] = halved(value, f"{before}{name}.")
            continue
        if value.dtype != np.float32:
            raise ArgumentError(f"save_checkpoint: half is for float32 parameters, {before}{name} is {value.dtype}")
        with np.errstate(over="ignore"):  # said below
            found[name] = to_cpu(value).astype(np.float16)
        if not np.isfinite(found[name]).all():
            raise ArgumentError(f"save_checkpoint: with half, {before}{name} has numbers beyond float16's 65,504, or "
                                "that are not finite")
    return found


def are_class_names(names: Any) -> bool:
    """Tell whether `names` is what a network may have as its class names."""
    return names is None or (isinstance(names, list | tuple) and all(isinstance(name, str) for name in names))


def check_network(who: str, net: Any) -> None:
    """Raise ArgumentError unless `net` is a network."""
    if not isinstance(net, Network):
        raise ArgumentError(f"{who}: net is a {type(net).__name__}, expected a Network: put it in one, "
                            "Network([(name, layer)])")


def load_checkpoint(path: str | os.PathLike) -> Network:
    """Return the network of a checkpoint, as it was when it was saved; nothing else is needed for it.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Network
        On the CPU, with parameters of the dtype and shapes that were saved.

    Raises
    ------
    CheckpointError
        When the file is missing or damaged, or has a layer that this version of tinynet does not have.
    ArgumentError
        For what is no path.
    """
    contents = read(check_path("load_checkpoint", path))
    try:
        saved = sum(array.size for array in flat(contents["params"]).values())
        with limit_parameters(saved + SPARE_NUMBERS):
            net = Network.from_settings(contents["network"])
    except MemoryError:  # says nothing about the file
        raise
    except Exception as error:  # settings that were tampered with are met by what every layer does with its own
        raise CheckpointError(f"{path}: its network cannot be built: {reason(error)}") from error
    fill_network(path, net, contents)
    return net


def restore_network(path: str | os.PathLike, net: Network) -> None:
    """Give `net`, which has the same layers, all numbers and states of a checkpoint.

    CheckpointError otherwise; where a name or a shape differs, the network is as it was.
    """
    fill_network(path, net, read(check_path("restore_network", path)))


def load_training_state(path: str | os.PathLike) -> dict[str, Any]:
    """Return what a checkpoint has beside the network: "optimizer", "schedule" and "progress", None where not saved.

    The first two are for `load_state` of an optimizer and a schedule, the third is what was given as `progress`.
    CheckpointError for a file that is missing or damaged.
    """
    contents = read(check_path("load_training_state", path))
    return {name: contents[name] for name in ("optimizer", "schedule", "progress")}


def read(path: str | os.PathLike) -> dict[str, Any]:
    """Return the contents of a checkpoint, with the arrays in their places."""
    header, arrays = read_archive(path)
    try:
        return {name: unpack(value, arrays) for name, value in header.items() if name not in ("format", "arrays")}
    except (KeyError, TypeError) as error:  # a name that is a list, for one
        raise CheckpointError(f"{path} has no array {error}, which its header names") from error
    except RecursionError as error:
        raise CheckpointError(f"{path} is damaged: its header is nested too deeply") from error


def reason(error: Exception) -> str:
    """Return what an error says, and its kind where that is not plain."""
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    return str(error) if isinstance(error, TinynetError) else f"{type(error).__name__}: {error}"


def fill_network(path: str | os.PathLike, net: Network, contents: Mapping[str, Any]) -> None:
    """Replace everything in `net` that training changes by what a checkpoint has."""
    try:
        check_same(net.params, contents["params"])
        check_same(net.buffers, contents["buffers"])
        fill(net.params, contents["params"], "float32" if contents.get("half") else None)
        fill(net.buffers, contents["buffers"])
        set_generator_states(net, contents["generators"])
        state = contents["preprocessing"]
        net.preprocessing = None if state is None else Preprocessing.from_state(state)
        names = contents["class_names"]
        if not are_class_names(names):
            raise CheckpointError(f"its class names are {names!r}, expected a list of str")
        net.class_names = names
        net.as_drawn = None  # its numbers are the checkpoint's: no network around it draws others
    except MemoryError:  # says nothing about the file
        raise
    except Exception as error:  # as above
        raise CheckpointError(f"{path} does not fit the network {net.name}: {reason(error)}") from error


def check_same(own: Mapping[str, Any], saved: Mapping[str, Any], before: str = "") -> None:
    """Raise CheckpointError unless arrays in nested dicts have the names and shapes of the saved ones."""
    if own.keys() != saved.keys():
        where = before.rstrip(".") or "the network"
        raise CheckpointError(f"{where} has {sorted(own)}, the checkpoint has {sorted(saved)}")
    for name, value in own.items():
        if isinstance(value, dict):
            check_same(value, saved[name], f"{before}{name}.")
        elif value.shape != saved[name].shape:
            raise CheckpointError(f"{before}{name} has shape {value.shape}, in the checkpoint {saved[name].shape}")


def fill(own: dict[str, Any], saved: Mapping[str, Any], dtype: str | None = None) -> None:
    """Replace each array in nested dicts by the saved one: in `dtype`, else in the dtype that it was saved in."""
    for name, value in own.items():
        if isinstance(value, dict):
            fill(value, saved[name], dtype)
        else:
            own[name] = array_module(value).asarray(saved[name], dtype=dtype)


def generator_states(net: Layer) -> dict[str, Any]:
    """Return the states of the layers' random generators, by the layer's name; those of a block's inner layers, too."""
    found = {name: layer.generator for name, layer in all_layers(net)}
    return {name: generator.bit_generator.state for name, generator in found.items() if generator is not None}


def set_generator_states(net: Layer, states: Mapping[str, Any]) -> None:
    """Bring the layers' random generators to the states that `generator_states` returned."""
    outer = dict(single_layers(net))
    made: dict[int, np.random.Generator] = {}  # layers that share a generator go on sharing one
    for name, layer in all_layers(net):
        if layer.generator is None or (name not in states and name not in outer):  # an older file has no inner ones
            continue
        if id(layer.generator) in made:
            layer.generator = made[id(layer.generator)]
            continue
        state = states[name]
        kind = state["bit_generator"]
        if kind not in BIT_GENERATORS:
            raise CheckpointError(f"{name} has a random generator {kind!r}, expected {', '.join(BIT_GENERATORS)}")
        bits = getattr(np.random, kind)()
        bits.state = state
        before, layer.generator = layer.generator, np.random.Generator(bits)
        made[id(before)] = layer.generator


def pack(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return `value` as JSON can hold it; arrays in it go into `arrays` under their path, which stands for them."""
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "dtype"):
        arrays[name] = to_cpu(value)
        return {"$array": name}
    if isinstance(value, Mapping):
        return {key: pack(inner, f"{name}/{quote(str(key), safe='')}", arrays) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [pack(inner, f"{name}/{i}", arrays) for i, inner in enumerate(value)]
    return value


def unpack(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return what `pack` was given (tuples have become lists)."""
    if isinstance(value, dict):
        if "$array" in value:
            return arrays[value["$array"]]
        return {key: unpack(inner, arrays) for key, inner in value.items()}
    if isinstance(value, list):
        return [unpack(inner, arrays) for inner in value]
    return value
