"""Photographs in folders, one folder for each class, decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..files import user_path
from ..ops import pair
from ..ops.checks import check_path
from .bad_files import BadFiles
from .dataset import as_indices, check_class_names, check_labels
from .folder_names import ENDINGS, TEST, TRAIN, VALIDATION, LeftOut, find_split, near_miss, say
from .image_file import check_channels, check_resize, load_image, opened


class ImageFolder:
    """Image files with labels; the same interface as `Dataset`, each image decoded when it is asked for.

    Parameters
    ----------
    paths : list of path-like
    labels : integers (N,)
    class_names : list of str
    size : int or (int, int)
        Every image is brought to this size, see `load_image`.
    name : str
    channels : 3 or 1
        Colour or grey, whatever the files have.
    resize : "crop" or "squash"
        How an image is brought to the size, see `load_image`.

    Raises
    ------
    DataError
        When there are no images, or a label has no class name. Files are not read yet.
    ArgumentError, ShapeError, DtypeError
        For a setting that makes no sense, names that are not a list of str, and labels of another form.
    """

    padding = 0

    def __init__(self, paths: Sequence, labels, class_names: Sequence[str], size=256, name: str = "images",
                 channels: int = 3, resize: str = "crop"):
        if len(paths) == 0:
            raise DataError(f"data set {name!r} has no images")
        self.paths = [user_path(check_path(f"data set {name!r}", path, "a path")) for path in paths]
        self.class_names = check_class_names(class_names, name)
        self.labels = check_labels(labels, len(self.paths), len(self.class_names), name)
        self.size = pair(f"data set {name!r}", "size", size, 1)
        self.name, self.channels = name, check_channels(f"data set {name!r}", channels)
        self.resize = check_resize(f"data set {name!r}", resize)
        self.bad_files = BadFiles(name, self.paths)    # what a training run leaves out

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        height, width, channels = self.image_shape
        how = "brought" if self.resize == "crop" else "squashed"
        return (f"ImageFolder {self.name!r}: {len(self)} images {how} to {height} x {width} x {channels}, "
                f"{len(self.class_names)} classes")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image, once decoded."""
        return (*self.size, self.channels)

    def image(self, index: int) -> np.ndarray:
        """One image: uint8 (H, W, C)."""
        return self.images_at([index])[0]

    def images_at(self, indices) -> np.ndarray:
        """Several images: uint8 (n, H, W, C)."""
        images = [load_image(self.paths[index], self.size, self.channels, self.resize)
                  for index in as_indices(indices, len(self), self.name)]
        return np.stack(images) if images else np.empty((0, *self.image_shape), np.uint8)

    def problem(self, index: int, decode: bool = True) -> DataError | None:
        """Why a file cannot be read, None if it can; without `decode` only what its header gives away."""
        try:
            if decode:
                self.images_at([index])
            else:
                with opened(self.paths[index], self.size):
                    pass
        except DataError as problem:
            return problem
        return None

    def subset(self, indices) -> ImageFolder:
        """A data set of some of the images: `indices` is a slice, or what NumPy takes as an index."""
        chosen = as_indices(indices, len(self), self.name)
        return ImageFolder([self.paths[index] for index in chosen], self.labels[chosen], self.class_names,
                           self.size, self.name, self.channels, self.resize)

    def stored_as(self, size, channels: int, resize: str | None = None) -> ImageFolder:
        """The same files brought to another size and number of channels, and in another way unless it is None."""
        return ImageFolder(self.paths, self.labels, self.class_names, size, self.name, channels,
                           self.resize if resize is None else resize)


