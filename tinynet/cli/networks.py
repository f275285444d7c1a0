"""The trained network that a command's options name, its preprocessing, and the names of its classes."""
import argparse
import codecs
import copy
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Preprocessing
from ..data.imagenet import imagenet_classes, word_of
from ..errors import ArgumentError, DataError
from ..network import Network
from ..ops.arrays import choose_device, to_gpu
from ..pretrained import DEFAULT, pretrained
from ..training.checkpoint import load_checkpoint
from ..weights import load_weights

OTHER_FORMS = (".pth", ".pt", ".safetensors", ".onnx")  # files of weights, as `load_weights` takes them
MOST_NAMED = 20  # classes, before their number is all that is said


def named_network(options: argparse.Namespace, default: str | None = DEFAULT) -> Network:
    """Return the network of a checkpoint, of --pretrained, or of --model and --weights; else the default one.

    Of a network that the user has not trained or named a file of it is said what it knows.
    """
    if options.weights is not None:
        if options.model is None:
            raise ArgumentError(f"--weights {options.weights}: --model NAME goes with it, as the file does not say "
                                "which network its weights are of")
        return load_weights(options.model, options.weights)
    if options.model is not None:
        raise ArgumentError(f"--model {options.model} is not trained: give its weights with --weights FILE")
    if options.checkpoint is not None:
        if Path(options.checkpoint).suffix.lower() in OTHER_FORMS:
            raise ArgumentError(f"{options.checkpoint} is a file of weights alone, not a checkpoint: give it as "
                                f"--model NAME --weights {options.checkpoint}")
        return load_checkpoint(checkpoint_path(options.checkpoint))
    name = options.pretrained or default
    if name is None:
        raise ArgumentError("no network is named: give a checkpoint, --pretrained NAME, or --model NAME --weights FILE")
    net = pretrained(name)
    print(f"tinynet: the network is {name}, pretrained on {class_list(net)}", file=sys.stderr)
    return net


def class_list(net: Network) -> str:
    """Return a network's classes in words, if they are few."""
    names = net.class_names or []
    if names == list(imagenet_classes()):
        return f"the {len(names):,} classes of ImageNet"
    count = f"{len(names):,} classes"
    return f"{count}: {', '.join(map(word_of, names))}" if len(names) <= MOST_NAMED else count


def say_no_other_class(options: argparse.Namespace) -> None:
    """Say why a pretrained network puts every picture into one of its classes."""
    if options.checkpoint is None and options.weights is None:
        print('tinynet: it cannot say "none of these": its probabilities add up to 1 whatever the picture shows, so '
              "that a picture of something else is put into one of its classes, too", file=sys.stderr)


def checkpoint_path(path: str) -> Path:
    """Return the checkpoint itself, or the best one of a run folder."""
    return Path(path) / "best.npz" if Path(path).is_dir() else Path(path)


def placed(net: Network, device: str) -> Network:
    """Return the network on the device that --device asks for."""
    return to_gpu(net) if choose_device(device) == "gpu" else net


def trained_preprocessing(net: Network) -> Preprocessing:
    """Return how the network's training images were stored and prepared."""
    if net.preprocessing is None:
        raise ArgumentError(f"what {net.name} takes images as is not known: a checkpoint has no preprocessing if it "
                            "was saved before any training, and a file of weights alone has none")
    return net.preprocessing


def among_classes_of(net: Network, data: Any) -> Any:
    """Return a data set that has some of the network's classes with the network's labels; any other as it is."""
    names: list[str] = net.class_names or []
    if len(data.class_names) >= len(names) or not set(data.class_names) <= set(names):
        return data
    print(f"tinynet: {data.name} has {len(data.class_names)} of the network's {len(names):,} classes; all of these "
          "compete", file=sys.stderr)
    found = copy.copy(data)
    found.labels = np.array([names.index(name) for name in data.class_names])[data.labels]
    found.class_names = names
    return found


def class_names(net: Network, file: str | None, classes: int) -> list[str]:
    """Return the names of the classes from a file, else from the checkpoint, else their numbers."""
    if file is None:
        names = net.class_names or [str(i) for i in range(classes)]
        if len(names) != classes:
            raise DataError(f"the checkpoint has {len(names)} class names, the network has {classes} classes: "
                            "give a file with --names")
        return names
    names = read_names(file)
    if len(names) != classes:
        raise DataError(f"{file} has {len(names)} lines, the network has {classes} classes: expected a line for each, "
                        "in the order of their labels")
    return names


def read_names(file: str) -> list[str]:
    """Return the lines of a text file, without an empty one at its end."""
    content = Path(file).read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as some editors on Windows save text
    try:
        names = io.StringIO(content.decode("utf-16" if wide else "utf-8-sig"), newline=None).read().split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not text in UTF-{16 if wide else 8} ({error.reason} at byte {error.start})"
                        ) from error
    return names[:-1] if names[-1] == "" else names
