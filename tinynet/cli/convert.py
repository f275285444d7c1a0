"""`tinynet convert IN OUT`: a network from a file of one form into a file of another."""
import argparse
import os
from pathlib import Path

from ..errors import ArgumentError
from ..files import quoted
from ..models import MODELS
from ..network import Network
from ..network.params import flat
from ..ops.arrays import shape_text
from ..training.checkpoint import load_checkpoint, save_checkpoint
from ..weights import load_weights, save_weights
from ..weights.load import undrawn_network
from .networks import OTHER_FORMS, class_list, class_names
from .output import check_place

CHECKPOINT = ".npz"
GRAPH = ".onnx"  # beside the weights it has preprocessing and class names too


def run_convert(options: argparse.Namespace) -> None:
    source, target = Path(options.source), Path(options.target)
    for path in (source, target):
        if path.suffix.lower() not in (CHECKPOINT, *OTHER_FORMS):
            found = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
            raise ArgumentError(f"convert: {path} {found}, expected {CHECKPOINT} (a checkpoint), "
                                f"{', '.join(OTHER_FORMS)}")
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


def is_as_named(net: Network) -> bool:
    """Tell whether a network's name and the number of its classes make one with the same layers, but for dropout."""
    if net.name not in MODELS:
        return False
    layers = [[each for each in own.settings["layers"] if each[1] != "Dropout"]  # which no weights belong to
              for own in (net, undrawn_network(net.name, outputs(net)))]
    return layers[0] == layers[1]


def note(source: Path, target: Path, net: Network) -> str:
    """Say what beside the parameters came along, or was left behind."""
    ready, beside = net.preprocessing, []
    if ready is not None:
        colours = ready.channel_order if ready.channels == 3 else "grey"
        beside.append(f"its preprocessing ({shape_text(ready.input_size)} of {shape_text(ready.image_size)}, "
                      f"{ready.resize}, {colours})")
    if net.class_names is not None:
        beside.append(f"the names of {class_list(net).removeprefix('the ')}")
    kept, back = " and ".join(beside), f"`tinynet convert {quoted(target)} OUT --model {net.name}` reads it back"
    if not is_as_named(net):
        back = "only a program that makes this network again reads it back, by tn.load_weights(net, ...)"
    if not is_checkpoint(target) and target.suffix.lower() != GRAPH:
        return f"{back}; {kept} {'are' if net.class_names else 'is'} not in such a file" if kept else back
    lacks = "" if ready else f"without preprocessing, which {source} does not have and `tinynet predict` needs"
    return "; ".join(each for each in (f"with {kept}" if kept else "", lacks, "" if is_checkpoint(target) else back)
                     if each)
