"""What can be typed after `tinynet`: the commands, their arguments, and the help."""
import argparse
from collections.abc import Callable
from importlib import metadata
from typing import Any

from ..data.download import SOURCES
from ..data.image_file import RESIZES
from ..distributed import SPLITS
from ..files import with_home
from ..lessons import LESSONS
from ..models import MODELS
from ..pretrained import DEFAULT, TRAINED
from ..pretrained.cache import CACHE_VARIABLE
from ..pretrained.trained import TO_FETCH
from ..training.optim import OPTIMIZERS
from . import commands, demo
from .convert import run_convert
from .course import course_arguments, run_course
from .fetch import DATA_FOLDER, run_download
from .lesson import run_lesson
from .models import run_models
from .predict import run_predict
from .trace import run_trace

Run = Callable[[argparse.Namespace], int | None]
AddArguments = Callable[[argparse.ArgumentParser], None]


def demo_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("--run", metavar="DIR", type=with_home, help="folder for the results, without a run in it "
                     f"(default: {demo.FOLDER}, where the files of an earlier demo are replaced)")
    add_seed(add, "of the initial weights, the order of the images and dropout")
    add_computation(add, device=False)


def train_arguments(add: argparse.ArgumentParser) -> None:
    net = add.add_argument_group("network")
    net.add_argument("--model", required=True, metavar="NAME", help=f"one of {', '.join(MODELS)}")
    net.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                     help="an argument of the network, such as activation=tanh; can be given several times")
    net.add_argument("--weights", metavar="FILE", type=with_home, help="begin with trained weights: PyTorch's .pth, "
                     ".safetensors, .onnx, a checkpoint of tinynet's, or a run folder (its best checkpoint). Images "
                     "are prepared as these weights expect them; a last layer for another number of classes than the "
                     "data's is replaced by a fresh one")
    net.add_argument("--freeze", metavar="LAYER", help="train only what comes after this layer of --weights, such as "
                     "fire9. The layers up to it stay as they are, and their outputs are computed once, for each image "
                     "and its mirror image (or, with --no-augmentation, for the image alone), and kept in memory: how "
                     "much, is said. Each epoch has both; there are no random crops or colours")
    data = add.add_argument_group("data")
    add_data(data, "256 / 227 of the network's input size for a folder (256 for 224), 32 for shapes; with --weights as "
             "they expect", "crop; with --weights as they expect")
    data.add_argument("--validation", type=float, metavar="SHARE", help="share of the training images of each class "
                      "to hold out for validation, such as 0.1, where the data has no validation images; --seed draws "
                      "them")
    data.add_argument("--mean", choices=["image", "colour"], help="what to subtract from images: the mean image, or "
                      "the mean colour (default: the recipe's, else image)")
    data.add_argument("--no-augmentation", action="store_true", help="no random crops, mirror images or colours")
    how = add.add_argument_group("training (by default as in the network's recipe)")
    how.add_argument("--epochs", type=int, metavar="N", help="passes over the training set")
    how.add_argument("--batch-size", type=int, metavar="N", help="images per batch")
    how.add_argument("--optimizer", choices=OPTIMIZERS, help="sgd, for which the networks' recipes are, or adam, which "
                     "begins with a learning rate of 0.001 and has no weight decay (default: the recipe's)")
    how.add_argument("--learning-rate", type=float, metavar="RATE", help="initial learning rate, until the "
                     "schedule changes it")
    how.add_argument("--rate-drops", type=int, nargs="*", metavar="EPOCH", help="divide the learning rate by 10 after "
                     "these epochs")
    add_seed(how, "of the initial weights, the order of the images, augmentation and dropout")
    run = add.add_argument_group("results")
    run.add_argument("--run", metavar="DIR", type=with_home,
                     help="folder for settings, metrics and checkpoints (default: runs/MODEL)")
    run.add_argument("--resume", action="store_true", help="resume the run in DIR; give the other arguments as before")
    where = add_computation(add)
    where.add_argument("--split", choices=SPLITS, default="batch", help="what several processes, started by mpirun "
                       "-n N tinynet train ..., share out: the images of each batch, or the two towers of a network "
                       "(default: %(default)s)")
    where.add_argument("--loader-threads", type=int, default=1, metavar="N", help="threads that read and augment "
                       "images during training (default: %(default)s)")


