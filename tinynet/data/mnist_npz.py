"""MNIST as Keras leaves it: mnist.npz, a zip file of four arrays."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path

import numpy as np

from ..errors import DataError
from .dataset import LARGEST_FILE

NAME = "mnist.npz"
ARRAYS = {("train", "images"): "x_train", ("train", "labels"): "y_train",
          ("test", "images"): "x_test", ("test", "labels"): "y_test"}

HEADS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npz(path: Path) -> dict[tuple[str, str], np.ndarray]:
    """Return the arrays, by split and kind, of a file whose arrays must be of whole numbers.

    Raises
    ------
    DataError
        When the file is damaged, or lacks one of the arrays. Pickles in it are not read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            missing = [name for name in ARRAYS.values() if f"{name}.npy" not in archive.namelist()]
            if missing:
                raise DataError(f"it has no array {missing[0]}: expected {', '.join(ARRAYS.values())}")
            return {key: read_array(archive, name) for key, name in ARRAYS.items()}
    except DataError as problem:
        raise DataError(f"{path}: {problem}") from problem
    except (MemoryError, PermissionError):  # say nothing about the file
        raise
    except Exception as problem:  # zipfile, zlib and numpy meet damage with a dozen kinds of errors
        raise DataError(f"{path} is damaged, or no .npz file ({type(problem).__name__}: {problem})") from problem


def read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return an array of the archive, whose size is checked before it is made."""
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > LARGEST_FILE:
        raise DataError(f"{name} has {info.file_size} bytes, expected {LARGEST_FILE} at most")
    content = archive.read(info)
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version not in HEADS:
        raise DataError(f"{name} is in .npy version {version}: expected (1, 0) or (2, 0)")
    shape, columns_first, dtype = HEADS[version](stream)
    if dtype.kind not in "iu":
        raise DataError(f"{name} is of {dtype}: expected whole numbers")
    size = len(content) - stream.tell()
    if math.prod(shape) * dtype.itemsize != size:
        raise DataError(f"{name} of shape {shape} needs {math.prod(shape) * dtype.itemsize} bytes and has {size}")
    return np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape, order="F" if columns_first else "C")
