"""Images with labels, in memory; the interface that every data set here has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError, DtypeError, ShapeError
from ..ops.checks import as_array, check_count

LARGEST_FILE = 2**30    # bytes of data in a file: MNIST's and CIFAR-10's largest have 47 million


class Dataset:
    """Images in memory, as they were stored: bytes from 0 to 255.

    Parameters
    ----------
    images : uint8 (N, H, W, C), C = 1 or 3
    labels : integers (N,), each the index of a class name
    class_names : list of str
    name : str
        For messages and logs.
    padding : int
        How many of the outermost pixels on each side were added to the original images (2 for digits of
        28 x 28 stored as 32 x 32), so that other images can be brought to the same form.

    Raises
    ------
    ShapeError, DtypeError, DataError, ArgumentError
        When the arrays don't have the form above, are empty or masked, a label has no class name, or the names are
        not a list of str.
    """

    def __init__(self, images, labels, class_names: Sequence[str], name: str = "data", padding: int = 0):
        self.images = check_images(images, f"images of data set {name!r}")
        self.class_names = check_class_names(class_names, name)
        self.labels = check_labels(labels, len(self.images), len(self.class_names), name)
        self.name = name
        self.padding = check_count(f"data set {name!r}", "padding", padding, least=0)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        height, width, channels = self.image_shape
        return (f"{type(self).__name__} {self.name!r}: {len(self)} images of {height} x {width} x {channels}, "
                f"{len(self.class_names)} classes")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image."""
        return self.images.shape[1:]

    def image(self, index: int) -> np.ndarray:
        """One image: uint8 (H, W, C)."""
        return self.images_at([index])[0]

    def images_at(self, indices) -> np.ndarray:
        """Several images: uint8 (n, H, W, C), a copy."""
        return self.images[as_indices(indices, len(self), self.name)]

    def subset(self, indices) -> Dataset:
        """A data set of some of the images: `indices` is a slice, or what NumPy takes as an index."""
        chosen = indices if isinstance(indices, slice) else as_indices(indices, len(self), self.name)  # slice: no copy
        return Dataset(self.images[chosen], self.labels[chosen], self.class_names, self.name, self.padding)


