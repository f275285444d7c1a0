"""Data parallel: each process takes its part of every batch, and all of them the same step.

The gradient of a batch's loss is a sum over its images. So each process computes the sum over its own images, MPI adds
the sums up, and each process changes its own copy of the parameters in the same way. Whatever else looks at the batch
as a whole (the mean of the loss, mean and variance in batch normalization, dropout's masks, what augmentation draws)
asks `ops/processes.py`. N processes then give the numbers of one, to rounding: sums are added up in another order.
"""
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from ..data import Loader
from ..data.bad_files import BadFiles
from ..errors import ArgumentError, DataError
from ..network import Network
from ..network.params import single_layers
from ..ops.arrays import Array, array_module
from ..ops.processes import Share, sharing
from .team import Team

PIECE = 25_000_000  # bytes of a gradient that are added up at a time


def part_of(count: int, number: int, size: int) -> slice:
    """Return which of a batch's images process `number` of `size` takes: all of them where some would get none."""
    if count < size:
        return slice(0, count)
    return slice(count * number // size, count * (number + 1) // size)


def loader_for(team: Team) -> Callable[..., Loader]:
    """Return what makes the loader of a training: the usual one, or one that gives each process its part."""
    return Loader if team.size == 1 else partial(SharedLoader, team)


class SharedLoader(Loader):
    """A Loader that gives each process its part of every batch, and says in `ops.processes` how to reach the others.

    Before each batch the processes tell each other of Ctrl-C, and of files that one of them could not read: these are
    left out of the batch before it is cut, as one process does it.
    """

    def __init__(self, team: Team, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.team = team
        self.bad: BadFiles | None = getattr(self.dataset, "bad_files", None)
        self.left_out: set[int] = set()  # indices of files that all processes know to be bad ...
        self.known: set[int] = set()     # ... and knew before the epoch, when batches began to be made ahead

    def batches(self, epoch: int = 0, start: int = 0) -> Generator[tuple[np.ndarray, np.ndarray]]:
        """Yield (images, labels) of this process's part of each batch, from the batch `start` on."""
        self.known, order = set(self.left_out), self.order(epoch)
        with closing(super().batches(epoch, start)) as batches:
            for index, (images, labels) in enumerate(batches, start):
                chosen = self.chosen(order, index, self.known)
                self.tell_bad_files()
                if not self.left_out.isdisjoint(chosen.tolist()):
                    chosen = self.chosen(order, index, self.left_out)
                    images, labels = self.own_part(chosen, epoch, index)
                with sharing(self.share(len(chosen))):
                    yield images, labels

    def _batch(self, order: np.ndarray, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.own_part(self.chosen(order, index, self.known), epoch, index)

    def chosen(self, order: np.ndarray, index: int, left_out: set[int]) -> np.ndarray:
        """Return the indices of all images of a batch."""
        whole = order[index * self.batch_size : (index + 1) * self.batch_size]
        return np.array([i for i in whole.tolist() if i not in left_out], np.int64) if left_out else whole

    def own_part(self, chosen: np.ndarray, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return this process's images of a batch, ready for the network, and their labels."""
        part = part_of(len(chosen), self.team.number, self.team.size)
        return self._ready(*self._read(chosen[part]), epoch, index, part.start, len(chosen))

    def tell_bad_files(self) -> None:
        """Let all processes know of files that one could not read; DataError in all where they are too many."""
        bad = self.bad
        new = {} if bad is None else {i: text for i, text in dict(bad.problems).items() if i not in self.left_out}
        if self.team.agree(len(new)) and bad is not None:
            for told in self.team.from_all(new):
                for index, text in told.items():
                    bad.add(index, DataError(text))
                    self.left_out.add(index)
            bad.check()

    def share(self, count: int) -> Share:
        """Return what this process has of a batch of `count` images."""
        team, part = self.team, part_of(count, self.team.number, self.team.size)
        if count < team.size:  # each computes all of it, and they go on with the gradients of one
            return Share(0, count, itself, partial(exchanged, exchange=team.take_first), itself)
        return Share(part.start, count, team.add, partial(exchanged, exchange=team.add_into), team.gather)


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


def check_can_share(net: Network, batch_size: int, team: Team) -> None:
    """Raise ArgumentError for a batch or a network of which a process cannot compute a part alone."""
    if team.size == 1:
        return
    if batch_size < team.size:
        raise ArgumentError(f"fit: batch_size is {batch_size}, expected at least one image for each of the "
                            f"{team.size} processes")
    for name, layer in single_layers(net):
        ours = type(layer).__module__.startswith("tinynet.")
        if not ours and (layer.whole_batch or layer.generator is not None):
            raise ArgumentError(f"fit: layer {name} ({type(layer).__name__}) looks at the whole batch, or draws random "
                                "numbers for it, and with several processes each has a part of the batch: train in "
                                "one process")
