"""A batch that several processes share: what layers, loss and optimizer have to know of the other processes.

`distributed/` shares batches out and says here how numbers get from process to process. Without it, in a training of
one process and everywhere else, each function here gives what its name says of the batch at hand.
"""
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .arrays import Array, Shape, channel_sums


class Share(NamedTuple):
    """This process's part of a batch, and how to reach the other parts."""

    start: int                                            # of its images in the whole batch
    images: int                                           # in the whole batch
    add: Callable[[Array], Array]                         # the sum of the processes' arrays
    add_gradients: Callable[[dict[str, Any]], dict[str, Any]]
    gather: Callable[[Array], Array]                      # the processes' arrays, one behind the other


_share: Share | None = None  # of the batch that is in work


@contextmanager
def sharing(share: Share | None) -> Iterator[None]:
    """Let a batch be a share of a larger one inside the block; None: let it be one of this process alone."""
    global _share
    before, _share = _share, share
    try:
        yield
    finally:
        _share = before


def images_of_all(images: int) -> int:
    """Return how many images the whole batch has, of which `images` are here."""
    return images if _share is None else _share.images


def batch_sum(x: Array) -> Array:
    """Return the sum over all processes of what each computed from its images."""
    return x if _share is None else _share.add(x)


def batch_mean(x: Array) -> Array:
    """Return the mean of each channel, (C,), over the whole batch of x (N, ..., C)."""
    return batch_sum(channel_sums(x)) / (images_of_all(len(x)) * math.prod(x.shape[1:-1]))


def draw_for_batch(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    """Draw float32 numbers from 0 to 1, (N, ...): those of this process's images out of the whole batch's."""
    if _share is None:
        return generator.random(shape, dtype=np.float32)
    numbers = generator.random((_share.images, *shape[1:]), dtype=np.float32)
    return numbers[_share.start : _share.start + shape[0]]


def add_gradients(grads: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters' gradients, nested by layer, added up over the processes."""
    return grads if _share is None else _share.add_gradients(grads)


def gather(x: Array) -> Array:
    """Return all images, or labels, of the whole batch."""
    return x if _share is None else _share.gather(x)