def evaluate_arguments(add: argparse.ArgumentParser) -> None:
    net = add.add_argument_group("network (one of the three)")
    which = net.add_mutually_exclusive_group()
    which.add_argument("checkpoint", metavar="CHECKPOINT", nargs="?", type=with_home,
                       help="a checkpoint, or a run folder (its best checkpoint)")
    add_pretrained(which)
    add_weights(net, which)
    data = add.add_argument_group("data")
    add_data(data, "as in training", "as in training")
    data.add_argument("--split", choices=["test", "validation", "train"], default="test", help="which images to "
                      "evaluate on (default: %(default)s, where there are none the validation images)")
    add_ten_crop(data)
    add.add_argument("--confusion", metavar="FILE", type=with_home,
                     help="write which classes are taken for which others, as a picture "
                     "(needs the extra plots) or, if FILE ends in .csv, as a table")
    add_computation(add, batch_size=True)


def predict_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("images", nargs="+", metavar="PATH", type=with_home,
                     help="an image file, or a folder: all images in it and its "
                     "subfolders")
    net = add.add_argument_group("network (one of the three)")
    which = add_trained(net)
    add_weights(net, which)
    add.add_argument("--names", metavar="FILE", type=with_home, help="file of class names, one per line, instead of "
                     "the checkpoint's")
    add.add_argument("--top", type=int, default=5, metavar="N", help="how many classes to print (default: %(default)s)")
    add_ten_crop(add)
    add.add_argument("--csv", metavar="FILE", type=with_home,
                     help="write a table, one row for each image, instead of printing")
    add.add_argument("--sheet", metavar="FILE", type=with_home,
                     help="draw up to 64 images, with the probabilities as bars (needs the "
                     "extra plots)")
    add_computation(add, batch_size=True)


def summary_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("models", nargs="+", metavar="MODEL", help=f"one or two of {', '.join(MODELS)}")
    add_computation(add, device=False)


def trace_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("image", nargs="?", metavar="IMAGE", type=with_home,
                     help="an image file (default: a shape is drawn)")
    net = add.add_argument_group("network (one of the three)")
    which = add_trained(net)
    add_weights(net, which, "; without it the network is untrained")
    add.add_argument("--html", metavar="FILE", type=with_home,
                     help="write a page for the browser instead of the table: it shows where "
                     "each number came from")
    add.add_argument("--label", type=int, metavar="CLASS", help="label for the loss: the index of a class "
                     "(default: the drawn shape's, else the network's first guess)")
    add.add_argument("--train", action="store_true", help="run the network in training mode: dropout drops units")
    add_seed(add, "of the untrained weights and of the drawn shape")
    add_computation(add, device=False)


def gradcheck_arguments(add: argparse.ArgumentParser) -> None:
    add_model(add)
    add_seed(add, "of the weights and of the images")
    add_computation(add, device=False)


def profile_arguments(add: argparse.ArgumentParser) -> None:
    add_model(add)
    add_computation(add, batch_size=True)


def gpu_check_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("--model", default="alexnet", metavar="NAME", help="network whose layers and shapes are checked "
                     "(default: %(default)s)")
    add_computation(add, device=False, batch_size=True)


