"""The batches of a training in several processes."""
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from ..data import Loader
from ..data.bad_files import BadFiles
from ..errors import DataError
from ..ops.processes import sharing
from .team import Team


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
                with sharing(self.team.share(len(chosen))):
                    yield images, labels

    def _batch(self, order: np.ndarray, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.own_part(self.chosen(order, index, self.known), epoch, index)

    def chosen(self, order: np.ndarray, index: int, left_out: set[int]) -> np.ndarray:
        """Return the indices of all images of a batch."""
        whole = order[index * self.batch_size : (index + 1) * self.batch_size]
        return np.array([i for i in whole.tolist() if i not in left_out], np.int64) if left_out else whole

    def own_part(self, chosen: np.ndarray, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return this process's images of a batch, ready for the network, and their labels."""
        part = self.team.part(len(chosen))
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
