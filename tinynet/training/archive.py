"""A file of named arrays that notices every damage: an .npz without pickle, with a JSON header and SHA-256 sums."""
import hashlib
import json
import math
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, CheckpointError
from ..files import atomic_write, user_path

FORMAT = "tinynet 1"
KINDS = "biuf"  # of numbers that a file may have
HEADER = "header"  # the entry that holds the JSON text, as bytes


def write_archive(path: str | os.PathLike, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a file that `read_archive`, and `numpy.load` too, can read.

    The file is written beside the old one, under a name that does not end in .npz, and moved over it when all of it
    is on the disk.

    Parameters
    ----------
    path : path-like
    header : dict
        Ready for JSON; "format" and "arrays" are added to it.
    arrays : dict of str to array

    Raises
    ------
    ArgumentError
        For contents that `read_archive` would refuse; the file is not touched.
    CheckpointError
        When the file cannot be written.
    """
    path = user_path(path)
    for name, array in arrays.items():
        if array.dtype.kind not in KINDS:
            raise ArgumentError(f"{path}: {name} is an array of {array.dtype}, expected numbers")
    table = {name: {"dtype": a.dtype.str, "shape": a.shape, "sha256": sha256(a)} for name, a in arrays.items()}
    try:
        text = json.dumps({**header, "format": FORMAT, "arrays": table})
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"{path}: its contents cannot be written as JSON: {error}") from error
    entries: dict[str, Any] = {HEADER: np.frombuffer(text.encode(), np.uint8), **arrays}
    try:
        with atomic_write(path) as file:
            np.savez(file, **entries)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror or error}") from error


def read_archive(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a whole file and check all of it.

    No array takes more memory than the file has bytes: sizes are compared with the file's before it is made.

    Returns
    -------
    header : dict
    arrays : dict of str to array

    Raises
    ------
    CheckpointError
        When the file is missing, damaged in any way, or another program's; with its name and the reason.
    """
    path = user_path(path)
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise CheckpointError(f"{path} {found}, expected a checkpoint file")
    try:
        with zipfile.ZipFile(path) as archive:
            check_sizes(archive, path.stat().st_size)
            header = read_header(archive)
            names = [info.filename for info in archive.infolist()]
            expected = [f"{HEADER}.npy", *(f"{name}.npy" for name in header["arrays"])]
            if sorted(names) != sorted(expected):
                raise CheckpointError(f"its entries are not those of its header: {sorted(set(names) ^ set(expected))}")
            return header, {name: read_array(archive, name, entry) for name, entry in header["arrays"].items()}
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except MemoryError:  # says nothing about the file
        raise
    except Exception as error:  # zipfile, zlib, json and numpy meet damage with a dozen kinds of exceptions
        raise CheckpointError(f"{path} is damaged, or not a checkpoint ({type(error).__name__}: {error})") from error


def read_header(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Read the JSON text, and check what the rest relies on."""
    if f"{HEADER}.npy" not in archive.namelist():
        raise CheckpointError("this is not a tinynet checkpoint, it has no header")
    with archive.open(f"{HEADER}.npy") as file:
        dtype, shape = read_npy_head(file)
        text = file.read()
    if dtype != np.uint8 or shape != (len(text),):
        raise CheckpointError(f"its header is {dtype} of shape {shape}, expected uint8 ({len(text)},)")
    header = json.loads(text.decode())
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else type(header).__name__
        raise CheckpointError(f"its format is {found!r}, this version of tinynet reads {FORMAT!r}")
    return header


def read_array(archive: zipfile.ZipFile, name: str, entry: Mapping[str, Any]) -> np.ndarray:
    """Read one array, which must have the dtype, the shape and the sum of its entry in the header."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as file:
        dtype, shape = read_npy_head(file)
        if dtype.str != entry["dtype"] or list(shape) != list(entry["shape"]):
            raise CheckpointError(f"{name} is {dtype.str} {shape}, its header has {entry['dtype']} {entry['shape']}")
        size = math.prod(shape) * dtype.itemsize
        if size != info.file_size - file.tell():
            raise CheckpointError(f"{name} of shape {shape} needs {size} bytes and has {info.file_size - file.tell()}")
    with archive.open(info) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if sha256(array) != entry["sha256"]:
        raise CheckpointError(f"{name} is damaged: its SHA-256 is not that of the array that was saved")
    return array


def check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Raise unless all entries lie plainly, one after the other, in a file of `size` bytes."""
    entries = archive.infolist()
    for info in entries:
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise CheckpointError(f"{info.filename} is compressed, expected the plain bytes that tinynet writes")
    total = sum(info.file_size for info in entries)
    if total > size:
        raise CheckpointError(f"its entries are said to have {total} bytes, the whole file has {size}")


def read_npy_head(file: Any) -> tuple[np.dtype, tuple[int, ...]]:
    """Return the dtype and the shape that an .npy file begins with; the file is then at its first number."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise CheckpointError(f"it has an array in .npy version {version}, expected (1, 0)")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in KINDS:
        raise CheckpointError(f"it has an array of {dtype}, expected numbers")
    return dtype, shape


def sha256(array: np.ndarray) -> str:
    """Return the SHA-256 of the numbers in row-major order, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
