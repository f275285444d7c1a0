"""What `fit` works out before it trains: defaults from the recipe, checks, the description of the run."""
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ..data import Augmentation, Dataset, FloatImages, ImageFolder, Loader, PCAColour, Preprocessing
from ..errors import ArgumentError, ShapeError
from ..network import Network
from ..network.params import library_of
from .archive import sha256
from .evaluation import check_same_classes, ends_in_softmax
from .optim import HYPERPARAMETERS, SGD
from .schedules import ReduceOnPlateau, StepSchedule


def optimizer_from(net: Network, **changes: Any) -> SGD:
    """Return the optimizer of the network's recipe, with some of SGD's arguments changed."""
    return SGD(net, **{name: net.recipe[name] for name in HYPERPARAMETERS if name in net.recipe} | changes)


def check_belongs(net: Network, optimizer: Any, schedule: Any) -> None:
    """Raise unless the optimizer is one of this network, and the schedule, if there is one, of this optimizer."""
    for name, given, attribute, whose, kind in (
        ("optimizer", optimizer, "net", net, "an SGD of this network"),
        ("schedule", schedule, "optimizer", optimizer, "a ReduceOnPlateau or a StepSchedule of this optimizer"),
    ):
        if given is not None and getattr(given, attribute, None) is not whose:
            found = f"the class {given.__name__}" if isinstance(given, type) else f"{given!r}"
            if hasattr(given, attribute):
                found = f"one of another {'network' if attribute == 'net' else attribute}"
            raise ArgumentError(f"fit: {name} is {found}, expected {kind}")


def check_classes(net: Network, train: Any, validation: Any) -> None:
    """Raise unless the network has an output for each label, and both data sets the same classes."""
    if ends_in_softmax(net):
        raise ArgumentError(f"fit: {net.name} ends in Softmax, and fit's loss has the softmax in it: leave that layer "
                            "out, predict gives probabilities without it")
    check_several_classes("fit: train", train)
    shape = net.output_shape(net.input_shape or train.image_shape)
    if len(shape) != 1:
        raise ShapeError(f"fit: {net.name} gives {shape} for an image, expected scores (classes,)")
    if shape[0] < 2:  # the softmax of one number is 1, and the loss 0, whatever the network has learnt
        raise ArgumentError(f"fit: {net.name} gives one score for an image, expected one for each class: 2 for yes and "
                            "no")
    for data in (train, validation):
        if data is not None and int(data.labels.max()) >= shape[0]:
            raise ArgumentError(f"fit: the labels of {data.name} go up to {data.labels.max()}, which needs "
                                f"{data.labels.max() + 1} outputs; {net.name} has {shape[0]}")
    one, two = getattr(train, "class_names", None), getattr(validation, "class_names", None)
    if one and two:
        check_same_classes("fit", validation.name, two, train.name, one)


def check_several_classes(what: str, train: Any) -> None:
    """Raise ArgumentError for a data set of one class: any network is right about all of it."""
    names = getattr(train, "class_names", None)
    if names is not None and len(names) < 2:
        where = f" (in {train.paths[0].parents[1]})" if isinstance(train, ImageFolder) else ""
        raise ArgumentError(f"{what}, {train.name!r}, has one class, {', '.join(names)}{where}: expected two or more; "
                            "in a folder of images each class has a folder of its own")


def check_first_image(net: Network, loader: Loader) -> None:
    """Raise unless an image of the training set, ready for the network, is one that the network takes."""
    one = Loader(loader.dataset, loader.preprocessing, 1, loader.augmentation, threads=0)
    images = next(images for images, _ in one.batches() if len(images))  # the first whose file can be read
    dtype = None if isinstance(loader.dataset, FloatImages) else net.dtype
    net.check_input(library_of(net).asarray(images, dtype=dtype))


def choose_augmentation(
    given: Augmentation | Literal[False] | None, recipe: Mapping[str, Any], train: Any, saved: Mapping[str, Any] | None
) -> Augmentation | None:
    """Return the augmentation: what is given, else the recipe's.

    Its colours are worked out from the training images, unless `saved`, the settings of a run to go on with, has them.
    """
    if isinstance(given, Augmentation):
        if isinstance(train, FloatImages):
            raise ArgumentError("fit: a pair (images, labels) is taken as it is, without augmentation")
        return given
    if given is not None and given is not False:
        raise ArgumentError(f"fit: augmentation is {given!r}, expected an Augmentation, or False for none")
    wanted = dict(recipe.get("augmentation") or {})
    if given is False or not wanted or isinstance(train, FloatImages):
        return None
    if wanted.get("colour"):
        known = ((saved or {}).get("augmentation") or {}).get("colour")
        wanted["colour"] = PCAColour(**known) if known else PCAColour.fit(train)
    return Augmentation(**wanted | {"colour": wanted.get("colour") or None})


