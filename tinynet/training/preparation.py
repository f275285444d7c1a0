"""What `fit` works out before it trains: defaults from the recipe, checks, the description of the run."""
import hashlib
import inspect
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ..data import Augmentation, Dataset, FloatImages, ImageFolder, Loader, PCAColour, Preprocessing
from ..errors import ArgumentError, DataError, DtypeError, NotFiniteError, ShapeError
from ..network import Network
from ..network.json_settings import json_ready
from ..network.params import library_of
from ..ops.checks import check_arguments
from ..ops.threads import map_in_order
from .archive import sha256
from .evaluation import check_same_classes, ends_in_softmax, loss_and_errors, prepared, scores_for
from .not_finite import IMAGES, all_finite
from .optim import OPTIMIZERS
from .optimizer import Optimizer
from .progress import can_show_bar, tqdm_bar
from .schedules import ReduceOnPlateau, StepSchedule

MOST_DECODED = 10_000  # of a validation set's files before a training
PIECE = 1000  # images that are looked at together: they may be copied for it
IN_RECIPES = {"epochs", "batch_size", "optimizer", "schedule", "augmentation", "mean", "deviation", "preprocessing",
              "initialization"}.union(*(kind.hyperparameters for kind in OPTIMIZERS.values()))


def optimizer_from(net: Network, **changes: Any) -> Optimizer:
    """Return the optimizer of the network's recipe, SGD where it names none, with some of its arguments changed.

    ArgumentError for a recipe with a key that neither optimizer nor anything else reads.
    """
    check_recipe(net)
    kind = find_optimizer(net.recipe.get("optimizer", "sgd"))
    return kind(net, **{name: net.recipe[name] for name in kind.hyperparameters if name in net.recipe} | changes)


def check_recipe(net: Network) -> None:
    """Raise for a key of the network's recipe, or of its augmentation, that nothing reads.

    A misspelled one would leave a default in its place. What the other optimizer reads may stay in a recipe.
    """
    unknown = [repr(key) for key in net.recipe if key not in IN_RECIPES]
    if unknown:
        raise ArgumentError(f"the recipe of {net.name} has {', '.join(unknown)}, expected some of "
                            f"{', '.join(sorted(IN_RECIPES))}")
    check_arguments("the recipe's augmentation", net.recipe.get("augmentation") or {}, Augmentation)


def find_optimizer(name: str) -> Any:
    """Return the class of the optimizer that a recipe names; ArgumentError for an unknown one."""
    if name not in list(OPTIMIZERS):  # a list: of something that is no text, too
        raise ArgumentError(f"optimizer is {name!r} in the recipe, expected one of {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name]


def recipe_with_optimizer(recipe: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the recipe with another optimizer, at its defaults: rate and decay are chosen for one and suit no other.

    The recipe as it is, if the optimizer is its own.
    """
    own, kind = find_optimizer(recipe.get("optimizer", "sgd")), find_optimizer(name)
    if own is kind:
        return dict(recipe)
    defaults = {key: inspect.signature(kind).parameters[key].default for key in kind.hyperparameters}
    kept = {key: value for key, value in recipe.items() if key not in own.hyperparameters}
    return kept | {"optimizer": name} | defaults


def stored_size(net: Network) -> tuple[int, int]:
    """Return the size to store photographs at for a network that crops them: 256 for 224 or 227, and so on."""
    height, width = (256 if side == 224 else round(side * 256 / 227) for side in (net.input_shape or ())[:2])
    return height, width


def check_belongs(net: Network, optimizer: Any, schedule: Any) -> None:
    """Raise unless the optimizer is one of this network, and the schedule, if there is one, of this optimizer."""
    for name, given, attribute, whose, kind in (
        ("optimizer", optimizer, "net", net, "an SGD or an Adam of this network"),
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


def check_first_image(net: Network, loader: Loader, augmented_alone: bool) -> None:
    """Raise unless an image of the training set, ready for the network, is one that the network takes.

    As it is trained on and, unless `augmented_alone`, as it is evaluated: what augmentation pads may be too small then.
    """
    loaders = [loader]
    if loader.augmentation is not None and not augmented_alone:
        loaders.append(Loader(loader.dataset, loader.preprocessing, threads=0))
    for each in loaders:
        images, _ = first_batch(each, 1)
        dtype = None if isinstance(loader.dataset, FloatImages) else net.dtype
        net.check_input(library_of(net).asarray(images, dtype=dtype))


def first_batch(loader: Loader, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first `size` images of a loader's data set, or those of them that can be read, and their labels."""
    same = Loader(loader.dataset, loader.preprocessing, size, loader.augmentation, threads=0)
    return next((images, labels) for images, labels in same.batches() if len(labels))


def check_validation(net: Network, validation: Any, batch_size: int, show: bool) -> None:
    """Raise unless the validation set, which a training first uses after a whole epoch, will do then.

    Its files are read once, see `check_files`; numbers of a pair (images, labels) must be finite; and the network
    evaluates a batch.
    """
    try:
        if isinstance(validation, ImageFolder):
            check_files(validation, show)
        images, labels = first_batch(prepared(net, validation, batch_size), batch_size)
        loss_and_errors(scores_for(net, images), labels, 1)
    except (ArgumentError, DataError, DtypeError, ShapeError) as error:
        raise type(error)(f"the validation set cannot be used: {error}") from error
    if isinstance(validation, FloatImages):
        for start in range(0, len(validation), PIECE):
            if not all_finite(validation.images[start : start + PIECE]):
                raise NotFiniteError(f"the validation set cannot be used: {IMAGES}")


def check_files(data: ImageFolder, show: bool) -> None:
    """Note which files of a folder cannot be read; DataError when they are more than one in a hundred.

    Up to 10,000 files are decoded; of more only the headers are read, which takes seconds and finds what is missing,
    empty or no image.
    """
    decode, bad = len(data) <= MOST_DECODED, data.bad_files
    hide = not (show and can_show_bar())
    with tqdm_bar(len(data), " files", desc="validation files", leave=False, disable=hide) as bar:
        for index, problem in enumerate(map_in_order(lambda at: data.problem(at, decode), range(len(data)))):
            if problem is not None:
                bad.add(index, problem)
            bar.update()
    bad.check()


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
    net: Network, train: Any, given: Preprocessing | None, resume: bool, pad: int = 0
) -> Preprocessing | None:
    """Give the network its preprocessing and its class names; return what the training images go through.

    `pad` is what augmentation adds on each side.
    """
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
            train, size, net.recipe.get("mean", "image"), net.recipe.get("deviation", 1.0), border(train, size, pad))
    found, expected = getattr(train, "resize", None), net.preprocessing.resize
    if found not in (None, expected):  # predict would bring images to size in another way than training
        raise ArgumentError(f"fit: the images of {train.name} are brought to size by {found!r}, expected "
                            f"{expected!r} as in the preprocessing: give one of the two another resize")
    net.class_names = list(train.class_names)
    return net.preprocessing


