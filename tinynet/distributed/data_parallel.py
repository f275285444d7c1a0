"""Data parallel: each process takes its part of every batch, and all of them the same step.

The gradient of a batch's loss is a sum over its images. So each process computes the sum over its own images, MPI adds
the sums up, and each process changes its own copy of the parameters in the same way. Whatever else looks at the batch
as a whole (the mean of the loss, mean and variance in batch normalization, dropout's masks, what augmentation draws)
asks `ops/processes.py`. N processes then give the numbers of one, to rounding: sums are added up in another order.
"""
from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import ArgumentError
from ..network import Network
from ..network.params import all_layers, flat, single_layers
from ..ops.arrays import Array, array_module
from ..ops.processes import Share
from .team import Team

PIECE = 25_000_000  # bytes of a gradient that are added up at a time
SMALL = 1_000_000   # bytes of a gradient below which it goes together with others


class DataParallel(Team):
    """Processes that share batches out."""

    def part(self, count: int) -> slice:
        return part_of(count, self.number, self.size)

    def share(self, count: int) -> Share:
        """Return what this process has of a batch of `count` images."""
        part = self.part(count)
        if count < self.size:  # each computes all of it, and they go on with the gradients of one
            return Share(0, count, itself, partial(exchanged, exchange=self.take_first), itself)
        return Share(part.start, count, self.add, partial(exchanged, exchange=self.add_into), self.gather)

    def check_network(self, net: Network, batch_size: int) -> None:
        """Raise ArgumentError for a batch or a network of which a process cannot compute a part alone."""
        if batch_size < self.size:
            raise ArgumentError(f"fit: batch_size is {batch_size}, expected at least one image for each of the "
                                f"{self.size} processes")
        for name, layer in single_layers(net):
            ours = type(layer).__module__.startswith("tinynet.")
            draws = any(inner.generator is not None for _, inner in all_layers(layer))
            if not ours and (layer.whole_batch or draws):
                raise ArgumentError(f"fit: layer {name} ({type(layer).__name__}) looks at the whole batch, or draws "
                                    "random numbers for it, and with several processes each has a part of the batch: "
                                    "train in one process")


def part_of(count: int, number: int, size: int) -> slice:
    """Return which of a batch's images process `number` of `size` takes: all of them where some would get none."""
    if count < size:
        return slice(0, count)
    return slice(count * number // size, count * (number + 1) // size)


def itself(x: Array) -> Array:
    """Return what is given: a process that has the whole batch needs nothing of the others."""
    return x


def exchanged(grads: dict[str, Any], exchange: Callable[[Array, Array], None]) -> dict[str, Any]:
    """Return gradients, nested by layer, after an exchange between the processes, in messages of up to 25 MB.

    The small ones go together: what a message costs, it costs whatever its size.
    """
    arrays, done = flat(grads), {}
    small = [path for path, array in arrays.items() if array.nbytes < SMALL]
    for dtype in {arrays[path].dtype: None for path in small}:
        paths = [path for path in small if arrays[path].dtype == dtype]
        one = array_module(arrays[paths[0]]).concatenate([arrays[path].reshape(-1) for path in paths])
        total, start = in_pieces(one, exchange), 0
        for path in paths:
            done[path] = total[start : start + arrays[path].size].reshape(arrays[path].shape)
            start += arrays[path].size
    for path, array in arrays.items():
        if path not in done:
            done[path] = in_pieces(array, exchange).reshape(array.shape)
    return nested(done)


def in_pieces(array: Array, exchange: Callable[[Array, Array], None]) -> Array:
    """Return an array of one axis with what an exchange makes of the numbers of this one."""
    xp = array_module(array)
    own, total = xp.ascontiguousarray(array).reshape(-1), xp.empty(array.size, array.dtype)
    step = PIECE // array.dtype.itemsize
    for start in range(0, array.size, step):
        exchange(own[start : start + step], total[start : start + step])
    return total


def nested(arrays: dict[tuple[str, ...], Array]) -> dict[str, Any]:
    """Return arrays by path, as `flat` gives them, in dicts within dicts again."""
    found: dict[str, Any] = {}
    for path, array in arrays.items():
        inner = found
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = array
    return found
