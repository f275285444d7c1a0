"""Files that cannot be read: left out and named, and more than one in a hundred of a data set an error."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tinynet.errors import DataError

SHARE = 0.01    # of a data set's files that may be bad
NAMED = 3       # in the message when there are more


class BadFiles:
    """The files of a data set that could not be read, and why.

    Parameters
    ----------
    name : str
        Of the data set, for messages.
    paths : list of Path
        All of its files.

    Attributes
    ----------
    problems : dict
        Index of the file: what the error says, which names it.
    news : list of str
        What of it `take_news` has not given yet.
    """

    def __init__(self, name: str, paths: list[Path]):
        self.name, self.paths = name, paths
        self.problems: dict[int, str] = {}
        self.news: list[str] = []
        self.lock = threading.Lock()    # batches are read in several threads

    def add(self, index: int, problem: DataError) -> None:
        """Note a file and name it on standard error.

        Raises
        ------
        DataError
            When more than `SHARE` of the files are bad.
        """
        with self.lock:
            if index in self.problems:
                return
            self.problems[index] = str(problem)
            self.news.append(f"left out: {problem}")
            tqdm.write(self.news[-1], file=sys.stderr)
            if len(self.problems) > SHARE * len(self.paths):
                first = "; ".join(list(self.problems.values())[:NAMED])
                more = len(self.problems) - NAMED
                raise DataError(f"{self.summary()}, more than {SHARE:.0%}: {first}"
                                f"{f'; and {more} more' if more > 0 else ''}")

    def summary(self) -> str:
        """How many files are left out of how many."""
        return f"{len(self.problems)} of {len(self.paths)} files of data set {self.name!r} cannot be read"

    def take_news(self) -> list[str]:
        """Return, once, a line for each file found since the last call, and how many there are now."""
        with self.lock:
            news, self.news = self.news, []
            return [*news, self.summary()] if news else []


def readable_at(dataset: Any, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the images at `indices` and these indices, both without those whose files cannot be read.

    A data set without `bad_files` raises its own errors.
    """
    bad: BadFiles | None = getattr(dataset, "bad_files", None)
    if bad is None:
        return dataset.images_at(indices), indices
    kept = [index for index in indices.tolist() if index not in bad.problems]
    try:
        images = dataset.images_at(kept)
    except DataError:    # rarely: then one by one
        kept = [index for index in kept if _can_be_read(dataset, index, bad)]
        images = dataset.images_at(kept)
    return images, np.array(kept, dtype=np.int64)


def _can_be_read(dataset: Any, index: int, bad: BadFiles) -> bool:
    """Read one image; note its file if that fails."""
    try:
        dataset.images_at([index])
    except DataError as problem:
        bad.add(index, problem)
        return False
    return True
