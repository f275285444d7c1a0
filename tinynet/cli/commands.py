"""What each command does; `parser` says what its options are."""
import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..data import ImageFolder, Preprocessing, load_data, load_image_folder, split_validation
from ..data.image_folder import find_image_folder, find_validation_folder
from ..distributed import take_own_card
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
from ..ops.arrays import why_no_gpu
from ..ops.checks import check_between, check_count
from ..training.evaluation import evaluate, evaluate_and_count
from ..training.fit import fit
from ..training.interrupt import end_as_interrupt
from ..training.preparation import check_several_classes, recipe_with_optimizer, stored_size
from . import demo
from .confusion import check_confusion_file, write_confusion
from .networks import among_classes_of, checkpoint_path, named_network, placed, trained_preprocessing
from .weights import take_weights

# Arguments of the networks that --set does not take, and what they come from.
OWN_OPTION = {"seed": "--seed", "classes": "the folder or set given with --data"}


def run_demo(options: argparse.Namespace) -> None:
    demo.run(options.run, options.seed)


def run_train(options: argparse.Namespace) -> None:
    check_count("train", "--seed", options.seed, least=0)
    for name in ("epochs", "batch_size", "image_size"):
        if getattr(options, name) is not None:
            check_count("train", f"--{name.replace('_', '-')}", getattr(options, name))
    check_count("train", "--loader-threads", options.loader_threads, least=0)
    if options.learning_rate is not None:
        check_between("train", "--learning-rate", options.learning_rate, 0, float("inf"))
    for epoch in options.rate_drops or ():
        check_count("train", "each of --rate-drops", epoch)
    if options.validation is not None and not 0 < options.validation < 1:
        raise ArgumentError(f"train: --validation is {options.validation}, expected a number above 0 and below 1")
    switches = dict(parse_switch(text) for text in options.set)
    check_resize_option(options)
    if options.freeze is not None and options.weights is None:
        raise ArgumentError(f"--freeze {options.freeze}: what is frozen has to be trained already, give the file of "
                            "its weights with --weights")
    train, validation = load_data(options.data, options.image_size)
    check_several_classes("the data of --data", train)
    folder = find_validation_folder(options.data) if is_image_folder(options.data) else None
    if options.validation is not None:
        if folder is not None:
            raise ArgumentError(f"--validation {options.validation}: {options.data} has validation images already, in "
                                f"{folder.name}")
        train, validation = split_validation(train, options.validation, options.seed)
    elif isinstance(validation, ImageFolder) and folder is None:
        print(f"tinynet: {options.data} has test images and no validation images, so the best checkpoint is chosen by "
              "its test images; --validation 0.1 holds out training images for it", file=sys.stderr)
    net = make_model(options.model, classes=len(train.class_names), seed=options.seed, **switches)
    if options.weights is not None:
        take_weights(net, checkpoint_path(options.weights))
    ready = net.preprocessing  # which some weights bring
    if isinstance(train, ImageFolder):  # the network determines the size and the channels
        size = options.image_size or (stored_size(net) if ready is None else ready.unpadded_size)
        resize = options.resize or (None if ready is None else ready.resize)
        channels = (net.input_shape or ())[2]
        train = train.stored_as(size, channels, resize)
        validation = None if validation is None else validation.stored_as(size, channels, resize)
    if options.mean is not None:
        if ready is not None:
            raise ArgumentError(f"--mean {options.mean}: the weights of {options.weights} have a mean of their own")
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
                loader_threads=options.loader_threads, freeze=options.freeze, comm=comm, split=options.split,
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


def is_image_folder(data: str) -> bool:
    """Tell whether --data is a folder of images by class, and not the word shapes."""
    return data != "shapes" and find_image_folder(data) is not None


def check_resize_option(options: argparse.Namespace) -> None:
    """Raise an error where --resize is given for images that are not brought to a size."""
    if options.resize is not None and not is_image_folder(options.data):
        raise ArgumentError(f"--resize {options.resize}: {options.data} is not a folder of images by class, and its "
                            "images keep their size")




def parse_switch(text: str, option: str = "--set") -> tuple[str, Any]:
    """Read NAME=VALUE, given with an option; VALUE is a number, true, false, null (also none), or a word."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ArgumentError(f"{option} {text}: expected NAME=VALUE, for instance activation=tanh")
    if name in OWN_OPTION:
        own = "--seeds" if option != "--set" and name == "seed" else OWN_OPTION[name]
        raise ArgumentError(f"{option} {text}: {name} cannot be set here, it comes from {own}")
    try:
        return name, json.loads("null" if value.lower() == "none" else value.lower())
    except json.JSONDecodeError:
        return name, value


def run_evaluate(options: argparse.Namespace) -> None:
    if options.confusion is not None:
        check_confusion_file(options.confusion)
    net = named_network(options, default=None)
    preprocessing, size = trained_preprocessing(net), options.image_size
    if size is None and is_image_folder(options.data):
        size = preprocessing.unpadded_size
    elif size is None and options.data == "shapes":
        size = preprocessing.unpadded_size[0]
    check_resize_option(options)
    data = among_classes_of(net, images_of_split(options, size, preprocessing))
    net = placed(net, options.device)
    if options.confusion is None:
        print(evaluate(net, data, batch_size=options.batch_size, ten_crop=options.ten_crop))
        return
    evaluation, counts = evaluate_and_count(net, data, options.batch_size, options.ten_crop)
    print(evaluation)
    names = [*data.class_names, *map(str, range(len(data.class_names), len(counts)))]  # some outputs may have no name
    write_confusion(counts, names[: len(counts)], options.confusion)


def images_of_split(options: argparse.Namespace, size: Any, preprocessing: Preprocessing) -> Any:
    """Return the images that --split names; for test, where there are none, the validation images."""
    channels, resize = preprocessing.channels, options.resize or preprocessing.resize
    if not is_image_folder(options.data):
        if options.split == "validation":
            raise ArgumentError(f"--split validation: {options.data} has training and test images alone")
        return load_data(options.data, size, channels, resize)[options.split == "test"]
    if options.split == "validation" and find_validation_folder(options.data) is None:
        raise DataError(f"{options.data} has no validation images, in a folder val, valid or validation")
    train, other = load_image_folder(
        options.data, 256 if size is None else size, channels, resize, test_first=options.split == "test")
    if options.split == "train":
        return train
    if other is None:
        raise DataError(f"{options.data} has no test images; --split train measures on the training images")
    return other


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
        if options.check is not None or options.hint is not None or options.solution or options.to is not None:
            raise ArgumentError("exercise: give its number first, for instance tinynet exercise 1 --check")
        print(show.exercise_list())
        return 0
    exercise, folder = find_exercise(options.number), Path(options.to or ".")
    if options.to is not None and (options.check or options.hint is not None or options.solution):
        raise ArgumentError("exercise: --to names where the exercise's file lies; it does not go with --check FILE, "
                            "--hint or --solution")
    if options.hint is not None:
        print(show.hint_text(f"exercise {exercise.number}", exercise.hints, options.hint))
    elif options.solution:
        print(show.solution_text(exercise))
    elif options.check is not None:
        path = Path(options.check or folder / exercise.file_name)
        verdict = check_file(exercise, path)
        show.say(show.verdict_text(exercise, path, verdict))
        return 0 if verdict.solved else 1
    else:
        show.say(show.written(exercise, exercise.write(folder)))
    return 0
