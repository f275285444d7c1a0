"""The checks of arguments: each raises an error that says what was found and what was expected."""
import inspect
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, ShapeError
from .arrays import Array, Shape, array_module

Seed = int | list[int]  # what numpy.random.default_rng takes


def check_upstream(who: str, dy: Array, expected: Shape, dtype: np.dtype | None) -> None:
    """Raise unless an upstream gradient has the shape `expected` and, where one is given, the dtype `dtype`."""
    check_array(f"{who}.backward", dy, dtype, "the upstream gradient dy")
    if dy.shape != expected:
        raise ShapeError(f"{who}.backward: dy has shape {dy.shape}, the output has {expected}")


def check_array(who: str, x: Array, dtype: np.dtype | None, what: str = "the input") -> None:
    """Raise unless `x` is a batch of floating-point numbers, of dtype `dtype` where one is given."""
    if not isinstance(x, array_module(x).ndarray):
        hint = "; np.stack(images) makes one of images of one size" if isinstance(x, list | tuple) else ""
        hint = "; np.asarray makes one of it" if hasattr(x, "__array__") else hint
        raise DtypeError(f"{who}: {what} is a {type(x).__name__}, expected a NumPy or CuPy array{hint}")
    if dtype is not None and x.dtype != dtype:
        raise DtypeError(f"{who}: {what} is {x.dtype}, expected {dtype}: use .astype('{dtype}')")
    if x.dtype.kind != "f":
        raise DtypeError(f"{who}: {what} is {x.dtype}, expected floating-point numbers such as float32")
    if x.ndim < 2:
        hint = "; x[None] makes a batch of one" if x.ndim == 1 else ""
        raise ShapeError(f"{who}: {what} has shape {x.shape}, expected a batch of at least two axes, images first"
                         f"{hint}")
    if 0 in x.shape:
        raise ShapeError(f"{who}: {what} is empty, it has shape {x.shape}")


def missing_axis(shape: Shape, output_shape: Callable[[Shape], Shape]) -> str:
    """Say which axis an array of three axes lacks, if with it a layer would take it; nothing where none helps."""
    images = {
        shape: "which is one image without the batch axis: x[None] adds it",
        (*shape[1:], 1): "which is images without the channel axis: x[..., None] adds it",
    }
    for image, text in images.items() if len(shape) == 3 else ():
        with suppress(Exception):  # of any kind: own layers may meet a shape that does not fit with one of Python's
            output_shape(image)
            return text
    return ""


def as_array(what: str, value: Any) -> Array:
    """Return an array of NumPy or CuPy as it is, and of what NumPy takes for one an array: a list of numbers, a tensor
    of PyTorch on the CPU, a column of pandas, an image of Pillow; ShapeError for a list of items of different sizes,
    DtypeError for anything else.
    """
    if isinstance(value, array_module(value).ndarray):
        return value
    if value is None or isinstance(value, str | bytes | dict):
        raise DtypeError(f"{what}: expected an array, got {value!r} of {type(value).__name__}")
    try:
        array = np.asarray(value)
    except Exception as error:  # of whatever kind another library raises: a tensor on a GPU, or one with a gradient
        if isinstance(error, ValueError) and isinstance(value, list | tuple):
            raise different_sizes(what, value) from error
        raise DtypeError(f"{what}: expected an array, and of this {type(value).__name__} NumPy makes none "
                         f"({' '.join(str(error).split())})") from error
    if array.dtype == object:
        raise DtypeError(f"{what}: expected an array of numbers, and NumPy makes one of objects of this "
                         f"{type(value).__name__}")
    return array


def different_sizes(what: str, items: Sequence[Any]) -> ShapeError:
    """Return the error for a list that NumPy makes no array of, as its items have different sizes."""
    shapes = dict.fromkeys(str(item.shape) for item in items if hasattr(item, "shape"))
    found = f", such as {' and '.join(list(shapes)[:2])}" if len(shapes) > 1 else ""
    images = shapes or any(hasattr(item, "resize") for item in items)  # arrays, or of Pillow
    hint = ": crop or resize them to it" if images else ""
    return ShapeError(f"{what}: the items of the list have different sizes{found}, expected one size for all{hint}")


