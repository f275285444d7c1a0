"""Which pixels a score depends on: its gradient there, and how it changes when a part is covered."""
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..layers import Softmax
from ..layers.base import Layer
from ..ops.arrays import Array, array_module
from ..ops.checks import check_count

BATCH = 128  # covered copies of an image that go through the network at a time


def saliency(net: Layer, images: Array, classes: Any) -> Array:
    """Return |d score of the class / d pixel|, the largest of the colours, for each pixel.

    The backward pass starts at the scores, with a one-hot upstream gradient instead of the loss's (Simonyan, Vedaldi
    and Zisserman 2013, "Deep inside convolutional networks", section 3).

    Parameters
    ----------
    net : Layer
        From images to scores.
    images : array (N, H, W, C)
        As the network takes them.
    classes : array of int (N,)
        Of which class the score is, for each image.

    Returns
    -------
    array (N, H, W)
        In units of score for each unit of pixel.

    Raises
    ------
    ShapeError
        For other images, a class that does not exist, or a network that returns no scores.
    """
    xp = array_module(images)
    if images.ndim != 4:
        raise ShapeError(f"saliency: images have shape {images.shape}, expected (N, H, W, C)")
    scores, saved = net.forward(images)                                        # (N, classes)
    classes = check_classes("saliency", classes, len(images), scores.shape)
    one_hot = xp.zeros_like(scores)
    one_hot[xp.arange(len(images)), xp.asarray(classes)] = 1
    dimages, _ = net.backward(one_hot, saved)                                  # (N, H, W, C)
    return xp.abs(dimages).max(axis=3)


def occlusion(net: Layer, image: Array, class_index: int, size: int = 8, stride: int = 2) -> Array:
    """Return the probability of the class with a square of zeros over each position of the image.

    For images minus their mean, zeros are the mean: nothing to see (Zeiler and Fergus 2014, "Visualizing and
    understanding convolutional networks", section 4.2).

    Parameters
    ----------
    net : Layer
        From images to scores.
    image : array (H, W, C)
        As the network takes it.
    class_index : int
    size : int
        Side of the square; it is cut off at the image's edge.
    stride : int
        The square's middle moves by so many rows and columns, the last time by fewer where it would leave the image.

    Returns
    -------
    array (ceil(H / stride), ceil(W / stride))

    Raises
    ------
    ShapeError
        For another image, a class that does not exist, or a network that returns no scores.
    ArgumentError
        For a size or a stride below 1.
    """
    if image.ndim != 3:
        raise ShapeError(f"occlusion: the image has shape {image.shape}, expected one image (H, W, C)")
    size, stride = check_count("occlusion", "size", size), check_count("occlusion", "stride", stride)
    xp, (h, w, _) = array_module(image), image.shape
    rows, columns = ([min(middle, length - 1) for middle in range(stride // 2, length + stride // 2, stride)]
                     for length in (h, w))
    corners = [(max(0, i - size // 2), max(0, j - size // 2)) for i in rows for j in columns]
    ends = [(i - size // 2 + size, j - size // 2 + size) for i in rows for j in columns]
    probabilities = []
    for first in range(0, len(corners), BATCH):
        covered = xp.repeat(image[None], len(corners[first : first + BATCH]), axis=0)
        for one, (top, left), (bottom, right) in zip(covered, corners[first:], ends[first:], strict=False):
            one[top:bottom, left:right] = 0
        scores, _ = net.forward(covered)
        check_classes("occlusion", [class_index], 1, scores.shape)
        probabilities.append(Softmax().forward(scores)[0][:, class_index])
    return xp.concatenate(probabilities).reshape(len(rows), len(columns))


def check_classes(who: str, classes: Any, count: int, scores: tuple[int, ...]) -> np.ndarray:
    """Return `classes` as an array (count,) if all of them exist; else raise ShapeError."""
    found = np.asarray(classes)
    if len(scores) != 2:
        raise ShapeError(f"{who}: the network returns shape {scores}, expected scores (N, classes)")
    if found.shape != (count,) or found.dtype.kind not in "iu" or found.min() < 0 or found.max() >= scores[1]:
        raise ShapeError(f"{who}: classes are {classes!r}, expected {count} whole numbers from 0 to {scores[1] - 1}")
    return found
