"""What a trained network says about images, and how often it is wrong."""
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import Loader
from ..data.bad_files import BadFiles
from ..data.dataset import as_data, lacking_axis
from ..data.folder_names import say
from ..distributed.tower_layers import needs_both
from ..errors import ArgumentError, DtypeError, NotFiniteError, ShapeError
from ..layers import Softmax
from ..layers.loss import check_scores_and_labels, cross_entropy
from ..network import Network
from ..network.params import library_of, single_layers
from ..ops.arrays import Array, array_module, to_cpu
from ..ops.checks import as_array, check_count
from ..ops.processes import batch_sum, gather, images_of_all
from .checkpoint import check_network
from .gpu_memory import explain_out_of_memory
from .not_finite import all_finite, first_not_finite

CROPS = 10  # four corners and the centre, and their mirror images


@dataclass(frozen=True)
class Evaluation:
    """Mean loss in nats, top-1 and top-5 error rate from 0 to 1, and the number of images."""

    loss: float
    top1_error: float
    top5_error: float
    count: int

    def __str__(self) -> str:
        return (f"top-1 error {self.top1_error:.2%}, top-5 error {self.top5_error:.2%}, loss {self.loss:.4f} "
                f"on {self.count} images")


def evaluate(net: Network, data: Any, *, batch_size: int = 128, ten_crop: bool = False) -> Evaluation:
    """Return loss and errors of a network on a data set; files that cannot be read are named and left out.

    Parameters
    ----------
    net : Network
    data : Dataset, ImageFolder, or a pair (images, labels)
        A data set's images go through `net.preprocessing`; a pair's, float (N, H, W, C) or (N, features), are taken
        as they are. A file that could not be read is not tried again as long as the data set lasts.
    batch_size : int
        Inputs to the network at a time.
    ten_crop : bool
        Average the probabilities over ten crops of each image, as the paper does (section 4.1).

    Returns
    -------
    Evaluation
        Where several classes have the same score, the correct one counts as likely to come first as each of the
        others: a network whose scores are all equal has a top-1 error of 90% with ten classes. With five classes
        or fewer the top-5 error is 0.

    Raises
    ------
    ArgumentError
        When the data set's classes are not those that the network was trained on, the network lacks preprocessing, a
        pair of floats is to be cropped, or `net` is no network.
    ShapeError, DtypeError
        When images or labels do not fit the network.
    DataError
        When more than 1% of the files cannot be read.
    NotFiniteError
        When the loss is infinite or nan; names the first layer whose output is.
    GpuMemoryError
        When a batch does not fit into the GPU's memory; names one that would.
    """
    found = measure(net, data, batch_size, ten_crop)
    say_left_out(data)
    return found


def say_left_out(data: Any) -> None:
    """Say how many files of a data set are left out: they were named when they were met, perhaps in an earlier call."""
    bad: BadFiles | None = getattr(data, "bad_files", None)
    if bad is not None and bad.problems:
        say(bad.summary())


def confusion_matrix(net: Network, data: Any, *, batch_size: int = 128, ten_crop: bool = False) -> np.ndarray:
    """Return how often a network takes an image of one class for another.

    Parameters
    ----------
    net, data, batch_size, ten_crop
        As in `evaluate`, with the same errors.

    Returns
    -------
    int64 (classes, classes)
        Counts of images: the row is the true class, the column the network's first guess. Where several classes have
        the highest score, the guess is the first of them in the order of the classes; so with ties the share of
        images beside the diagonal can differ from `evaluate`'s top-1 error, which counts a tie by its share.
    """
    return evaluate_and_count(net, data, batch_size, ten_crop)[1]


def evaluate_and_count(net: Network, data: Any, batch_size: int, ten_crop: bool) -> tuple[Evaluation, np.ndarray]:
    """Return what `evaluate` and `confusion_matrix` return, from one pass over the data."""
    classes, cells = 0, []

    def note(scores: Array, labels: np.ndarray) -> None:
        nonlocal classes
        classes = scores.shape[1]
        cells.append(labels.astype(np.int64) * classes + to_cpu(scores.argmax(axis=1)))

    evaluation = measure(net, data, batch_size, ten_crop, note)
    say_left_out(data)
    counts = np.bincount(np.concatenate(cells).astype(np.intp), minlength=classes * classes)
    return evaluation, counts.astype(np.int64).reshape(classes, classes)


