"""PyTorch's .pth files, without PyTorch: a zip of raw numbers, and a pickle that says which tensor they are.

A pickle is a program, and loading one runs it. This reader looks through its instructions first. Its unpickler knows
the few names that a state_dict needs, gives its own functions for them, and refuses every other name, so that nothing
that a file brings along is ever run.
"""
import io
import math
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.plain_pickle import PLAIN, look_through
from ..errors import DataError, WeightsError
from ..files import atomic_write

STORAGES = {  # PyTorch's names for arrays of numbers; bfloat16 is the upper half of a float32
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "<u2", "LongStorage": "<i8",
    "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1", "BoolStorage": "?",
}
OLD_FORM = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # PyTorch's before version 1.6 begins so
# BINPERSID names a storage; the others are in what is refused in better words, whole modules, or ignored.
INSTRUCTIONS = PLAIN | {"BINPERSID", "NEWOBJ", "EMPTY_SET", "ADDITEMS", "FROZENSET"}
LARGEST_PICKLE = 50_000_000  # bytes; a state_dict's has 100 to 200 a tensor


# Tuples, since a pickle may write into an object's __dict__ after it was checked: these have none.
class Storage(NamedTuple):
    """A storage that the pickle names: its entry in the zip, and how many numbers of which kind it has."""

    kind: str
    key: str
    length: int


class Tensor(NamedTuple):
    """A part of a storage: number [i, j] is at offset + i * strides[0] + j * strides[1]."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Refused(Exception):
    """Raised inside the unpickler; its text goes into the WeightsError."""


class Unpickler(pickle.Unpickler):
    """An unpickler for state_dicts and for nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a global name; Refused for every name that a state_dict does not need."""
        tensor = RebuildTensor()
        known = {
            ("collections", "OrderedDict"): OrderedDict, ("torch", "Size"): tuple,
            ("torch._utils", "_rebuild_tensor_v2"): tensor, ("torch._utils", "_rebuild_tensor"): tensor,
            ("torch._utils", "_rebuild_parameter"): RebuildParameter(),
        }
        if (module, name) in known:
            return known[module, name]
        if module == "torch" and name in STORAGES:
            return name
        if module.startswith("torch.nn.") or module in ("__main__", "torchvision.models") or ".models." in module:
            raise Refused(f"it has a whole module ({module}.{name}), which only its own code can load: save its "
                          "numbers alone, torch.save(model.state_dict(), path)")
        raise Refused(f"it asks for {module}.{name}, which weights do not need; nothing of it was run")

    def persistent_load(self, pid: Any) -> Storage:
        """Return the storage that the pickle refers to: ("storage", kind, entry, device, count)."""
        if not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage" or pid[1] not in STORAGES:
            raise Refused(f"it refers to a {type(pid).__name__}, expected a storage of numbers")
        _, kind, key, _, count = pid
        if not isinstance(key, str) or not whole(count):
            raise Refused("it refers to a storage whose name or size makes no sense")
        return Storage(kind, key, count)


class RebuildTensor:
    """Stands for torch._utils._rebuild_tensor_v2. Without a `__dict__`, which a pickle could write into."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, trained: Any = False, hooks: Any = None,
                 view: Any = None) -> Tensor:
        if not isinstance(storage, Storage) or not whole(offset) or not isinstance(shape, tuple) or not isinstance(
                strides, tuple) or len(shape) != len(strides) or not all(map(whole, shape + strides)):
            raise Refused("it has a tensor whose storage, shape or strides make no sense")
        if view:  # the numbers are the storage's, negated or conjugated
            raise Refused("it has a tensor that is a view with another sign: save a copy, tensor.clone()")
        return Tensor(storage, offset, shape, strides)


class RebuildParameter:
    """Stands for torch._utils._rebuild_parameter: a Parameter's tensor."""

    __slots__ = ()

    def __call__(self, tensor: Any, *_: Any) -> Any:
        return tensor


