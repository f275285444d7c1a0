"""What each command does; `parser` says what its options are."""
import argparse
import codecs
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..data import ImageFolder, Preprocessing, download, load_data, split_validation
from ..data.image_folder import find_image_folder, find_validation_folder
from ..data.imagenet import word_of
from ..distributed.cards import take_own_card
from ..distributed.team import started_by_mpirun
from ..errors import ArgumentError, DataError, TinynetError
from ..exercises import show
from ..exercises.catalogue import find_exercise
from ..exercises.sandbox import check_file
from ..gradcheck import check_each_layer
from ..measure.profiling import profile
from ..models import make_model
from ..network import Network
from ..network.compare import compare
from ..ops.arrays import choose_device, to_gpu, why_no_gpu
from ..ops.checks import check_count
from ..pretrained import DEFAULT, pretrained
from ..training.checkpoint import load_checkpoint
from ..training.evaluation import evaluate, evaluate_and_count
from ..training.fit import fit
from ..training.interrupt import end_as_interrupt
from ..training.preparation import check_several_classes, recipe_with_optimizer
from . import demo
from .confusion import check_confusion_file, write_confusion

# Arguments of the networks that --set does not take, and what they come from.
OWN_OPTION = {"seed": "--seed", "classes": "the folder or set given with --data"}


def run_demo(options: argparse.Namespace) -> None:
    demo.run(options.run, options.seed)


def run_train(options: argparse.Namespace) -> None:
    check_count("train", "--seed", options.seed, least=0)
    switches = dict(parse_switch(text) for text in options.set)
    check_resize_option(options)
    train, validation = load_data(options.data, options.image_size)
    check_several_classes("the data of --data", train)
    if options.validation is not None:
        folder = find_validation_folder(options.data)
        if folder is not None:
            raise ArgumentError(f"--validation {options.validation}: {options.data} has validation images already, in "
                                f"{folder.name}")
        train, validation = split_validation(train, options.validation, options.seed)
    elif isinstance(validation, ImageFolder) and find_validation_folder(options.data) is None:
        print(f"tinynet: {options.data} has test images and no validation images, so the best checkpoint is chosen by "
              "its test images; --validation 0.1 holds out training images for it", file=sys.stderr)
    net = make_model(options.model, classes=len(train.class_names), seed=options.seed, **switches)
    if isinstance(train, ImageFolder):  # the network determines the size and the channels
        size = stored_size(net) if options.image_size is None else options.image_size
        channels = (net.input_shape or ())[2]
        train = train.stored_as(size, channels, options.resize)
        validation = None if validation is None else validation.stored_as(size, channels, options.resize)
    if options.mean is not None:
        net.recipe["mean"] = options.mean
    if options.optimizer is not None:
        choose_optimizer(net, options)
    if options.learning_rate is not None:
        net.recipe["learning_rate"] = options.learning_rate
    if options.rate_drops is not None:
        net.recipe["schedule"] = {"kind": "step", "epochs": options.rate_drops, "factor": 0.1}
    comm = started_by_mpirun()
    if options.device != "cpu":
        take_own_card(comm)
    net = placed(net, options.device)
    run = options.run or f"runs/{options.model}"
    try:
        with end_as_interrupt():
            fit(
                net, train, validation, epochs=options.epochs, batch_size=options.batch_size, seed=options.seed,
                run=run, augmentation=False if options.no_augmentation else None, resume=options.resume,
                loader_threads=options.loader_threads, comm=comm, split=options.split,
            )
    except KeyboardInterrupt:
        if Path(run, "last.npz").exists():
            print(f"tinynet: a checkpoint is in {run}; the same command with --resume continues the run",
                  file=sys.stderr)
        raise
    print(f"results are in {run}")


def choose_optimizer(net: Network, options: argparse.Namespace) -> None:
    """Put the optimizer of --optimizer into the recipe; where it is another one than the recipe's, say what it has."""
    recipe = recipe_with_optimizer(net.recipe, options.optimizer)
    if recipe != net.recipe and options.learning_rate is None:
        print("tinynet: the recipe's learning rate and weight decay are another optimizer's: "
              f"{options.optimizer} begins with {recipe['learning_rate']:g} (--learning-rate), with a weight decay of "
              f"{recipe['weight_decay']:g}", file=sys.stderr)
    net.recipe = recipe


def check_resize_option(options: argparse.Namespace) -> None:
    """Raise an error where --resize is given for images that are not brought to a size."""
    if options.resize is not None and not find_image_folder(options.data):
        raise ArgumentError(f"--resize {options.resize}: {options.data} is not a folder of images by class, and its "
                            "images keep their size")


def placed(net: Network, device: str) -> Network:
    """Return the network on the device that --device asks for."""
    return to_gpu(net) if choose_device(device) == "gpu" else net


def stored_size(net: Network) -> tuple[int, int]:
    """Return the size to store photographs at for a network that crops them: 256 for 224 or 227, and so on."""
    height, width = (256 if side == 224 else round(side * 256 / 227) for side in (net.input_shape or ())[:2])
    return height, width


