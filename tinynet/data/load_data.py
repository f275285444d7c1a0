"""Finds out what kind of data set a path holds, and reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ArgumentError, DataError
from ..ops.checks import check_path
from .cifar10 import FOLDER, TRAIN_FILES, find_cifar10, load_cifar10
from .folder_names import TRAIN, near_miss
from .image_folder import find_image_folder, load_image_folder
from .mnist import FILES, find_mnist, load_mnist
from .shapes import load_shapes


def load_data(path, image_size=None, channels: int = 3, resize: str = "crop") -> tuple[Any, Any]:
    """Read the data set at `path`: CIFAR-10, MNIST, Fashion-MNIST, a folder of images; or draw "shapes".

    Parameters
    ----------
    path : path-like, or "shapes"
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
    if str(check_path("load_data", path)) == "shapes":
        return load_shapes(32 if image_size is None else image_size)
    if not Path(path).is_dir():
        raise DataError(f"folder {path} does not exist: expected a folder with a data set, or the word shapes")
    if find_image_folder(path):
        return load_image_folder(path, 256 if image_size is None else image_size, channels, resize)
    if find_cifar10(path):
        found, load = "CIFAR-10", load_cifar10
    elif find_mnist(path):
        found, load = "MNIST", load_mnist
    else:
        raise DataError(
            f"no data set in {path}: looked for CIFAR-10 ({TRAIN_FILES[0]}, there or in {FOLDER}), for MNIST or "
            f"Fashion-MNIST ({FILES['train', 'images']}, plain or .gz) and for a folder of images (train/<class>/*)"
            f"{near_miss(Path(path), TRAIN)}")
    if image_size not in (None, 32):
        raise ArgumentError(f"image_size={image_size} does not suit the {found} in {path}: its images are 32 x 32")
    return load(path)