def load_image_folder(path, size=256, channels: int = 3, resize: str = "crop", *,
                      test_first: bool = False) -> tuple[ImageFolder, ImageFolder | None]:
    """Find the images of path/train/<class>/* and path/val/<class>/*; where there is no val, path/test/<class>/*.

    `train` may be called training, `val` valid or validation, and `test` testing, all in any letter case.

    Parameters
    ----------
    path : path-like
    size : int or (int, int)
        Every image is brought to this size, see `load_image`.
    channels : 3 or 1
    resize : "crop" or "squash"
        How it is brought to the size, see `load_image`.
    test_first : bool
        Take path/test where there are both, val and test, instead of path/val.

    Returns
    -------
    train, test : ImageFolder
        The names of the folders in `train` are the class names, in alphabetical order. test is None where there
        is no such folder, or a `test` whose images are in no folders of classes. Files without the ending of an image
        and folders inside a class are left out; one line on standard error counts them, without hidden files.

    Raises
    ------
    DataError
        When a folder is missing or empty, or the test images have a class that the training images lack.
    ArgumentError
        For what is no path, and as `load_image`.
    """
    root = user_path(check_path("load_image_folder", path))
    train_folder = find_split(root, TRAIN)
    if train_folder is None:
        raise DataError(f"folder {root / 'train'} does not exist: expected one folder of images for each class in it"
                        f"{near_miss(root, TRAIN)}")
    class_names = _class_folders(train_folder)
    train = _read_folder(train_folder, class_names, class_names, size, channels, resize)
    test_folder = (find_test_folder(root, class_names) if test_first else None) or find_split(root, VALIDATION)
    if test_folder is None:
        miss = near_miss(root, VALIDATION)
        if miss:
            say(f"folder {root}: no validation set{miss}")
        test_folder = find_test_folder(root)
        if test_folder is None and near_miss(root, TEST):
            say(f"folder {root}: no test set{near_miss(root, TEST)}")
    if test_folder is None:
        return train, None
    test_names = _class_folders(test_folder)
    unknown = [name for name in test_names if name not in class_names]
    if unknown:
        raise DataError(f"{test_folder} has the class {unknown[0]!r}, which {train_folder} does not have")
    return train, _read_folder(test_folder, test_names, class_names, size, channels, resize)


def find_image_folder(path) -> Path | None:
    """`path`, if there is a folder of training images in it, else None."""
    root = user_path(path)
    return root if find_split(root, TRAIN) else None


def find_validation_folder(path) -> Path | None:
    """The folder of validation images in `path`, which has a folder of training images too, else None."""
    root = find_image_folder(path)
    return None if root is None else find_split(root, VALIDATION)


def find_test_folder(root: Path, class_names: Sequence[str] | None = None) -> Path | None:
    """The folder of test images in `root`, else None; one whose images have no labels is named and left out.

    With `class_names` one is left out, too, whose images are in one folder that is none of these classes.
    """
    folder = find_split(root, TEST)
    if folder is None:
        return None
    inside = {entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")}
    if len(inside) > 1 or (inside and (class_names is None or inside <= set(class_names))):
        return folder
    say(f"folder {folder}: no folders of classes in it, so that its images have no labels; left out")
    return None


def _class_folders(folder: Path) -> list[str]:
    """Names of the class folders, sorted."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        files = sum(not entry.name.startswith(".") for entry in folder.iterdir())
        found = f"has files ({files}) and no folders" if files else "is empty"
        raise DataError(f"{folder} {found}: expected one folder of images for each class")
    return names


def _read_folder(folder: Path, names: list[str], class_names: list[str], size, channels: int,
                 resize: str) -> ImageFolder:
    """The images of the class folders `names`, labelled by their indices in `class_names`."""
    paths: list[Path] = []
    labels: list[int] = []
    left_out = LeftOut()
    for file in folder.iterdir():
        if not file.is_dir():    # beside the class folders
            left_out.add_file(file)
    for name in names:
        found = left_out.keep_images((folder / name).iterdir())
        if not found:
            raise DataError(f"{folder / name} has no images: expected files ending in {', '.join(ENDINGS)}"
                            + (f"; {left_out} in {folder}" if str(left_out) else ""))
        paths += found
        labels += [class_names.index(name)] * len(found)
    left_out.report(folder)
    return ImageFolder(paths, np.array(labels), class_names, size, f"{folder.parent.name}/{folder.name}",
                       channels, resize)