def check_path(who: str, value: Any, name: str = "path") -> Any:
    """Return `value` if it is the name of a file or a folder; else raise ArgumentError."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ArgumentError(f"{who}: {name} is {value!r}, expected the name of a file or a folder")
    return value


def check_shape(who: str, name: str, value: Any) -> Shape:
    """Return the shape of one image, of whole numbers from 1 up; 784 is (784,). Else raise ArgumentError."""
    lengths = tuple(value) if isinstance(value, tuple | list | np.ndarray) else (value,)
    for length in lengths or (value,):
        if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
            raise ArgumentError(f"{who}: {name} is {value!r}, expected the shape of one image, without the batch: "
                                "(height, width, channels) or (features,)")
    return tuple(int(length) for length in lengths)


def check_library(who: str, x: Array, parameter: Array) -> None:
    """Raise ArgumentError unless the input and the parameters are arrays of one library."""
    ours, theirs = array_module(parameter).__name__, array_module(x).__name__
    if ours != theirs:
        raise ArgumentError(f"{who}: the input is an array of {theirs}, the parameters are arrays of {ours}: "
                            "to_gpu and to_cpu move arrays, layers and networks")


def check_image_shape(who: str, shape: Shape, channels: int | None = None) -> tuple[int, int, int]:
    """Return `shape` if it is (H, W, C), with C as expected where `channels` is given; else raise ShapeError."""
    if len(shape) != 3:
        raise ShapeError(f"{who} expects images (H, W, C), got shape {shape}")
    if channels is not None and shape[2] != channels:
        hint = ""
        if shape[0] == channels:
            hint = "; this looks like (N, C, H, W), which x.transpose(0, 2, 3, 1) brings into order"
        raise ShapeError(f"{who} expects {channels} channels on the last axis, (H, W, C), got {shape}{hint}")
    return shape[0], shape[1], shape[2]


def check_seed(who: str, seed: Any, optional: bool = False) -> Any:
    """Return `seed` if it is a whole number from 0 up, or several, or None where it is optional; else ArgumentError."""
    if optional and seed is None:
        return None
    numbers = seed if isinstance(seed, list | tuple) else [seed]
    for number in numbers:
        check_count(who, "seed", number, 0)
    return seed


def check_writable(what: str, folder: Path) -> None:
    """Raise ArgumentError if nothing can be written into a folder, or a new one be made so deep down.

    `what` begins the message: the option and the file.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    trial = folder / f".tinynet-{os.getpid()}.partial"
    try:
        trial.open("xb").close()
        trial.unlink()
    except OSError as error:
        raise ArgumentError(f"{what}: nothing can be written into {folder} ({error.strerror})") from error


def check_count(who: str, name: str, value: Any, least: int = 1) -> int:
    """Return `value` if it is a whole number of at least `least`; else raise ArgumentError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ArgumentError(f"{who}: {name} is {value!r}, expected a whole number of at least {least}")
    return int(value)


def check_between(who: str, name: str, value: Any, low: float, high: float, infinite: bool = False) -> float:
    """Return `value` if low <= value <= high, so not nan, nor infinite unless it may be; else raise ArgumentError."""
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or (math.isinf(value) and not infinite):
        bounds = f"from {low:g} to {high:g}"
        if math.isinf(high):
            bounds = "that is finite" if math.isinf(low) else f"from {low:g} up{'' if infinite else ', and finite'}"
        raise ArgumentError(f"{who}: {name} is {value!r}, expected a number {bounds}")
    return float(value)


def check_arguments(what: str, given: Any, kind: type, but: Sequence[str] = ()) -> None:
    """Raise ArgumentError unless `given` is a dict with what the class takes (`but` some), and all that it needs."""
    takes = {name: each for name, each in inspect.signature(kind).parameters.items() if name not in but}
    expected = f"expected a dict with some of {', '.join(takes)}"
    if not isinstance(given, Mapping):
        raise ArgumentError(f"{what} is {given!r}, {expected}")
    unknown = [repr(name) for name in given if name not in takes]
    if unknown:
        raise ArgumentError(f"{what} has {', '.join(unknown)}, {expected}")
    missing = [repr(name) for name, each in takes.items() if each.default is each.empty and name not in given]
    if missing:
        raise ArgumentError(f"{what} lacks {', '.join(missing)}, which a {kind.__name__} needs")
