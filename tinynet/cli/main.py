"""The command line: `tinynet COMMAND` or `python -m tinynet COMMAND`."""
import argparse
import io
import os
import sys
import warnings
from typing import Any

from ..data.download import SOURCES
from ..errors import TinynetError
from ..lessons import LESSONS
from ..models import MODELS
from ..ops.threads import set_threads
from . import commands, demo
from .lesson import run_lesson
from .trace import run_trace


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, 1 for an exercise not solved, 2 after an error, which is printed, 130 after Ctrl-C."""
    prepare_output()
    options = parser().parse_args(arguments)
    try:
        set_threads(options.threads)
        with warnings.catch_warnings():
            # A training that diverges says so in a sentence; NumPy's warnings would come before it, with our lines.
            warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"tinynet\.")
            code = options.command(options)
    except BrokenPipeError:  # who read the output, as head does, has enough; the code is that of a shell for SIGPIPE
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (TinynetError, OSError) as error:
        print(f"tinynet: {error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"tinynet: out of memory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tinynet: stopped", file=sys.stderr)
        return 130
    return code or 0


def prepare_output() -> None:
    """Let no command end for want of a place to print to, or of a letter that the terminal does not have."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - None where the shell has closed them: 2>&-
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(prog="tinynet", description="Convolutional networks from scratch, to be read.")
    all_commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Any, what: str) -> argparse.ArgumentParser:
        made = all_commands.add_parser(name, help=what, description=what)
        made.set_defaults(command=function)
        made.add_argument("--threads", type=int, help="to compute with; default: the cores that the process may use")
        return made

    add = command("demo", commands.run_demo, "train a small AlexNet on drawn shapes, check its gradients, draw it all")
    add.add_argument("--run", metavar="DIR", help=f"folder for the results, without a run in it ({demo.FOLDER}, where "
                                                  "the files of an earlier demo are replaced)")
    add.add_argument("--seed", type=int, default=0)

    add = command("train", commands.run_train, "train a network; what is not given comes from its recipe")
    add.add_argument("--model", required=True, help=f"one of {', '.join(MODELS)}")
    add_data(add)
    add.add_argument("--run", metavar="DIR", help="folder for settings, metrics, checkpoints (runs/MODEL)")
    add.add_argument("--resume", action="store_true", help="go on with the run in DIR; same arguments")
    add.add_argument("--epochs", type=int)
    add.add_argument("--batch-size", type=int)
    add.add_argument("--learning-rate", type=float)
    add.add_argument("--rate-drops", type=int, nargs="*", metavar="EPOCH", help="divide the rate by 10 after these")
    add.add_argument("--mean", choices=["image", "colour"], help="what is taken away from images: each place's mean, "
                                                                 "or one colour (the recipe's, else image)")
    add.add_argument("--no-augmentation", action="store_true", help="no random crops, mirror images or colours")
    add.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a switch: activation=tanh")
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--loader-threads", type=int, default=1)
    add_device(add)

    add = command("evaluate", commands.run_evaluate, "measure top-1 and top-5 error of a checkpoint")
    add.add_argument("checkpoint", help="a checkpoint, or a run folder, whose best one is taken")
    add_data(add)
    add.add_argument("--split", choices=["test", "train"], default="test")
    add.add_argument("--ten-crop", action="store_true", help="average over corners, centre and mirror images")
    add.add_argument("--batch-size", type=int, default=128, help="images at a time (%(default)s)")
    add_device(add)

    add = command("predict", commands.run_predict, "name what is in images")
    add.add_argument("images", nargs="+", metavar="IMAGE")
    add.add_argument("--checkpoint", required=True, help="a checkpoint, or a run folder, whose best one is taken")
    add.add_argument("--names", help="a file of class names, one a line, in place of the checkpoint's")
    add.add_argument("--top", type=int, default=5, help="how many classes to print (%(default)s)")
    add.add_argument("--ten-crop", action="store_true", help="average over corners, centre and mirror images")
    add.add_argument("--sheet", metavar="FILE", help="draw images and classes as bars (needs the extra plots)")
    add.add_argument("--batch-size", type=int, default=128, help="images at a time (%(default)s)")
    add_device(add)

    add = command("trace", run_trace, "send one image through a network, forwards and back, and show every step")
    add.add_argument("image", nargs="?", metavar="IMAGE", help="a file; a shape is drawn where none is given")
    net = add.add_mutually_exclusive_group(required=True)
    net.add_argument("--model", help="an untrained network, such as alexnet-small")
    net.add_argument("--checkpoint", help="a trained one: a checkpoint, or a run folder, whose best one is taken")
    add.add_argument("--html", metavar="FILE", help="write a page for the browser in place of the table: it shows "
                                                    "where each number came from")
    add.add_argument("--label", type=int, help="the class that the loss takes as right (else the drawn shape's, or the "
                                               "network's first guess)")
    add.add_argument("--train", action="store_true", help="as in training: dropout drops units")
    add.add_argument("--seed", type=int, default=0, help="of the untrained weights and of the drawn shape")

    add = command("gradcheck", commands.run_gradcheck, "compare all gradients of a network with finite differences")
    add.add_argument("model")
    add.add_argument("--seed", type=int, default=0)

    add = command("summary", commands.run_summary, "print the table of a network, or compare two")
    add.add_argument("models", nargs="+", metavar="MODEL", help="one or two")

    add = command("profile", commands.run_profile, "time each layer, beside the rates that the machine reaches")
    add.add_argument("model")
    add.add_argument("--batch-size", type=int, default=128, help="images at a time (%(default)s)")
    add_device(add)

    add = command("gpu-check", commands.run_gpu_check, "compare all that runs on the GPU with NumPy, and time it")
    add.add_argument("--model", default="alexnet", help="whose layers and shapes to take (%(default)s)")
    add.add_argument("--batch-size", type=int, default=128, help="images at a time, for the times (%(default)s)")

    add = command("lesson", run_lesson, "run an experiment for the classroom")
    add.add_argument("name", choices=LESSONS, metavar="NAME", help=f"one of {', '.join(LESSONS)}")
    add.add_argument("--run", metavar="DIR", help="folder for the results; the same command goes on with what is in it "
                                                  "(tinynet-lesson/NAME)")
    add.add_argument("--quick", action="store_true", help="minutes on drawn shapes instead of hours on CIFAR-10")
    add.add_argument("--data", help="a folder with CIFAR-10 or another data set, or: shapes")
    add.add_argument("--model", help="another network whose switches the arms set")
    add.add_argument("--arms", metavar="NAME,NAME", help="some of the lesson's arms; the first is compared with")
    add.add_argument("--arm", action="append", default=[], metavar="NAME:SWITCH=VALUE,...", help="a further arm")
    for option, what in {"epochs": "of each training", "images": "to train on", "batch-size": "images in a step",
                         "seeds": "trainings of each arm", "jobs": "trainings at a time (one on each core)"}.items():
        add.add_argument(f"--{option}", type=int, metavar="COUNT", help=what)
    add.add_argument("--rates", type=float, nargs="+", metavar="RATE", help="learning rates to choose from")

    add = command("exercise", commands.run_exercise, "mend a broken layer; without a number, list the exercises")
    add.add_argument("number", nargs="?", type=int, metavar="NUMBER", help="write this exercise's file")
    add.add_argument("--to", default=".", metavar="FOLDER", help="where the file is written (the current folder)")
    wish = add.add_mutually_exclusive_group()
    wish.add_argument("--check", nargs="?", const="", metavar="FILE", help="say how far the file is; ends with 0 if it "
                      "is solved, with 1 if not. Default: the exercise's file in --to")
    wish.add_argument("--hint", nargs="?", const=1, type=int, metavar="COUNT", help="print the first hint, or so many")
    wish.add_argument("--solution", action="store_true", help="print the right lines, and why")

    add = command("download", commands.run_download, "fetch a data set and check its sum (needs the extra download)")
    add.add_argument("name", choices=list(SOURCES))
    add.add_argument("--to", default="data", metavar="DIR", help="folder (%(default)s)")
    return top


def add_device(command: argparse.ArgumentParser) -> None:
    """Add the argument that says where to compute."""
    command.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto", help="auto: the GPU where there "
                         "is one (%(default)s); gpu: the CPU, with the reason, where there is none")


def add_data(command: argparse.ArgumentParser) -> None:
    """Add the arguments that name a data set."""
    command.add_argument("--data", required=True, help="a folder with CIFAR-10, MNIST or images by class; or: shapes")
    command.add_argument("--image-size", type=int, help="height and width at which a folder's images, or shapes, "
                         "are stored, in pixels. Default: for a folder 256 / 227 of the network's input (256 for 224), "
                         "for shapes 32; to evaluate, those of the training")
