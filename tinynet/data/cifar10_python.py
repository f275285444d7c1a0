"""CIFAR-10 in its Python form: pickled dicts with a matrix of pixels and a list of labels, as torchvision and Keras
leave it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .dataset import Dataset
from .plain_pickle import PickledArray, as_text, read_pickle

FOLDER = "cifar-10-batches-py"
TRAIN_FILES = [f"data_batch_{number}" for number in range(1, 6)]
TEST_FILE = "test_batch"
NAMES_FILE = "batches.meta"
TEXT = str | bytes
PIXELS = 3 * 32 * 32    # of a row: the red, the green and the blue plane, each row by row


def read_python_form(folder: Path) -> tuple[Dataset, Dataset]:
    """Return the training and the test images of the files in `folder`; DataError for one that is damaged."""
    path = folder / NAMES_FILE
    names = [as_text(name) for name in field(path, read_dict(path), "label_names", list) if isinstance(name, TEXT)]
    if len(names) != 10:
        raise DataError(f"{path}: expected ten class names, found {len(names)}")
    parts = [read_batch(folder / name) for name in TRAIN_FILES]
    for name, (images, _) in zip(TRAIN_FILES, parts, strict=True):
        if len(images) != len(parts[0][0]):
            raise DataError(f"{folder / name} or {TRAIN_FILES[0]} is damaged: they have {len(images)} and "
                            f"{len(parts[0][0])} images, expected the same number in each training file")
    images, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    return (Dataset(images, labels, names, "CIFAR-10 training"),
            Dataset(*read_batch(folder / TEST_FILE), names, "CIFAR-10 test"))


def read_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (N, 32, 32, 3) and labels (N,) of a file."""
    content = read_dict(path)
    rows = array(path, field(path, content, "data", PickledArray))    # (N, 3072)
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != PIXELS or not len(rows):
        raise DataError(f"{path}: expected pixels of uint8 (N, {PIXELS}), found {rows.dtype} {rows.shape}")
    labels = field(path, content, "labels", list | PickledArray)
    if isinstance(labels, PickledArray):
        labels = array(path, labels).tolist()
    if len(labels) != len(rows):
        raise DataError(f"{path} is damaged: it has {len(labels)} labels for {len(rows)} images")
    for index, label in enumerate(labels):
        if type(label) is not int or not 0 <= label <= 9:
            found = label if type(label) is int and abs(label) < 2**63 else f"a {type(label).__name__}"
            raise DataError(f"{path} is damaged: label {index} is {found}, expected 0 to 9")
    planes = rows.reshape(-1, 3, 32, 32)                                              # (N, C, H, W)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.array(labels)       # (N, H, W, C)


def read_dict(path: Path) -> dict[str, Any]:
    """Return the dict in a file, by its entries' names."""
    if not path.is_file():
        raise DataError(f"{path} is missing: expected {', '.join([*TRAIN_FILES, TEST_FILE])} and {NAMES_FILE}")
    content = read_pickle(path)
    if not isinstance(content, dict):
        raise DataError(f"{path} has a {type(content).__name__}: expected a dict")
    return {as_text(key): value for key, value in content.items() if isinstance(key, TEXT)}


def field(path: Path, content: dict[str, Any], name: str, kind: Any) -> Any:
    """Return an entry of a file's dict, which must be of a kind."""
    if not isinstance(content.get(name), kind):
        raise DataError(f"{path}: expected {'an array' if kind is PickledArray else 'a list'} called {name}, found "
                        + (f"a {type(content[name]).__name__}" if name in content else "none"))
    return content[name]


def array(path: Path, pickled: PickledArray) -> np.ndarray:
    """Return an array of a file."""
    try:
        return pickled.array()
    except (DataError, TypeError, ValueError) as problem:
        raise DataError(f"{path} is damaged: {problem}") from problem