def measure(net: Network, data: Any, batch_size: int, ten_crop: bool,
            look: Callable[[Array, np.ndarray], None] | None = None, loader: Callable[..., Loader] = Loader
            ) -> Evaluation:
    """Return loss and errors on a data set; `look` gets the scores and the labels of each batch.

    With a `loader` that shares batches out, the numbers of all processes together.
    """
    data = as_data(data, "data")
    loss = wrong1 = wrong5 = 0.0
    count = 0
    for images, labels in prepared(net, data, batch_size, ten_crop, loader).batches():
        if not len(labels):
            continue
        number = images_of_all(len(labels))
        scores = scores_for(net, images, ten_crop)
        mean, errors1, errors5 = loss_and_errors(scores, labels, 1, 5)
        if not math.isfinite(mean):
            raise NotFiniteError(f"the loss is {mean}: {not_finite(net, gather(images), ten_crop)}")
        loss += number * mean
        wrong1 += errors1
        wrong5 += errors5
        count += number
        if look is not None:
            look(scores, labels)
    return Evaluation(loss / count, wrong1 / count, wrong5 / count, count)


def predict(net: Network, images: Array, *, batch_size: int = 128, ten_crop: bool = False) -> np.ndarray:
    """Return the probabilities of the classes.

    Parameters
    ----------
    net : Network
    images : uint8 or float (N, H, W, C), or what NumPy makes that of (a list of images of one size)
        Bytes, of the size that the data set stored, go through `net.preprocessing`; floats, also (N, features), are
        taken as they are.
    batch_size : int
        Inputs to the network at a time.
    ten_crop : bool
        Average over ten crops of each image; for bytes only.

    Returns
    -------
    float (N, classes)
        Of the network's dtype; each row sums to 1.

    Raises
    ------
    ArgumentError
        When the network lacks preprocessing for bytes, or floats are to be cropped.
    ShapeError, DtypeError
        When the images do not fit the network.
    NotFiniteError
        When probabilities are not numbers; names the first layer whose output is not finite.
    GpuMemoryError
        When a batch does not fit into the GPU's memory; names one that would.
    """
    images = as_array("predict: images", images)
    if images.ndim < 2 or not len(images) or (images.dtype == np.uint8 and images.ndim != 4):
        raise ShapeError(f"predict: images are {images.shape}, expected an array (N, H, W, C) with at least one image, "
                         f"or floats (N, features){lacking_axis(images.shape)}")
    if images.dtype.kind != "f" and images.dtype != np.uint8:
        raise DtypeError(f"predict: images are {images.dtype}, expected uint8 for pixels of 0 to 255, "
                         "images.astype('uint8'), or floating-point numbers that are ready for the network")
    ready = prepare("predict", net, images.dtype == np.uint8, ten_crop)
    step = at_a_time("predict", batch_size, ten_crop)
    found = []
    for start in range(0, len(images), step):
        part = images[start : start + step]
        inputs = part if ready is None else ready(part)
        probabilities = to_cpu(Softmax().forward(scores_for(net, inputs, ten_crop))[0])
        if not all_finite(probabilities):
            raise NotFiniteError(f"the probabilities are not finite: {not_finite(net, inputs, ten_crop)}")
        found.append(probabilities)
    return np.concatenate(found)


def scores_for(net: Network, images: Array, ten_crop: bool = False) -> Array:
    """Return scores (N, classes), whose softmax is the probabilities.

    `images` are ready for the network, (N, H, W, C), or (N, 10, H, W, C) with ten_crop.
    """
    scores = outputs_for(net, images, ten_crop)
    if ends_in_softmax(net):
        scores = logarithm(scores)
    if not ten_crop:
        return scores
    return logarithm(Softmax().forward(scores)[0].reshape(-1, CROPS, scores.shape[1]).mean(axis=1))


def not_finite(net: Network, images: Array, ten_crop: bool) -> str:
    """Say where the first numbers are that are not finite, for a batch as `scores_for` takes it."""
    return first_not_finite(net, library_of(net).asarray(images.reshape(-1, *images.shape[2:]) if ten_crop else images))