def whole(number: Any) -> bool:
    """Tell whether it is an int from 0 up."""
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def read_pth(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of a .pth file by their names, in the file's order.

    Parameters
    ----------
    path : path-like
        What torch.save(model.state_dict(), path) wrote, from PyTorch 1.6 on; also a dict that has one as "state_dict",
        "model_state_dict" or "model", beside other things.

    Returns
    -------
    dict of str to array
        Of the dtype that was saved; bfloat16 as float32, which has all its numbers. Views of the file's storages (which
        several may share), not to be written to.

    Raises
    ------
    WeightsError
        For a file that is missing, damaged, or of another form, with its name and what to do.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            check_form(path, file.read(512))
        with zipfile.ZipFile(path) as archive:
            folder = check_archive(path, archive)
            with archive.open(f"{folder}data.pkl") as entry:
                content = entry.read()
            look_through(content, INSTRUCTIONS, "a state_dict: names and tensors")
            found = Unpickler(io.BytesIO(content)).load()
            return dict(arrays_of(path, archive, folder, state_dict_in(found)))
    except WeightsError:
        raise
    except (Refused, DataError) as reason:
        raise WeightsError(f"{path} is refused: {reason}") from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError:  # says nothing about the file
        raise
    except Exception as error:  # pickle, zipfile and struct meet damage with a dozen kinds of exceptions
        raise WeightsError(f"{path} is damaged or cut off ({type(error).__name__}: {error}): fetch or save it "
                           "again") from error


def check_form(path: Path, head: bytes) -> None:
    """Raise WeightsError for what people have instead of a .pth file, by its first bytes."""
    if head.startswith(b"PK\x03\x04"):
        return
    found = no_weights(head)
    if head.startswith(OLD_FORM) or head[257:262] == b"ustar":
        found = ("is in PyTorch's form from before version 1.6, which tinynet does not read: "
                 "torch.save(torch.load(path), path) in a newer PyTorch writes the newer form")
    raise WeightsError(f"{path} {found or 'is not a .pth file: expected the zip that torch.save writes'}")


def no_weights(head: bytes) -> str | None:
    """Say what a failed download leaves in place of any file of weights, by its first bytes; None for other files."""
    if not head:
        return "is empty"
    if head.lstrip()[:1] == b"<" and b"\0" not in head:
        return "is a web page, not weights: its download went wrong, fetch it again"
    if head.startswith(b"version https://git-lfs"):
        return "is a pointer to a large file, not the file itself: fetch it with git lfs, or from its own address"
    return None


