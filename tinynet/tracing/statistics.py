"""What can be said about an array without showing it: its statistics, and the memory it takes."""
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..network.executor import Blocks
from ..ops.arrays import Array, array_module


class Statistics(NamedTuple):
    """Numbers about one array.

    Attributes
    ----------
    shape : tuple of int
    mean, deviation, rms, least, largest : float
        The deviation is the standard one; rms is the root mean square.
    zeros : float
        The share of entries that are 0.
    dead : float
        The share of units (numbers of one image) that are 0 in every image of the batch; nan for a batch of one, where
        it would say nothing more than `zeros`.
    """

    shape: tuple[int, ...]
    mean: float
    deviation: float
    rms: float
    least: float
    largest: float
    zeros: float
    dead: float


def statistics(x: Array) -> Statistics:
    """Return the statistics of an array whose first axis is the batch; nan for each of an empty one."""
    if not x.size:
        return Statistics(x.shape, *[float("nan")] * 7)
    zero = x == 0
    dead = float(zero.all(axis=0).mean()) if x.ndim > 1 and len(x) > 1 else float("nan")
    double = x.astype("float64")  # the square of a small gradient is 0 in float32
    rms = float((double * double).mean()) ** 0.5
    return Statistics(
        x.shape, float(x.mean()), float(x.std()), rms, float(x.min()), float(x.max()), float(zero.mean()), dead
    )


def bytes_of(kept: Any, but: Any) -> int:
    """Return the memory of all arrays in `kept`, those that share memory once; those also in `but` not at all."""
    known = {id(owner(array)) for array in arrays_in(but)}
    owners = {id(array): array for array in map(owner, arrays_in(kept))}
    return sum(array.nbytes for key, array in owners.items() if key not in known)


def arrays_in(value: Any) -> Iterator[Array]:
    """Yield the arrays in nested tuples, lists, dicts and what a network saves of its blocks."""
    if isinstance(value, array_module(value).ndarray):
        yield value
    elif isinstance(value, dict):
        yield from arrays_in(list(value.values()))
    elif isinstance(value, tuple | list):
        for one in value:
            yield from arrays_in(one)
    elif isinstance(value, Blocks):
        yield from arrays_in(value.parts)


def owner(array: Array) -> Array:
    """Return the array whose memory a view shows."""
    while isinstance(array.base, array_module(array).ndarray):
        array = array.base
    return array
