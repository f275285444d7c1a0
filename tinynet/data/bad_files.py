"""Files that cannot be read are left out and named; more than one in a hundred of a data set are an error."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..errors import DataError

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
        By the file's index: the error's message, which names the file.
    """

    def __init__(self, name: str, paths: list[Path]):
        self.name, self.paths = name, paths
        self.problems: dict[int, str] = {}
        self.lock = threading.Lock()    # batches are read in several threads

    def add(self, index: int, problem: DataError) -> None:
        """Note a file and name it on standard error."""
        with self.lock:
            if index not in self.problems:
                self.problems[index] = str(problem)
                with suppress(OSError):     # nobody reads it any more: no reason to end a training
                    tqdm.write(f"left out: {problem}", file=sys.stderr)

    def check(self) -> None:
        """Raise DataError when more than `SHARE` of the files are bad."""
        with self.lock:
            problems = list(self.problems.values())
        if len(problems) > SHARE * len(self.paths):
            more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
            raise DataError(f"{self.summary()}, more than {SHARE:.0%}: {'; '.join(problems[:NAMED])}{more}")

    def summary(self) -> str:
        """How many files are left out of how many."""
        return f"{len(self.problems)} of {len(self.paths)} files of data set {self.name!r} cannot be read"


def readable_at(dataset: Any, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the images at `indices` and these indices, both without those whose files cannot be read.

    A data set without `bad_files` raises its own errors.

    Raises
    ------
    DataError
        When more than `SHARE` of the data set's files are bad: in each call, whichever call found them.
    """
    bad: BadFiles | None = getattr(dataset, "bad_files", None)
    if bad is None:
        return dataset.images_at(indices), indices
    images, kept = [], []
    for index in indices.tolist():
        if index in bad.problems:
            continue
        try:
            images.append(dataset.images_at([index]))
        except DataError as problem:
            bad.add(index, problem)
        else:
            kept.append(index)
    bad.check()
    none = np.empty((0, *dataset.image_shape), np.uint8)
    return np.concatenate(images) if images else none, np.array(kept, dtype=np.int64)