def choose_preprocessing(
    net: Network, train: Any, given: Preprocessing | None, resume: bool
) -> Preprocessing | None:
    """Give the network its preprocessing and its class names; return what the training images go through."""
    if isinstance(train, FloatImages):
        if given is not None:
            raise ArgumentError("fit: a pair (images, labels) is taken as it is, without preprocessing")
        return None
    if resume and given is not None and described_preprocessing(given) != described_preprocessing(net.preprocessing):
        raise ArgumentError("fit: preprocessing differs from that of the run to resume")
    if resume and given is None:
        kind = "image" if net.preprocessing.mean.ndim == 3 else "colour"
        if net.recipe.get("mean", kind) != kind:
            raise ArgumentError(f"fit: mean is {net.recipe['mean']!r} and was {kind!r} when the run began")
    if given is not None:
        net.preprocessing = given
    elif net.preprocessing is None:
        size = (net.input_shape or train.image_shape)[:2]
        net.preprocessing = Preprocessing.fit(
            train, size, net.recipe.get("mean", "image"), net.recipe.get("deviation", 1.0))
    found, expected = getattr(train, "resize", None), net.preprocessing.resize
    if found not in (None, expected):  # predict would bring images to size in another way than training
        raise ArgumentError(f"fit: the images of {train.name} are brought to size by {found!r}, expected "
                            f"{expected!r} as in the preprocessing: give one of the two another resize")
    net.class_names = list(train.class_names)
    return net.preprocessing


def described_preprocessing(preprocessing: Preprocessing) -> dict[str, Any]:
    """Return settings and the sum of the mean, to tell two of them apart."""
    state = preprocessing.state()
    return state["settings"] | {"mean": sha256(state["mean"])}


def describe_run(
    net: Network, train: Any, validation: Any, batch_size: int, seed: int, optimizer: SGD,
    schedule: ReduceOnPlateau | StepSchedule | None, augmentation: Augmentation | None,
) -> dict[str, Any]:
    """Return all settings that decide a run's numbers, as JSON gives them back."""
    layers = {name: {"kind": kind, **own} for name, kind, own in net.settings["layers"]}
    return json.loads(json.dumps({
        "model": {"name": net.name, "input_shape": net.input_shape, "dtype": str(net.dtype), "layers": layers},
        "data": described_data(train),
        "validation": None if validation is None else described_data(validation),
        "batch_size": batch_size,
        "seed": seed,
        "optimizer": optimizer.settings,
        "schedule": None if schedule is None else schedule.settings,
        "augmentation": None if augmentation is None else augmentation.settings,
    }))


def described_file(path: str) -> str:
    """Return folder and name of a file and how many bytes it has; none where it cannot be looked at."""
    name = "/".join(path.replace(os.sep, "/").rsplit("/", 2)[-2:])
    try:
        return f"{name} {os.stat(path).st_size}"
    except OSError:
        return f"{name} none"


def described_data(data: Any) -> dict[str, Any]:
    """Return what tells one data set from another, wherever it lies.

    That is labels and images; of image files, which are not read for it, names and sizes; of a data set of another kind
    three images.
    """
    digest = hashlib.sha256()
    if isinstance(data, ImageFolder):
        what = "files_sha256"
        for path in data.paths:
            digest.update(f"{described_file(os.fspath(path))}\n".encode(errors="surrogateescape"))
    elif isinstance(data, Dataset | FloatImages):
        what = "images_sha256"
        for start in range(0, len(data), 1000):  # some at a time: they may be copied for it
            digest.update(np.ascontiguousarray(data.images[start : start + 1000]).data)
    else:
        what = "first_middle_last_sha256"
        digest.update(np.ascontiguousarray(data.images_at(np.array([0, len(data) // 2, len(data) - 1]))).data)
    return {
        "count": len(data), "image_shape": list(data.image_shape),
        "class_names": getattr(data, "class_names", None), "labels_sha256": sha256(data.labels),
        what: digest.hexdigest(),
    } | ({"resize": "squash"} if getattr(data, "resize", "crop") == "squash" else {})  # runs from before it resume