def lesson_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("name", choices=LESSONS, metavar="NAME", help=f"one of {', '.join(LESSONS)}")
    add.add_argument("--quick", action="store_true", help="two minutes on drawn shapes instead of CIFAR-10")
    add.add_argument("--data", type=with_home, help="a folder with CIFAR-10 or another data set, or the word shapes")
    add.add_argument("--run", metavar="DIR", type=with_home,
                     help="folder for the results; the same command continues what is in it "
                     "(default: tinynet-lesson/NAME, or NAME-MODEL where the lesson has arms of its own for --model; "
                     "with -quick behind it for the quick form)")
    what = add.add_argument_group("experiment (by default the lesson's)")
    what.add_argument("--arms", metavar="NAME,NAME", help="some of the lesson's arms; the first is the reference")
    what.add_argument("--arm", action="append", default=[], metavar="NAME:SWITCH=VALUE,...", help="a further arm; can "
                      "be given several times")
    what.add_argument("--model", help="another network; it must have the arguments that the arms set")
    for option, text in {"epochs": "epochs of each training run", "images": "images to train on", "batch-size":
                         "images per batch", "seeds": "training runs of each arm, one for each seed"}.items():
        what.add_argument(f"--{option}", type=int, metavar="N", help=text)
    what.add_argument("--rates", type=float, nargs="+", metavar="RATE", help="learning rates to choose from")
    where = add_computation(add, device=False)
    where.add_argument("--jobs", type=int, metavar="N", help="training runs at a time (default: one on each core)")


def exercise_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("number", nargs="?", type=int, metavar="NUMBER", help="write this exercise's file")
    add.add_argument("--to", metavar="DIR", type=with_home, help="folder of the file (default: the current one)")
    wish = add.add_mutually_exclusive_group()
    wish.add_argument("--check", nargs="?", const="", metavar="FILE", type=with_home,
                      help="say what is right in the file, and exit "
                      "with 0 if it is solved, with 1 if not (default: the exercise's file in --to)")
    wish.add_argument("--hint", nargs="?", const=1, type=int, metavar="N", help="print the first hint, or the first N")
    wish.add_argument("--solution", action="store_true", help="print the right lines, and why")
    add_computation(add, device=False)


def models_arguments(add: argparse.ArgumentParser) -> None:
    add_computation(add, device=False)


def convert_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("source", metavar="IN", type=with_home, help="a checkpoint (.npz), or a file of weights: .pth, "
                     ".safetensors or .onnx")
    add.add_argument("target", metavar="OUT", type=with_home, help="the new file, of the form that its ending says")
    add.add_argument("--model", metavar="NAME", help=f"the network that weights are of: one of {', '.join(MODELS)}")
    add.add_argument("--names", metavar="FILE", type=with_home, help="file of class names for a checkpoint, one per "
                     "line")
    add_computation(add, device=False)


def download_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("name", choices=[*SOURCES, *TO_FETCH], metavar="NAME", nargs="?", help="a data set, "
                     f"{', '.join(SOURCES)}, or a trained network, {', '.join(TO_FETCH)}; without it all are listed")
    add.add_argument("--to", metavar="DIR", type=with_home, help=f"folder (default: {DATA_FOLDER} for a data set, the "
                     f"user's cache for a network, which the variable {CACHE_VARIABLE} moves)")
    add_computation(add, device=False)


def add_model(to: Any) -> None:
    to.add_argument("model", metavar="MODEL", help=f"one of {', '.join(MODELS)}")


def add_trained(net: Any) -> Any:
    """Add --checkpoint and --pretrained, and return the group of which one is given at most."""
    which = net.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", metavar="CHECKPOINT", type=with_home,
                       help="a checkpoint, or a run folder (its best checkpoint)")
    add_pretrained(which, f" (default: {DEFAULT})")
    return which


def add_pretrained(which: Any, default: str = "") -> None:
    which.add_argument("--pretrained", choices=list(TRAINED), metavar="NAME", help="a network that was trained "
                       f"already: {', '.join(TRAINED)}{default}")


def add_weights(net: Any, which: Any, more: str = "") -> None:
    which.add_argument("--model", metavar="NAME", help=f"a network, such as squeezenet, with --weights{more}")
    net.add_argument("--weights", metavar="FILE", type=with_home, help="its weights, in another program's file: .pth, "
                     ".safetensors or .onnx")


def add_data(to: Any, size: str, resize: str) -> None:
    to.add_argument("--data", required=True, type=with_home,
                    help="a folder with CIFAR-10, MNIST or images by class, "
                    "Keras's mnist.npz, or the word shapes")
    to.add_argument("--image-size", type=int, metavar="PIXELS", help="height and width at which a folder's images, or "
                    f"shapes, are stored (default: {size})")
    to.add_argument("--resize", choices=RESIZES, help="how a folder's images are brought to that size: crop scales "
                    "the shorter side and cuts out the centre, squash scales the whole image and loses its "
                    f"proportions (default: {resize})")