def check_archive(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the folder that all entries are in; WeightsError unless the sizes that it claims are the file's."""
    entries = archive.infolist()
    if any(entry.filename.endswith("constants.pkl") for entry in entries):
        raise WeightsError(f"{path} is a TorchScript program: save its numbers alone, torch.save(model.state_dict(), "
                           "path)")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or sum(
            entry.file_size for entry in entries) > path.stat().st_size:
        raise WeightsError(f"{path} is not as torch.save writes it: its entries are compressed or overlap")
    pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl") or entry.filename == "data.pkl"]
    if len(pickles) != 1:
        raise WeightsError(f"{path} is a zip without weights: expected one entry data.pkl, found {len(pickles)}")
    folder = pickles[0].filename.removesuffix("data.pkl")
    if pickles[0].file_size > LARGEST_PICKLE:
        raise WeightsError(f"{path}: data.pkl has {pickles[0].file_size} bytes, more than any state_dict needs")
    return folder


def state_dict_in(found: Any) -> Mapping[str, Tensor]:
    """Return the dict of tensors that was saved, alone or inside another dict; Refused where there is none."""
    for each in (found, *(found.get(key) for key in ("state_dict", "model_state_dict", "model")
                          if isinstance(found, dict))):
        if isinstance(each, dict) and each and all(isinstance(name, str) for name in each):
            tensors = {name: value for name, value in each.items() if isinstance(value, Tensor)}
            if len(tensors) == len(each):
                return tensors
    if not isinstance(found, dict):
        what = f"a {type(found).__name__}"
    elif not found:
        what = "an empty dict"
    else:
        others = [item for item in found.items() if not isinstance(item[1], Tensor)]
        name, value = (others or list(found.items()))[0]
        what = f"a dict of {len(found)}, in which {name!r} is a {type(value).__name__}"
    raise Refused(f"it has {what}, expected a state_dict: names and tensors")


def arrays_of(
    path: Path, archive: zipfile.ZipFile, folder: str, tensors: Mapping[str, Tensor]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the array of each tensor; each storage is read once."""
    order: Any = "<"
    if f"{folder}byteorder" in archive.namelist():
        order = {b"little": "<", b"big": ">"}[archive.read(f"{folder}byteorder")]
    read: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        storage = tensor.storage
        if storage.key not in read:
            dtype = np.dtype(STORAGES[storage.kind]).newbyteorder(order)
            entry = archive.getinfo(f"{folder}data/{storage.key}")
            if entry.file_size != storage.length * dtype.itemsize:
                raise WeightsError(f"{path}: {name} needs {storage.length * dtype.itemsize} bytes, its storage has "
                                   f"{entry.file_size}")
            numbers = np.frombuffer(archive.read(entry), dtype)
            if storage.kind == "BFloat16Storage":
                numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
            read[storage.key] = numbers
        numbers = read[storage.key]
        last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
        size = math.prod(tensor.shape)
        if size and (last >= len(numbers) or size > len(numbers)):
            raise WeightsError(f"{path}: {name} of shape {tensor.shape} reaches beyond its storage of {len(numbers)} "
                               "numbers")
        part = numbers[tensor.offset :]
        yield name, np.lib.stride_tricks.as_strided(
            part, tensor.shape, [s * part.itemsize for s in tensor.strides], writeable=False)


def write_pth(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a state_dict that torch.load(path, weights_only=True) reads.

    Parameters
    ----------
    path : path-like
        A file of that name is replaced when the new one is whole.
    arrays : dict of str to array
        float32, float64, float16 or int64.

    Raises
    ------
    WeightsError
        For another dtype, or a file that cannot be written.
    """
    kinds = {np.dtype(dtype): kind for kind, dtype in STORAGES.items() if kind != "BFloat16Storage"}
    for name, array in arrays.items():
        if array.dtype not in kinds:
            raise WeightsError(f"{path}: {name} is {array.dtype}, which a .pth file of weights does not have")
    try:
        with atomic_write(Path(path)) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("archive/data.pkl", pickled({
                name: (kinds[array.dtype], i, array.shape) for i, (name, array) in enumerate(arrays.items())}))
            archive.writestr("archive/byteorder", "little")
            for i, array in enumerate(arrays.values()):
                archive.writestr(f"archive/data/{i}", np.ascontiguousarray(array).tobytes())
            archive.writestr("archive/version", "3\n")
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror or error}") from error


def pickled(tensors: Mapping[str, tuple[str, int, tuple[int, ...]]]) -> bytes:
    """Return the pickle of a state_dict, operation by operation, as `pickletools.dis` would show it.

    For each name the storage's kind, its entry, and the shape.
    """
    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()                  # BINUNICODE

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"\x8a\x08" + struct.pack("<q", each) for each in values) + b"t"  # MARK LONG1 ... TUPLE

    ordered_dict = b"ccollections\nOrderedDict\n)R"                                            # GLOBAL () REDUCE
    made = [b"\x80\x02", ordered_dict, b"("]                                                   # PROTO 2; MARK
    for name, (kind, entry, shape) in tensors.items():
        strides = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
        count = math.prod(shape)
        storage = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(str(entry)) + text("cpu") \
            + numbers((count,))[1:-1] + b"tQ"                                                  # TUPLE BINPERSID
        made += [text(name), b"ctorch._utils\n_rebuild_tensor_v2\n(", storage, b"K\x00",       # offset 0
                 numbers(shape), numbers(strides), b"\x89", ordered_dict, b"tR"]               # False; TUPLE REDUCE
    return b"".join([*made, b"u."])                                                            # SETITEMS STOP