def border(train: Any, size: Sequence[int], pad: int) -> int:
    """Return how many pixels on each side images lack to be as large as the network's input: 2 for digits of 28 x 28.

    0 where the images have a border already, and where they lack more than an eighth of the input (or than `pad`, if
    that is more): they need another network then, or another size, and the next check says so.
    """
    lacking = [-(-(wanted - stored) // 2) for wanted, stored in zip(size, train.image_shape, strict=False)]
    most = max(pad, min(size) // 8)
    return max(0, *lacking) if max(lacking) <= most and not train.padding else 0


def described_preprocessing(preprocessing: Preprocessing) -> dict[str, Any]:
    """Return settings and the sum of the mean, to tell two of them apart."""
    state = preprocessing.state()
    return state["settings"] | {"mean": sha256(state["mean"])}


def describe_run(
    net: Network, train: Any, validation: Any, batch_size: int, seed: int, optimizer: Optimizer,
    schedule: ReduceOnPlateau | StepSchedule | None, augmentation: Augmentation | None, freeze: str | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Return all settings that decide a run's numbers, as JSON gives them back."""
    rate = {} if schedule is None else {"learning_rate": schedule.rate_at_the_start(resume)}
    layers = {name: {"kind": kind, **own} for name, kind, own in net.settings["layers"]}
    return json.loads(json.dumps(json_ready({
        "model": {"name": net.name, "input_shape": net.input_shape, "dtype": str(net.dtype), "layers": layers},
        "data": described_data(train),
        "validation": None if validation is None else described_data(validation),
        "batch_size": batch_size,
        "seed": seed,
        "optimizer": optimizer.settings | rate,
        "schedule": None if schedule is None else schedule.settings,
        "augmentation": None if augmentation is None else augmentation.settings,
        "recipe": {key: net.recipe.get(key) for key in ("initialization", "deviation")},
        **({} if freeze is None else {"freeze": freeze}),
    })))


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
        for start in range(0, len(data), PIECE):
            digest.update(np.ascontiguousarray(data.images[start : start + PIECE]).data)
    else:
        what = "first_middle_last_sha256"
        digest.update(np.ascontiguousarray(data.images_at(np.array([0, len(data) // 2, len(data) - 1]))).data)
    return {
        "count": len(data), "image_shape": list(data.image_shape),
        "class_names": getattr(data, "class_names", None), "labels_sha256": sha256(data.labels),
        what: digest.hexdigest(),
    } | ({"resize": "squash"} if getattr(data, "resize", "crop") == "squash" else {})  # runs from before it resume
