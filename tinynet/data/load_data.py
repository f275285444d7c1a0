"""Finds out what kind of data set a path holds, and reads it."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError, DataError
from ..files import user_path
from ..ops import pair
from ..ops.checks import check_path
from . import cifar10_python
from .cifar10 import FOLDER, TRAIN_FILES, find_cifar10, load_cifar10
from .folder_names import TRAIN, near_miss
from .image_folder import find_image_folder, load_image_folder
from .mnist import FILES, find_mnist, load_mnist
from .mnist_npz import NAME
from .shapes import load_shapes

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def load_data(path, image_size=None, channels: int = 3, resize: str = "crop") -> tuple[Any, Any]:
    """Read the data set at `path`: CIFAR-10, MNIST, Fashion-MNIST, a folder of images; or draw "shapes".

    Also as torchvision and Keras leave them: `cifar-10-batches-py`, `FashionMNIST/raw`, `mnist.npz`.

    Parameters
    ----------
    path : path-like, or "shapes"
        A folder, or Keras's mnist.npz.
    image_size : int, optional
        The size in pixels at which images are stored: 256 for a folder of images, where it may be (height, width),
        and 32 for shapes, unless another is given. The other kinds are always 32 x 32.
    channels : 3 or 1
        Colour or grey, for a folder of images; the other kinds have their own.
    resize : "crop" or "squash"
        How the images of a folder are brought to the size, see `load_image`.

    Returns
    -------
    train, test : Dataset, or ImageFolder for a folder of images
        test is None for a folder of images that has neither `val` (or valid, or validation) nor `test`.

    Raises
    ------
    DataError
        When there is no data set, or it is damaged.
    ArgumentError
        For what is no path (None), or a size that does not suit the data set.
    """
    if check_path("load_data", path) == "shapes":  # the word; a folder of that name is given as Path("shapes")
        return load_shapes(32 if image_size is None else image_size)
    path = user_path(path)
    if path.is_file() and not find_mnist(path):
        unpack = "unpack it, and give" if path.suffix.lower() in ARCHIVES else "give"
        raise DataError(f"{path} is a file, expected a folder with a data set, or {NAME}: {unpack} the folder")
    if not path.exists():
        raise DataError(f"folder {path} does not exist: expected a folder with a data set, or the word shapes")
    if find_image_folder(path):
        return load_image_folder(path, 256 if image_size is None else image_size, channels, resize)
    cifar10, mnist = find_cifar10(path), find_mnist(path)
    if cifar10 and mnist:
        raise DataError(f"{path} has two data sets, {cifar10} and {mnist}: expected one of these")
    if not cifar10 and not mnist:
        raise DataError(
            f"no data set in {path}: looked for CIFAR-10 ({TRAIN_FILES[0]}, there or in {FOLDER}, or "
            f"{cifar10_python.TRAIN_FILES[0]}, there or in {cifar10_python.FOLDER}), for MNIST or Fashion-MNIST "
            f"({FILES['train', 'images']}, plain or .gz, or {NAME}) and for a folder of images (train/<class>/*)"
            f"{near_miss(path, TRAIN)}")
    found, load = ("CIFAR-10", load_cifar10) if cifar10 else ("MNIST", load_mnist)
    if image_size is not None and pair("load_data", "image_size", image_size, 1) != (32, 32):
        raise ArgumentError(f"image_size={image_size} does not suit the {found} in {path}: its images are 32 x 32")
    return load(path)