def parse_switch(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE; VALUE is a number, true, false, null (also none), or a word."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ArgumentError(f"--set {text}: expected NAME=VALUE, for instance activation=tanh")
    if name in OWN_OPTION:
        raise ArgumentError(f"--set {text}: {name} cannot be set here, it comes from {OWN_OPTION[name]}")
    try:
        return name, json.loads("null" if value.lower() == "none" else value.lower())
    except json.JSONDecodeError:
        return name, value


def run_evaluate(options: argparse.Namespace) -> None:
    if options.confusion is not None:
        check_confusion_file(options.confusion)
    net = load_checkpoint(checkpoint_path(options.checkpoint))
    preprocessing, size = trained_preprocessing(net), options.image_size
    if size is None and find_image_folder(options.data):
        size = preprocessing.unpadded_size
    elif size is None and options.data == "shapes":
        size = preprocessing.unpadded_size[0]
    check_resize_option(options)
    train, test = load_data(options.data, size, preprocessing.channels, options.resize or preprocessing.resize)
    data = train if options.split == "train" else test
    if data is None:
        raise DataError(f"{options.data} has no test images; --split train measures on the training images")
    net = placed(net, options.device)
    if options.confusion is None:
        print(evaluate(net, data, batch_size=options.batch_size, ten_crop=options.ten_crop))
        return
    evaluation, counts = evaluate_and_count(net, data, options.batch_size, options.ten_crop)
    print(evaluation)
    names = [*data.class_names, *map(str, range(len(data.class_names), len(counts)))]  # some outputs may have no name
    write_confusion(counts, names[: len(counts)], options.confusion)


def trained_preprocessing(net: Network) -> Preprocessing:
    """Return how the network's training images were stored and prepared."""
    if net.preprocessing is None:
        raise ArgumentError("the checkpoint has no preprocessing for images: it was saved before any training")
    return net.preprocessing


def class_names(net: Network, file: str | None, classes: int) -> list[str]:
    """Return the names of the classes from a file, else from the checkpoint, else their numbers."""
    if file is None:
        names = net.class_names or [str(i) for i in range(classes)]
        if len(names) != classes:
            raise DataError(f"the checkpoint has {len(names)} class names, the network has {classes} classes: "
                            "give a file with --names")
        return names
    content = Path(file).read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as some editors on Windows save text
    try:
        names = io.StringIO(content.decode("utf-16" if wide else "utf-8-sig"), newline=None).read().split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not text in UTF-{16 if wide else 8} ({error.reason} at byte {error.start})"
                        ) from error
    names = names[:-1] if names[-1] == "" else names
    if len(names) != classes:
        raise DataError(f"{file} has {len(names)} lines, the network has {classes} classes")
    return names


def named_network(options: argparse.Namespace) -> Network:
    """Return the network of --checkpoint or --pretrained; where neither is given the shipped one, and say so."""
    if options.checkpoint is not None:
        return load_checkpoint(checkpoint_path(options.checkpoint))
    net = pretrained(options.pretrained or DEFAULT)
    names = net.class_names or []
    print(f"tinynet: the network is {options.pretrained or DEFAULT}, pretrained on {len(names)} classes: "
          f"{', '.join(map(word_of, names))}", file=sys.stderr)
    return net


def say_no_other_class(options: argparse.Namespace) -> None:
    """Say why a pretrained network puts every picture into one of its classes."""
    if options.checkpoint is None:
        print('tinynet: it cannot say "none of these": its probabilities add up to 1 whatever the picture shows, so '
              "that a picture of something else is put into one of its classes, too", file=sys.stderr)


def checkpoint_path(path: str) -> Path:
    """Return the checkpoint itself, or the best one of a run folder."""
    return Path(path) / "best.npz" if Path(path).is_dir() else Path(path)


def run_gradcheck(options: argparse.Namespace) -> None:
    net = make_model(options.model, seed=options.seed)
    shape = (2, *(net.input_shape or ()))
    images = 60 * np.random.default_rng(options.seed).standard_normal(shape)  # of about the deviation of pixels
    report = check_each_layer(net, images, options.seed)
    print(report)
    if not report.passed:
        raise TinynetError(f"{options.model}: a gradient is wrong")


def run_summary(options: argparse.Namespace) -> None:
    nets = [make_model(name) for name in options.models]
    if len(nets) > 2:
        raise ArgumentError(f"summary takes one or two networks, got {len(nets)}")
    print(nets[0].summary() if len(nets) == 1 else compare(*nets))


def run_profile(options: argparse.Namespace) -> None:
    batch = check_count("profile", "--batch-size", options.batch_size)
    print(profile(placed(make_model(options.model), options.device), batch))


def run_gpu_check(options: argparse.Namespace) -> None:
    from ..measure.gpu_check import check

    batch, reason = check_count("gpu-check", "--batch-size", options.batch_size), why_no_gpu()
    if reason:
        raise TinynetError(f"gpu-check needs a GPU: {reason}")
    report = check(make_model(options.model), batch)
    print(report)
    if report.wrong:
        raise TinynetError(f"the GPU's results differ from NumPy's for: {', '.join(report.wrong)}")


def run_exercise(options: argparse.Namespace) -> int:
    if options.number is None:
        if options.check is not None or options.hint is not None or options.solution:
            raise ArgumentError("exercise: give its number first, for instance tinynet exercise 1 --check")
        print(show.exercise_list())
        return 0
    exercise = find_exercise(options.number)
    if options.hint is not None:
        print(show.hint_text(exercise, options.hint))
    elif options.solution:
        print(show.solution_text(exercise))
    elif options.check is not None:
        path = Path(options.check or Path(options.to, exercise.file_name))
        verdict = check_file(exercise, path)
        show.say(show.verdict_text(exercise, path, verdict))
        return 0 if verdict.solved else 1
    else:
        show.say(show.written(exercise, exercise.write(Path(options.to))))
    return 0


def run_download(options: argparse.Namespace) -> None:
    print(f"{options.name} is in {download(options.name, options.to, progress=True)}")