class FloatImages:
    """A pair (images, labels) of the user's own, already preprocessed; it goes into the network as it is.

    Parameters
    ----------
    images : floating point (N, H, W, C), or of another form that the network takes, as (N, features)
    labels : integers (N,), from 0 up

    Raises
    ------
    ShapeError, DtypeError, DataError
        When the arrays don't have the form above, are empty or masked.
    """

    name = "the pair (images, labels)"

    def __init__(self, images, labels):
        self.images = _plain_array(images, "the images of a pair (images, labels)")
        if self.images.ndim < 2 or 0 in self.images.shape:
            raise ShapeError(f"the images of a pair (images, labels) must have the shape (N, H, W, C) or (N, features) "
                             f"and not be empty, got {self.images.shape}")
        if self.images.dtype.kind != "f":
            raise DtypeError(f"the images of a pair (images, labels) must be floating point, got "
                             f"{self.images.dtype}; a tinynet.data.Dataset takes uint8 images")
        if self.images.ndim == 3 and len(self.images) > np.size(labels) == 1:
            raise ShapeError(f"the images of a pair (images, labels) have shape {self.images.shape}, and there is one "
                             "label: one image has to be a batch of one, images[None]")
        self.labels = check_labels(labels, len(self.images), None, self.name)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W, C) of every image, or (features,)."""
        return self.images.shape[1:]

    def images_at(self, indices) -> np.ndarray:
        """Several images: (n, H, W, C) or (n, features), a copy."""
        return self.images[as_indices(indices, len(self), self.name)]


def as_data(data: Any, what: str) -> Any:
    """Return `data` as something with `labels` and `images_at`; a pair (images, labels) becomes one."""
    if isinstance(data, tuple | list):
        if any(hasattr(part, "images_at") for part in data):
            names = " and ".join(getattr(part, "name", repr(part)) for part in data)
            raise ArgumentError(f"{what} has {len(data)} data sets ({names}), expected one: load_data gives two, "
                                "train, test = load_data(...), and fit(net, *load_data(...)) takes both")
        if len(data) == 2:
            return FloatImages(*data)
    if not hasattr(data, "images_at") or not hasattr(data, "labels"):
        found = f"a {type(data).__name__}" + (f" of {len(data)}" if isinstance(data, tuple | list) else "")
        hint = "; load_data gives None for a folder that has training images only" if data is None else ""
        raise ArgumentError(f"{what} is {found}, expected a Dataset or a pair (images, labels) in one{hint}")
    return data


def as_indices(indices, count: int, name: str) -> np.ndarray:
    """Return `indices`, a slice or what NumPy takes as an index, as whole numbers (n,), or raise an error."""
    if isinstance(indices, slice):
        return np.arange(count)[indices]
    given = np.atleast_1d(indices)
    if given.dtype == bool and given.shape == (count,):
        return np.flatnonzero(given)
    if given.size == 0:
        return np.empty(0, np.int64)    # NumPy gives an empty list the dtype float64
    if given.dtype.kind not in "iu" or given.ndim != 1:
        raise DtypeError(f"indices of {name!r}: expected whole numbers, or a bool for each of {count} images, got "
                         f"{given.dtype} of the shape {given.shape}")
    wrong = (given < -count) | (given >= count)
    if wrong.any():
        raise ArgumentError(f"indices of {name!r}: index {given[wrong][0]} is out of range, expected 0 to "
                            f"{count - 1}")
    return given


def _plain_array(values, what: str) -> np.ndarray:
    """Return `values` as an array; a masked one would lose its mask."""
    if isinstance(values, np.ma.MaskedArray):
        raise DtypeError(f"{what}: expected a plain array, got a masked one (MaskedArray), whose mask would be lost; "
                         "leave the masked entries out, or fill them with a number by .filled(number)")
    return as_array(what, values)


def check_class_names(class_names, name: str) -> list[str]:
    """Return `class_names` as a list, or raise an error. Two may be the same: ImageNet has two kinds of "crane"."""
    what = f"class_names of data set {name!r}"
    if isinstance(class_names, str) or not np.iterable(class_names):
        raise ArgumentError(f"{what}: expected a list of str, got {class_names!r}")
    names = list(class_names)
    for one in names:
        if not isinstance(one, str):
            raise ArgumentError(f"{what}: expected a list of str, got {one!r} of {type(one).__name__} in it")
    return names


def check_images(images, what: str) -> np.ndarray:
    """Return `images` as an array, or raise an error that says how it is not uint8 (N, H, W, C)."""
    images = _plain_array(images, what)
    if images.dtype != np.uint8:
        raise DtypeError(f"{what}: expected uint8 numbers from 0 to 255, got {images.dtype}; images that are "
                         "already preprocessed can be given as a pair (float images, labels)")
    if images.ndim != 4:
        raise ShapeError(f"{what}: expected the shape (N, H, W, C), got {images.shape}{lacking_axis(images.shape)}")
    if 0 in images.shape:
        raise DataError(f"{what}: the array is empty, its shape is {images.shape}")
    if images.shape[3] not in (1, 3):
        hint = ("; the channels seem to come first, give images.transpose(0, 2, 3, 1)"
                if images.shape[1] in (1, 3) else "")
        raise ShapeError(f"{what}: expected 1 or 3 channels on the last axis, got the shape {images.shape}{hint}")
    return images


def lacking_axis(shape: tuple[int, ...]) -> str:
    """Say what adds the axis that bytes of three axes lack: that of the batch, or that of the channels."""
    if len(shape) != 3:
        return ""
    if shape[2] in (1, 3):
        return "; images[None] makes a batch of one image"
    return "; images[..., None] gives grey images an axis for their channel"


def check_labels(labels, count: int, classes: int | None, name: str) -> np.ndarray:
    """Return `labels` as int64 (count,), or raise an error; `classes` None: any label from 0 up will do."""
    labels = _plain_array(labels, f"labels of {name!r}")
    if labels.dtype.kind not in "iu":
        hint = "; np.unique(names, return_inverse=True) numbers names" if labels.dtype.kind in "US" else ""
        raise DtypeError(f"labels of {name!r}: expected integers, got {labels.dtype}{hint}")
    if labels.shape != (count,):
        raise ShapeError(f"labels of {name!r}: expected one for each of {count} images, shape ({count},), "
                         f"got the shape {labels.shape}")
    numbers = labels.astype(np.int64)    # unsigned ones from 2**63 up become negative
    wrong = numbers < 0 if classes is None else (numbers < 0) | (numbers >= classes)
    if wrong.any():
        index = int(np.argmax(wrong))
        expected = ("0 to 2**63 - 1" if classes is None else
                    f"0 to {classes - 1} (there are {classes} class names)")
        raise DataError(f"labels of {name!r}: image {index} has the label {labels[index]}, expected {expected}")
    return numbers
