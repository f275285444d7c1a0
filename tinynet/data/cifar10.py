"""CIFAR-10 in its binary form: records of one label byte and 3072 pixel bytes. The other: cifar10_python.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError
from ..files import user_path
from ..ops.checks import check_path
from . import cifar10_python
from .dataset import LARGEST_FILE, Dataset

FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = [f"data_batch_{number}.bin" for number in range(1, 6)]
TEST_FILES = ["test_batch.bin"]
NAMES_FILE = "batches.meta.txt"
RECORD = 1 + 3 * 32 * 32    # the label; then the red, the green and the blue plane, each row by row


def load_cifar10(path) -> tuple[Dataset, Dataset]:
    """Read CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html), its "binary version" or its "python version".

    Of the Python version's pickles nothing is run: they may hold plain data alone (`tinynet.data.plain_pickle`).

    Parameters
    ----------
    path : path-like
        The folder `cifar-10-batches-bin`, or `cifar-10-batches-py` as torchvision and Keras leave it, or the folder
        that contains it.

    Returns
    -------
    train, test : Dataset
        Images uint8 (N, 32, 32, 3): 50,000 and 10,000 in the original.

    Raises
    ------
    DataError
        When a file is missing or damaged. (A test file that ends early, but after a whole record, cannot be told from
        a smaller one; of training files the five must have the same size.)
    ArgumentError
        For what is no path.
    """
    folder = find_cifar10(check_path("load_cifar10", path))
    if folder is None:
        raise DataError(f"CIFAR-10 not found in {path}: looked for {TRAIN_FILES[0]} there and in its folder {FOLDER}, "
                        f"for {cifar10_python.TRAIN_FILES[0]} there and in its folder {cifar10_python.FOLDER}")
    if not (folder / TRAIN_FILES[0]).is_file():
        return cifar10_python.read_python_form(folder)
    names = _read_names(folder / NAMES_FILE)
    _check_sizes([folder / name for name in TRAIN_FILES])
    _check_sizes([folder / name for name in TEST_FILES])
    train = _read_files([folder / name for name in TRAIN_FILES], names, "CIFAR-10 training")
    test = _read_files([folder / name for name in TEST_FILES], names, "CIFAR-10 test")
    return train, test


def find_cifar10(path) -> Path | None:
    """The folder that has the files, `path` itself or the one in it; None where there is no CIFAR-10."""
    root, python = user_path(path), cifar10_python.FOLDER
    for first_file, places in ((TRAIN_FILES[0], ("", FOLDER)),
                               (cifar10_python.TRAIN_FILES[0], ("", python, f"{python}-target/{python}"))):
        for place in places:
            if (root / place / first_file).is_file():
                return root / place
    return None


def _read_names(path: Path) -> list[str]:
    """The ten class names, one a line."""
    if not path.is_file():
        raise DataError(f"{path} is missing: expected the class names, one a line")
    names = path.read_text(encoding="utf-8", errors="replace").split()
    if len(names) != 10:
        raise DataError(f"{path}: expected ten class names, found {len(names)}")
    return names


def _check_sizes(paths: list[Path]) -> None:
    """Raise an error unless each file exists and has whole records, as many as the first."""
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path} is missing: expected {', '.join(TRAIN_FILES + TEST_FILES)} and {NAMES_FILE}")
        size = path.stat().st_size
        if size == 0:
            raise DataError(f"{path} is damaged: it is empty")
        if size % RECORD:
            raise DataError(f"{path} is damaged: its size of {size} bytes is not a multiple of a record's "
                            f"{RECORD} bytes")
        if size > LARGEST_FILE:
            raise DataError(f"{path} is damaged: it has {size} bytes, expected {LARGEST_FILE} at most")
        first = paths[0].stat().st_size
        if size != first:
            raise DataError(f"{path} or {paths[0].name} is damaged: they have {size // RECORD} and {first // RECORD} "
                            "records, expected the same number in each training file")


def _read_files(paths: list[Path], names: list[str], name: str) -> Dataset:
    """All records of some files as one data set."""
    records = np.concatenate([_read_records(path) for path in paths])    # (N, 3073)
    planes = records[:, 1:].reshape(-1, 3, 32, 32)                       # (N, C, H, W)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))          # (N, H, W, C)
    return Dataset(images, records[:, 0], names, name)


def _read_records(path: Path) -> np.ndarray:
    """One file: uint8 (N, 3073), labels checked."""
    records = np.fromfile(path, np.uint8).reshape(-1, RECORD)
    largest = records[:, 0].max()
    if largest > 9:
        raise DataError(f"{path} is damaged: record {records[:, 0].argmax()} has the label {largest}, "
                        "expected 0 to 9")
    return records
