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
from ..network.params import single_layers
from ..ops.arrays import Array, array_module
from ..ops.processes import Share
from .team import Team

PIECE = 25_000_000  # bytes of a gradient that are added up at a time


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
            if not ours and (layer.whole_batch or layer.generator is not None):
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


def exchanged(grads: Any, exchange: Callable[[Array, Array], None]) -> Any:
    """Return gradients, nested by layer, after an exchange between the processes, piece by piece."""
    if isinstance(grads, dict):
        return {name: exchanged(gradient, exchange) for name, gradient in grads.items()}
    xp = array_module(grads)
    own, total = xp.ascontiguousarray(grads).reshape(-1), xp.empty(grads.size, grads.dtype)
    step = PIECE // grads.dtype.itemsize
    for start in range(0, grads.size, step):
        exchange(own[start : start + step], total[start : start + step])
    return total.reshape(grads.shape)
