"""MNIST and Fashion-MNIST: the idx format, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import DataError
from ..ops.checks import check_path
from .dataset import LARGEST_FILE, Dataset

PADDING = 2    # LeNet-5 wants the digits of 28 x 28 in the middle of 32 x 32
DIGITS = [str(digit) for digit in range(10)]
FASHION = ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
FILES = {("train", "images"): "train-images-idx3-ubyte", ("train", "labels"): "train-labels-idx1-ubyte",
         ("test", "images"): "t10k-images-idx3-ubyte", ("test", "labels"): "t10k-labels-idx1-ubyte"}
CHUNK = 2**20  # bytes to read at a time, so that memory follows what the file has and not what its header claims


def load_mnist(path) -> tuple[Dataset, Dataset]:
    """Read MNIST or Fashion-MNIST (http://yann.lecun.com/exdb/mnist, which describes the idx format).

    Parameters
    ----------
    path : path-like
        The folder with `train-images-idx3-ubyte` and its three companions, each plain or ending in .gz.
        When its name contains "fashion", the classes get the names of Fashion-MNIST, else "0" to "9".

    Returns
    -------
    train, test : Dataset
        Images uint8 (N, 32, 32, 1): the 28 x 28 of the file with two rows and columns of 0 on each side.

    Raises
    ------
    DataError
        When a file is missing or damaged.
    """
    folder = Path(check_path("load_mnist", path))
    fashion = "fashion" in folder.resolve().name.lower()
    title, names = ("Fashion-MNIST", FASHION) if fashion else ("MNIST", DIGITS)
    return (_read_split(folder, "train", f"{title} training", names),
            _read_split(folder, "test", f"{title} test", names))


def find_mnist(path) -> Path | None:
    """`path`, if the training images are in it, else None."""
    return Path(path) if _find_file(Path(path), FILES["train", "images"]) else None


def read_idx(path) -> np.ndarray:
    """Read an idx file of bytes, plain or compressed: uint8, of the shape that the file names, 1 to 3 axes."""
    path = Path(path)
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"    # by the content, since browsers unpack and keep the name
        file.seek(0)
        if not compressed:
            return _read_stream(file, path)
        try:
            with gzip.open(file) as unpacked:
                return _read_stream(unpacked, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
            raise DataError(f"{path} is damaged: it does not decompress ({problem})") from problem


def _read_stream(stream: BinaryIO | gzip.GzipFile, path: Path) -> np.ndarray:
    """Two zero bytes, the type (8: unsigned bytes), the number of axes; each length, 4 bytes, big-endian; the data."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:3] != b"\x00\x00\x08":
        raise DataError(f"{path} is not an idx file of bytes: expected it to start with 00 00 08, "
                        f"found {magic[:3].hex(' ') or 'nothing'}")
    axes = magic[3]
    if not 1 <= axes <= 3:
        raise DataError(f"{path} is damaged: its header names {axes} axes, expected 1 to 3")
    lengths = stream.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise DataError(f"{path} is damaged: it ends inside its header")
    shape = [int.from_bytes(lengths[4 * axis:4 * axis + 4], "big") for axis in range(axes)]
    header = f"its header names {' x '.join(map(str, shape))} bytes after the first {4 + 4 * axes}"
    count = math.prod(shape)
    if not 0 < count <= LARGEST_FILE:
        raise DataError(f"{path} is damaged: {header}, expected 1 to {LARGEST_FILE}")
    content = bytearray()
    while len(content) <= count and (chunk := stream.read(CHUNK)):
        content += chunk
    if len(content) != count:
        raise DataError(f"{path} is damaged: {header}, found {'more' if len(content) > count else len(content)}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _find_file(folder: Path, name: str) -> Path | None:
    """The file of that name, with .gz, or with a dot for the second hyphen, as some unpackers write it."""
    dotted = name.replace("-idx", ".idx")
    candidates = [folder / (spelling + ending) for spelling in (name, dotted) for ending in ("", ".gz")]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _read_split(folder: Path, split: str, name: str, class_names: list[str]) -> Dataset:
    """The images and labels of "train" or "test", checked against each other."""
    paths = {}
    for kind in ("images", "labels"):
        found = _find_file(folder, FILES[split, kind])
        if found is None:
            raise DataError(f"{FILES[split, kind]} is missing in {folder}: expected it plain or with .gz")
        paths[kind] = found
    images, labels = read_idx(paths["images"]), read_idx(paths["labels"])
    if images.shape[1:] != (28, 28) or len(images) == 0:
        raise DataError(f"{paths['images']}: expected images of 28 x 28, found the shape {images.shape}")
    if labels.shape != images.shape[:1]:
        raise DataError(f"{paths['labels']}: expected {len(images)} labels, one for each image of "
                        f"{paths['images'].name}, found the shape {labels.shape}")
    if labels.max() > 9:
        raise DataError(f"{paths['labels']} is damaged: label {labels.argmax()} is {labels.max()}, expected 0 to 9")
    padded = np.pad(images, ((0, 0), (PADDING, PADDING), (PADDING, PADDING)))    # (N, 32, 32)
    return Dataset(padded[..., np.newaxis], labels, class_names, name, PADDING)
