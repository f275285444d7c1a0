"""`tinynet convert IN OUT`: a network from a file of one form into a file of another."""
import argparse
import os
from pathlib import Path

from ..errors import ArgumentError
from ..network import Network
from ..network.params import flat
from ..ops.arrays import shape_text
from ..training.checkpoint import load_checkpoint, save_checkpoint
from ..weights import load_weights, save_weights
from .networks import OTHER_FORMS, class_list, class_names
from .output import check_place

CHECKPOINT = ".npz"


def run_convert(options: argparse.Namespace) -> None:
    source, target = Path(options.source), Path(options.target)
    for path in (source, target):
        if path.suffix.lower() not in (CHECKPOINT, *OTHER_FORMS):
            raise ArgumentError(f"convert: {path} ends in {path.suffix or 'nothing'!r}, expected {CHECKPOINT} (a "
                                f"checkpoint), {', '.join(OTHER_FORMS)}")
    check_place("convert:", options.target)
    if os.path.lexists(target):
        raise ArgumentError(f"convert: {target} exists already, and nothing is overwritten: give another name")
    net = read_network(source, options.model)
    if options.names is not None:
        net.class_names = class_names(net, options.names, outputs(net))
    if is_checkpoint(target):
        save_checkpoint(target, net)
    else:
        save_weights(net, target)
    arrays = len(flat(net.params)) + len(flat(net.buffers))
    print(f"{target} has {net.name} of {source}: {net.parameter_count:,} parameters in {arrays} arrays, "
          f"{target.stat().st_size / 1e6:.1f} MB")
    print(note(source, target, net))


def is_checkpoint(path: Path) -> bool:
    """Tell by a file's ending whether it is a checkpoint; the others have weights alone."""
    return path.suffix.lower() == CHECKPOINT


def read_network(path: Path, model: str | None) -> Network:
    """Return the network of a checkpoint, or `model` with the weights of another file."""
    if is_checkpoint(path):
        net = load_checkpoint(path)
        if model not in (None, net.name):
            raise ArgumentError(f"convert: {path} has the network {net.name}, and --model says {model}: leave it out")
        return net
    if model is None:
        raise ArgumentError(f"convert: {path} does not say which network its weights are of: name it with --model")
    return load_weights(model, path)


def outputs(net: Network) -> int:
    """Return how many classes a network has scores for: the numbers in its last array of parameters, the biases."""
    return [*flat(net.params).values()][-1].size


def note(source: Path, target: Path, net: Network) -> str:
    """Say what beside the parameters came along, or was left behind."""
    ready = net.preprocessing
    images = "" if ready is None else (
        f"its preprocessing ({shape_text(ready.input_size)} of {shape_text(ready.image_size)}, {ready.resize}, "
        f"{ready.channel_order if ready.channels == 3 else 'grey'})")
    classes = "" if net.class_names is None else f"the names of {class_list(net).removeprefix('the ')}"
    beside = " and ".join(each for each in (images, classes) if each)
    if is_checkpoint(target):
        return f"with {beside}" if beside else (
            "without preprocessing and class names, which weights alone do not have: `tinynet predict` cannot use it")
    lost = f"; {beside} {'are' if classes else 'is'} not in a file of weights" if beside else ""
    return f"`tinynet convert {target} OUT --model {net.name}` reads it back{lost}"