def outputs_for(net: Network, images: Array, ten_crop: bool) -> Array:
    """Return what the network gives for each input of a batch."""
    def run(count: int) -> Array:
        some = images[:count].reshape(-1, *images.shape[2:]) if ten_crop else images[:count]
        return net.forward(library_of(net).asarray(some), train=False, save=False)[0]

    with explain_out_of_memory(len(images), None if needs_both(net) else run, CROPS if ten_crop else 1):
        return run(len(images))


def logarithm(probabilities: Array) -> Array:
    """Return log p, whose softmax is p; for p = 0 that of the smallest number."""
    xp = array_module(probabilities)
    return xp.log(xp.maximum(probabilities, xp.finfo(probabilities.dtype).tiny))


def ends_in_softmax(net: Network) -> bool:
    """Tell whether a network gives probabilities instead of scores."""
    return isinstance(list(single_layers(net))[-1][1], Softmax)


def prepared(
    net: Network, data: Any, batch_size: int, ten_crop: bool = False, loader: Callable[..., Loader] = Loader
) -> Loader:
    """Return the batches of a data set, ready for the network."""
    names = getattr(data, "class_names", None)
    ready = prepare("evaluate", net, names is not None, ten_crop)
    if names and net.class_names:
        check_same_classes("evaluate", data.name, names, f"{net.name} was trained on", net.class_names)
    return loader(data, ready, at_a_time("evaluate", batch_size, ten_crop))


def check_same_classes(who: str, name: str, names: Sequence[str], other: str, others: Sequence[str]) -> None:
    """Raise ArgumentError unless two lists of class names are the same."""
    if list(names) != list(others):
        one, two = (", ".join(each[:3]) + (", ..." if len(each) > 3 else "") for each in (names, others))
        raise ArgumentError(f"{who}: {name} has other classes ({one}) than {other} ({two})")


def prepare(who: str, net: Network, stored: bool, ten_crop: bool) -> Callable[[Array], Array] | None:
    """Return the function that makes stored images (bytes) ready for the network; None for images that are ready."""
    check_network(who, net)
    if not stored:
        if ten_crop:
            raise ArgumentError(f"{who}: ten_crop needs images as they are stored, uint8 and larger than the network's "
                                "input")
        return None
    preprocessing = net.preprocessing
    if preprocessing is None:
        raise ArgumentError(f"{who}: {net.name} has no preprocessing for uint8 images: train it with fit, load a "
                            "checkpoint, or give float images that are ready")
    ready = preprocessing.ten_crops if ten_crop else preprocessing
    dtype = np.float32 if net.dtype is None else net.dtype
    return lambda images: ready(images).astype(dtype, copy=False)


def at_a_time(who: str, batch_size: int, ten_crop: bool) -> int:
    """Return how many images make a batch of `batch_size` inputs, or one image's ten crops where that is more."""
    check_count(who, "batch_size", batch_size)
    return max(1, batch_size // CROPS) if ten_crop else batch_size


def loss_and_errors(scores: Array, labels: np.ndarray, *ks: int) -> list[float]:
    """Return the mean loss, and the number of top-k errors for each k, of the whole batch.

    From a GPU the numbers come all together, in one copy; the labels go there after they have been checked.
    """
    labels = check_scores_and_labels(scores, labels)
    xp = array_module(scores)
    labels = xp.asarray(labels)
    loss, _ = cross_entropy(scores, labels)
    numbers = xp.stack([loss, *(batch_sum(count_errors(scores, labels, k)) for k in ks)])
    return to_cpu(numbers).tolist()


def count_errors(scores: Array, labels: Array, k: int) -> Array:
    """Return how many labels are not among the `k` highest scores of their row, as an array of no axes.

    A tie counts as if the equal classes stood in random order, by its share: with h scores above the correct one and
    t equal to it (itself among them), it is among the first k with probability (k - h) / t. Taking the first of equal
    classes instead would call a network that gives nothing but zeros right about every image of class 0. A score
    that is not a number is an error.
    """
    xp = array_module(scores)
    correct = scores[xp.arange(len(labels)), labels][:, None]
    higher = (scores > correct).sum(axis=1)
    equal = (scores == correct).sum(axis=1)                                    # 0 where the score is not a number
    right = xp.clip((k - higher) / xp.maximum(equal, 1), 0, 1)
    right = xp.where(xp.isnan(scores).any(axis=1), 0, right)
    return len(labels) - right.sum()
