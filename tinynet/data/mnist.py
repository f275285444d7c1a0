"""MNIST and Fashion-MNIST: the idx format, plain or compressed with gzip. (mnist_npz.py has Keras's.)"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import DataError
from ..files import user_path
from ..ops.checks import check_path
from .dataset import LARGEST_FILE, Dataset
from .mnist_npz import NAME, read_npz

PADDING = 2    # LeNet-5 wants the digits of 28 x 28 in the middle of 32 x 32
DIGITS = [str(digit) for digit in range(10)]
FASHION = ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
FASHION_LABELS = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9, 5, 5, 7, 9, 1, 0, 6, 4]    # of its first training images
FILES = {("train", "images"): "train-images-idx3-ubyte", ("train", "labels"): "train-labels-idx1-ubyte",
         ("test", "images"): "t10k-images-idx3-ubyte", ("test", "labels"): "t10k-labels-idx1-ubyte"}
CHUNK = 2**20  # bytes to read at a time, so that memory follows what the file has and not what its header claims


def load_mnist(path) -> tuple[Dataset, Dataset]:
    """Read MNIST or Fashion-MNIST (http://yann.lecun.com/exdb/mnist, which describes the idx format).

    Parameters
    ----------
    path : path-like
        The folder with `train-images-idx3-ubyte` and its three companions, each plain or ending in .gz; or the folder
        that torchvision made, with them in `raw`, `MNIST/raw` or `FashionMNIST/raw`; or Keras's mnist.npz, or the
        folder that it is in. When the folder's or the file's name contains "fashion", or the training labels begin
        as Fashion-MNIST's do, the classes get its names, else "0" to "9".

    Returns
    -------
    train, test : Dataset
        Images uint8 (N, 32, 32, 1): the 28 x 28 of the file with two rows and columns of 0 on each side.

    Raises
    ------
    DataError
        When a file is missing or damaged.
    ArgumentError
        For what is no path.
    """
    source = find_mnist(check_path("load_mnist", path)) or user_path(path)
    if source.is_file():
        arrays = read_npz(source)
        places = {key: f"{source}: {key[1]} of {key[0]}" for key in arrays}
    else:
        files = {key: _existing(source, name) for key, name in FILES.items()}
        arrays = {key: read_idx(file) for key, file in files.items()}
        places = {key: str(file) for key, file in files.items()}
    title, names = ("Fashion-MNIST", FASHION) if _is_fashion(source, arrays["train", "labels"]) else ("MNIST", DIGITS)
    train, test = (_checked(split, arrays, places, f"{title} {name}", names)
                   for split, name in (("train", "training"), ("test", "test")))
    return train, test


def find_mnist(path) -> Path | None:
    """The folder that has the files, `path` itself or one that torchvision made in it, or the file mnist.npz, or None.

    Raises
    ------
    DataError
        When torchvision made one for MNIST and one for Fashion-MNIST.
    """
    root = user_path(path)
    if root.is_file():
        return root if root.suffix.lower() == ".npz" else None
    for folder in (root, root / "raw"):
        if _find_file(folder, FILES["train", "images"]):
            return folder
    if (root / NAME).is_file():
        return root / NAME
    found = [folder for name in ("MNIST", "FashionMNIST")
             if _find_file(folder := root / name / "raw", FILES["train", "images"])]
    if len(found) > 1:
        raise DataError(f"{root} has MNIST and FashionMNIST: expected the folder of one of them")
    return found[0] if found else None


def _is_fashion(source: Path, labels: np.ndarray) -> bool:
    """Whether the data are Fashion-MNIST, by their folder's or file's name or by the first labels."""
    source = source.resolve()
    name = source.parent.name if source.name == "raw" else source.name
    return "fashion" in name.lower() or labels[:len(FASHION_LABELS)].tolist() == FASHION_LABELS


def read_idx(path) -> np.ndarray:
    """Read an idx file of bytes, plain or compressed: uint8, of the shape that the file names, 1 to 3 axes."""
    path = user_path(path)
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


def _existing(folder: Path, name: str) -> Path:
    """The file of that name, or an error."""
    found = _find_file(folder, name)
    if found is None:
        raise DataError(f"{name} is missing in {folder}: expected it plain or with .gz")
    return found


def _checked(split: str, arrays: dict[tuple[str, str], np.ndarray], places: dict[tuple[str, str], str], name: str,
             class_names: list[str]) -> Dataset:
    """The images and labels of "train" or "test", checked against each other; `places` says where each is from."""
    (images, at), (labels, beside) = ((arrays[split, kind], places[split, kind]) for kind in ("images", "labels"))
    if images.shape[1:] != (28, 28) or len(images) == 0 or images.dtype != np.uint8:
        raise DataError(f"{at}: expected images of 28 x 28 bytes, found {images.dtype} of the shape {images.shape}")
    if labels.shape != images.shape[:1]:
        raise DataError(f"{beside}: expected {len(images)} labels, one for each image, found the shape {labels.shape}")
    wrong = (labels < 0) | (labels > 9)
    if wrong.any():
        raise DataError(f"{beside} is damaged: label {wrong.argmax()} is {labels[wrong][0]}, expected 0 to 9")
    padded = np.pad(images, ((0, 0), (PADDING, PADDING), (PADDING, PADDING)))    # (N, 32, 32)
    return Dataset(padded[..., np.newaxis], labels, class_names, name, PADDING)