def add_ten_crop(to: Any) -> None:
    to.add_argument("--ten-crop", action="store_true", help="average over ten crops: corners, centre, mirror images")


def add_seed(to: Any, what: str) -> None:
    to.add_argument("--seed", type=int, default=0, metavar="N", help=f"seed {what} (default: %(default)s)")


def add_computation(add: argparse.ArgumentParser, device: bool = True, batch_size: bool = False) -> Any:
    """Add and return the group of arguments on how a command computes."""
    where = add.add_argument_group("computation")
    if device:
        where.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto", help="auto takes the "
                           "GPU if there is one, else the CPU; gpu also says why there is none (default: "
                           "%(default)s)")
    if batch_size:
        where.add_argument("--batch-size", type=int, default=128, metavar="N", help="images at a time (default: "
                           "%(default)s)")
    where.add_argument("--threads", type=int, metavar="N", help="threads to compute with (default: the cores that the "
                       "process may use)")
    return where


COMMANDS: dict[str, dict[str, tuple[Run, AddArguments, str]]] = {
    "train and use a network": {
        "demo": (commands.run_demo, demo_arguments,
                 "train a small AlexNet on drawn shapes, check it, and draw pictures"),
        "train": (commands.run_train, train_arguments, "train a network"),
        "evaluate": (commands.run_evaluate, evaluate_arguments,
                     "measure the top-1 and top-5 error rates of a trained network"),
        "predict": (run_predict, predict_arguments, "classify images with a trained network"),
    },
    "look into a network": {
        "models": (run_models, models_arguments, "list the networks, and which trained weights there are"),
        "summary": (commands.run_summary, summary_arguments,
                    "print a network's layers and their costs, or compare two networks"),
        "trace": (run_trace, trace_arguments, "follow one image forward and backward through a network"),
        "gradcheck": (commands.run_gradcheck, gradcheck_arguments,
                      "compare all gradients of a network with finite differences"),
        "profile": (commands.run_profile, profile_arguments,
                    "time each layer, beside the rates that the machine reaches"),
        "gpu-check": (commands.run_gpu_check, gpu_check_arguments,
                      "compare all that runs on the GPU with NumPy, and time it"),
    },
    "learn": {
        "lesson": (run_lesson, lesson_arguments, "run an experiment on one of the paper's claims"),
        "exercise": (commands.run_exercise, exercise_arguments,
                     "mend a broken layer; without a number, list the exercises"),
        "course": (run_course, course_arguments,
                   "write every layer yourself, up to an AlexNet that learns"),
    },
    "files": {
        "download": (run_download, download_arguments,
                     "download a data set or a trained network, and verify it"),
        "convert": (run_convert, convert_arguments,
                    "write a network into a file of another form, such as .pth"),
    },
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; `command` of what it parses is the function that runs one."""
    top = argparse.ArgumentParser(
        prog="tinynet", usage="tinynet [--help] [--version] COMMAND ...", description=command_list(),
        epilog="`tinynet COMMAND --help` shows the arguments of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"tinynet {installed_version()}")
    subparsers = top.add_subparsers(prog="tinynet", required=True, metavar="COMMAND", help=argparse.SUPPRESS)
    for group in COMMANDS.values():
        for name, (run, add_arguments, what) in group.items():
            command = subparsers.add_parser(
                name, description=f"{what[0].upper()}{what[1:]}.", allow_abbrev=False)  # --seed is not --seeds
            command.set_defaults(command=run)
            add_arguments(command)
    return top


def command_list() -> str:
    """Return the commands by group, as the help shows them."""
    lines = ["Convolutional networks from scratch, to be read."]
    for title, group in COMMANDS.items():
        lines += ["", f"{title}:", *(f"  {name:<11}{what}" for name, (_, _, what) in group.items())]
    return "\n".join(lines)


def installed_version() -> str:
    """Return the version of the installed package."""
    try:
        return metadata.version("tinynet")
    except metadata.PackageNotFoundError:  # a copy of the source that is not installed
        return "(not installed)"
