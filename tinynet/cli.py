"""The command line: `tinynet COMMAND` or `python -m tinynet COMMAND`."""
import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from . import demo
from .checkpoint import load_checkpoint
from .data import download, load_data
from .data.download import SOURCES
from .errors import ArgumentError, DataError, TinynetError
from .evaluation import evaluate, predict
from .gradcheck import check_each_layer
from .models import MODELS, make_model
from .network import Network
from .threads import set_threads
from .train import fit


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 2 after an error that its message explains, or 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        set_threads(options.threads)
        options.command(options)
    except (TinynetError, OSError) as error:
        print(f"tinynet: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tinynet: stopped", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(prog="tinynet", description="Convolutional networks from scratch, to be read.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Any, what: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what)
        made.set_defaults(command=function)
        made.add_argument("--threads", type=int, help="to compute with; default: the cores that the process may use")
        return made

    add = command("demo", run_demo, "train a small AlexNet on drawn shapes, check its gradients, draw pictures")
    add.add_argument("--run", default="tinynet-demo", metavar="DIR", help="folder for the results (%(default)s)")
    add.add_argument("--seed", type=int, default=0)

    add = command("train", run_train, "train a network; what is not given comes from its recipe")
    add.add_argument("--model", required=True, help=f"one of {', '.join(MODELS)}")
    add_data(add)
    add.add_argument("--run", metavar="DIR", help="folder for settings, metrics, checkpoints (runs/MODEL)")
    add.add_argument("--resume", action="store_true", help="go on with the run in DIR; same arguments")
    add.add_argument("--epochs", type=int)
    add.add_argument("--batch-size", type=int)
    add.add_argument("--learning-rate", type=float)
    add.add_argument("--rate-drops", type=int, nargs="*", metavar="EPOCH", help="divide the rate by 10 after these")
    add.add_argument("--no-augmentation", action="store_true", help="no random crops, mirror images or colours")
    add.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a switch: activation=tanh")
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--loader-threads", type=int, default=1)
    add.add_argument("--device", choices=["auto", "cpu"], default="auto", help="there is no GPU path yet")

    add = command("evaluate", run_evaluate, "measure top-1 and top-5 error of a checkpoint")
    add.add_argument("checkpoint", help="a checkpoint, or a run folder, whose best one is taken")
    add_data(add)
    add.add_argument("--split", choices=["test", "train"], default="test")
    add.add_argument("--ten-crop", action="store_true", help="average over corners, centre and mirror images")

    add = command("predict", run_predict, "name what is in images")
    add.add_argument("images", nargs="+", metavar="IMAGE")
    add.add_argument("--checkpoint", required=True, help="a checkpoint, or a run folder, whose best one is taken")
    add.add_argument("--names", help="a file of class names, one a line, in place of the checkpoint's")
    add.add_argument("--top", type=int, default=5, help="how many classes to print (%(default)s)")
    add.add_argument("--ten-crop", action="store_true", help="average over corners, centre and mirror images")
    add.add_argument("--sheet", metavar="FILE", help="draw images and classes as bars (needs the extra plots)")

    add = command("gradcheck", run_gradcheck, "compare all gradients of a network with finite differences")
    add.add_argument("model")
    add.add_argument("--seed", type=int, default=0)

    add = command("summary", run_summary, "print the table of a network, or compare two")
    add.add_argument("models", nargs="+", metavar="MODEL", help="one or two")

    add = command("download", run_download, "fetch a data set and check its sum (needs the extra download)")
    add.add_argument("name", choices=list(SOURCES))
    add.add_argument("--to", default="data", metavar="DIR", help="folder (%(default)s)")
    return top


def add_data(command: argparse.ArgumentParser) -> None:
    """Add the arguments that name a data set."""
    command.add_argument("--data", required=True, help="a folder with CIFAR-10, MNIST or images by class; or: shapes")
    command.add_argument("--image-size", type=int, help="stored size of a folder's images or of shapes, in pixels")


def run_demo(options: argparse.Namespace) -> None:
    demo.run(options.run, options.seed)


def run_train(options: argparse.Namespace) -> None:
    switches = dict(parse_switch(text) for text in options.set)
    train, validation = load_data(options.data, options.image_size)
    net = make_model(options.model, classes=len(train.class_names), seed=options.seed, **switches)
    if options.learning_rate is not None:
        net.recipe["learning_rate"] = options.learning_rate
    if options.rate_drops is not None:
        net.recipe["schedule"] = {"kind": "step", "epochs": options.rate_drops, "factor": 0.1}
    run = options.run or f"runs/{options.model}"
    try:
        fit(
            net, train, validation, epochs=options.epochs, batch_size=options.batch_size, seed=options.seed, run=run,
            augmentation=False if options.no_augmentation else None, resume=options.resume,
            loader_threads=options.loader_threads,
        )
    except KeyboardInterrupt:
        print(f"tinynet: a checkpoint is in {run}; the same command with --resume goes on", file=sys.stderr)
        raise
    print(f"results are in {run}")


def parse_switch(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE; VALUE is a number, true, false, null (also none), or a word."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ArgumentError(f"--set {text}: expected NAME=VALUE, for instance activation=tanh")
    try:
        return name, json.loads("null" if value.lower() == "none" else value.lower())
    except json.JSONDecodeError:
        return name, value


def run_evaluate(options: argparse.Namespace) -> None:
    net = load_checkpoint(checkpoint_path(options.checkpoint))
    train, test = load_data(options.data, options.image_size)
    data = train if options.split == "train" else test
    if data is None:
        raise DataError(f"{options.data} has no test images; --split train measures on the training images")
    print(evaluate(net, data, ten_crop=options.ten_crop))


def run_predict(options: argparse.Namespace) -> None:
    net = load_checkpoint(checkpoint_path(options.checkpoint))
    images = [load_stored(net, path) for path in options.images]
    names = class_names(net, options.names)
    probabilities = predict(net, np.stack(images), ten_crop=options.ten_crop)
    for path, row in zip(options.images, probabilities, strict=True):
        best = row.argsort()[::-1][: options.top]
        print(f"{path}: " + ", ".join(f"{names[i]} {row[i]:.1%}" for i in best))
    if options.sheet:
        from .pictures import prediction_sheet

        prediction_sheet(images, probabilities, class_names=names).savefig(options.sheet)
        print(f"the sheet is {options.sheet}")


def load_stored(net: Network, path: str) -> Any:
    """Read an image at the size that the network's training images were stored at."""
    if net.preprocessing is None:
        raise ArgumentError("the checkpoint does not say how images are prepared: it was saved before any training")
    return net.preprocessing.load_image(path)


def class_names(net: Network, file: str | None) -> list[str]:
    """Return the class names from a file, else from the checkpoint, else numbers."""
    classes = net.output_shape(net.input_shape)[0] if net.input_shape else len(net.class_names or [])
    if file is None:
        return net.class_names or [str(i) for i in range(classes)]
    names = Path(file).read_text(encoding="utf-8").split("\n")
    names = names[:-1] if names[-1] == "" else names
    if len(names) != classes:
        raise DataError(f"{file} has {len(names)} lines, the network has {classes} classes")
    return names


def checkpoint_path(path: str) -> Path:
    """Return the checkpoint itself, or the best one of a run folder."""
    return Path(path) / "best.npz" if Path(path).is_dir() else Path(path)


def run_gradcheck(options: argparse.Namespace) -> None:
    net = make_model(options.model, seed=options.seed)
    shape = (2, *(net.input_shape or ()))
    images = 60 * np.random.default_rng(options.seed).standard_normal(shape)  # they spread as pixels do
    report = check_each_layer(net, images, options.seed)
    print(report)
    if not report.passed:
        raise TinynetError(f"{options.model}: a gradient is wrong")


def run_summary(options: argparse.Namespace) -> None:
    from .summary import compare

    nets = [make_model(name) for name in options.models]
    if len(nets) > 2:
        raise ArgumentError(f"summary takes one or two networks, got {len(nets)}")
    print(nets[0].summary() if len(nets) == 1 else compare(*nets))


def run_download(options: argparse.Namespace) -> None:
    print(f"{options.name} is in {download(options.name, options.to, progress=True)}")
