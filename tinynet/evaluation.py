"""What a trained network says about images, and how often it is wrong."""
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .data import FloatImages, Loader
from .device import array_module, to_cpu
from .errors import ArgumentError, ShapeError
from .layer import Array, check_count
from .layers import Softmax
from .loss import softmax_cross_entropy
from .nested import library_of
from .network import Network

CROPS = 10  # four corners and the centre, and their mirror images


@dataclass(frozen=True)
class Evaluation:
    """Mean loss, the shares of images whose class is not the first guess and not among five, and how many images."""

    loss: float
    top1_error: float
    top5_error: float
    count: int

    def __str__(self) -> str:
        return (f"top-1 error {self.top1_error:.2%}, top-5 error {self.top5_error:.2%}, loss {self.loss:.4f} "
                f"on {self.count} images")


def evaluate(net: Network, data: Any, *, batch_size: int = 128, ten_crop: bool = False) -> Evaluation:
    """Return loss and errors of a network on a data set.

    Parameters
    ----------
    net : Network
    data : Dataset, ImageFolder, or a pair (images, labels)
        A data set's images go through `net.preprocessing`; a pair's, float (N, H, W, C), are taken as they are.
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
    """
    data = as_data(data)
    loss = wrong1 = wrong5 = 0.0
    loader = Loader(data, prepare(net, hasattr(data, "class_names"), ten_crop), at_a_time(batch_size, ten_crop))
    for images, labels in loader.batches():
        scores = to_cpu(scores_for(net, images, ten_crop))
        loss += len(labels) * softmax_cross_entropy(scores, labels)[0]
        wrong1 += count_errors(scores, labels, 1)
        wrong5 += count_errors(scores, labels, 5)
    return Evaluation(loss / len(data), wrong1 / len(data), wrong5 / len(data), len(data))


def predict(net: Network, images: Array, *, batch_size: int = 128, ten_crop: bool = False) -> np.ndarray:
    """Return the probabilities of the classes.

    Parameters
    ----------
    net : Network
    images : uint8 or float (N, H, W, C)
        Bytes, of the size that the data set stored, go through `net.preprocessing`; floats are taken as they are.
    batch_size : int
        Inputs to the network at a time.
    ten_crop : bool
        Average over ten crops of each image; for bytes only.

    Returns
    -------
    float (N, classes)
        Of the network's number type; each row sums to 1.
    """
    if not hasattr(images, "dtype") or images.ndim != 4 or not len(images):
        found = getattr(images, "shape", type(images).__name__)
        raise ShapeError(f"predict: images are {found}, expected an array (N, H, W, C) with at least one image")
    ready = prepare(net, images.dtype == np.uint8, ten_crop)
    step = at_a_time(batch_size, ten_crop)
    found = []
    for start in range(0, len(images), step):
        part = images[start : start + step]
        scores = scores_for(net, part if ready is None else ready(part), ten_crop)
        found.append(to_cpu(Softmax().forward(scores)[0]))
    return np.concatenate(found)


def scores_for(net: Network, images: Array, ten_crop: bool = False) -> Array:
    """Return scores (N, classes), whose softmax is the probabilities.

    `images` are ready for the network, (N, H, W, C), or (N, 10, H, W, C) with ten_crop.
    """
    images = library_of(net).asarray(images.reshape(-1, *images.shape[-3:]))
    scores, _ = net.forward(images, train=False, save=False)
    if not ten_crop:
        return scores
    xp = array_module(scores)
    probabilities = Softmax().forward(scores)[0].reshape(-1, CROPS, scores.shape[1]).mean(axis=1)
    return xp.log(xp.maximum(probabilities, xp.finfo(scores.dtype).tiny))  # the softmax of log p is p


def prepare(net: Network, stored: bool, ten_crop: bool) -> Callable[[Array], Array] | None:
    """Return the function that makes stored images (bytes) ready for the network; None for images that are ready."""
    if not stored:
        if ten_crop:
            raise ArgumentError("ten_crop needs images as they are stored, uint8 and larger than the network's input")
        return None
    preprocessing = net.preprocessing
    if preprocessing is None:
        raise ArgumentError(f"{net.name} has no preprocessing for uint8 images: train it with fit, load a checkpoint, "
                            "or give float images that are ready")
    ready = preprocessing.ten_crops if ten_crop else preprocessing
    dtype = np.float32 if net.dtype is None else net.dtype
    return lambda images: ready(images).astype(dtype, copy=False)


def as_data(data: Any, what: str = "data") -> Any:
    """Return `data` as something with `labels` and `images_at`; a pair (images, labels) becomes one."""
    if isinstance(data, tuple | list) and len(data) == 2:
        return FloatImages(*data)
    if not hasattr(data, "images_at") or not hasattr(data, "labels"):
        raise ArgumentError(f"{what} is a {type(data).__name__}, expected a Dataset or a pair (images, labels)")
    return data


def at_a_time(batch_size: int, ten_crop: bool) -> int:
    """Return how many images make a batch of `batch_size` inputs, or one image's ten crops where that is more."""
    check_count("evaluate", "batch_size", batch_size)
    return max(1, batch_size // CROPS) if ten_crop else batch_size


def count_errors(scores: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Return how many labels are not among the `k` highest scores of their row.

    A tie counts as if the equal classes stood in random order, by its share: with h scores above the correct one and
    t equal to it (itself among them), it is among the first k with probability (k - h) / t. Taking the first of equal
    classes instead would call a network that gives nothing but zeros right about every image of class 0. A score
    that is not a number is an error.
    """
    correct = scores[np.arange(len(labels)), labels][:, np.newaxis]
    higher = (scores > correct).sum(axis=1)
    equal = (scores == correct).sum(axis=1)                                    # 0 where the score is not a number
    right = np.clip((k - higher) / np.maximum(equal, 1), 0, 1)
    right[np.isnan(scores).any(axis=1)] = 0
    return float(len(labels) - right.sum())
