"""MNIST and Fashion-MNIST: the idx format, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from tinynet.data.dataset import Dataset
from tinynet.errors import DataError

PADDING = 2    # LeNet-5 wants the digits of 28 x 28 in the middle of 32 x 32
DIGITS = [str(digit) for digit in range(10)]
FASHION = ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
FILES = {("train", "images"): "train-images-idx3-ubyte", ("train", "labels"): "train-labels-idx1-ubyte",
         ("test", "images"): "t10k-images-idx3-ubyte", ("test", "labels"): "t10k-labels-idx1-ubyte"}


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
    folder = Path(path)
    fashion = "fashion" in folder.resolve().name.lower()
    title, names = ("Fashion-MNIST", FASHION) if fashion else ("MNIST", DIGITS)
    return (_read_split(folder, "train", f"{title} training", names),
            _read_split(folder, "test", f"{title} test", names))


def find_mnist(path) -> Path | None:
    """`path`, if the training images are in it, else None."""
    return Path(path) if _find_file(Path(path), FILES["train", "images"]) else None


def read_idx(path) -> np.ndarray:
    """Read an idx file of bytes, plain or compressed: uint8, of the shape that the file names."""
    path = Path(path)
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":    # gzip; decided by the content, since browsers unpack and keep the name
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as problem:
            raise DataError(f"{path} is damaged: it does not decompress ({problem})") from problem
    # Two zero bytes, the type (8: unsigned bytes), the number of axes; then each length, 4 bytes, big-endian.
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataError(f"{path} is not an idx file of bytes: expected it to start with 00 00 08, "
                        f"found {content[:3].hex(' ') or 'nothing'}")
    axes = content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise DataError(f"{path} is damaged: it ends inside its header")
    shape = [int.from_bytes(content[4 + 4 * axis:8 + 4 * axis], "big") for axis in range(axes)]
    if len(content) - start != math.prod(shape):
        raise DataError(f"{path} is damaged: its header names {' x '.join(map(str, shape))} bytes after the first "
                        f"{start}, found {len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


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
            raise DataError(f"no {FILES[split, kind]} in {folder}, neither plain nor with .gz")
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
