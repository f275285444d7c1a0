"""Reads pickles of plain data: NumPy arrays of numbers, bytes, text, numbers, lists, tuples and dicts, nothing else.

A pickle is a program: it may name any function of any module, and have it called. Here the names of NumPy's arrays lead
to stand-ins of our own, which build arrays out of bytes, and every other name is refused. Before that the file's
instructions are looked through, and what plain data does not need is refused too.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Set
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .dataset import LARGEST_FILE

# Instructions, by pickletools' names: of plain data, and GLOBAL, REDUCE and BUILD, which make arrays.
PLAIN = set("""
    PROTO FRAME STOP MARK PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS
    GLOBAL STACK_GLOBAL REDUCE BUILD
""".split())
MAY_NEST = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "REDUCE", "NEWOBJ", "BUILD", "FROZENSET"}
EXPECTED = "NumPy arrays, bytes, text, numbers, lists and dicts"
# Tuples inside each other: Python's hash goes through them. Deep ones would crash it, and many would take ages.
MOST_NESTED, MOST_IN_TUPLES = 20, 1_000_000


def read_pickle(path: Path) -> Any:
    """Return what is in a pickle; text that Python 2 wrote is bytes.

    Raises
    ------
    DataError
        When the file is no pickle, damaged, or asks for anything but plain data.
    """
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise DataError(f"{path} is damaged: it has {size} bytes, expected {LARGEST_FILE} at most")
    content = path.read_bytes()
    try:
        look_through(content)
        return PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
    except DataError as problem:
        raise DataError(f"{path} is not read: {problem}") from problem
    except MemoryError:  # says nothing about the file
        raise
    except Exception as problem:  # a damaged pickle can cause a dozen kinds of errors
        raise DataError(f"{path} is damaged, or no pickle ({type(problem).__name__})") from problem


def look_through(content: bytes, allowed: Set[str] = PLAIN, expected: str = EXPECTED) -> None:
    """Raise DataError for an instruction that is not allowed, ValueError for a file that ends too early.

    It follows how deeply tuples are inside each other, and how many things they have with those inside them, by what
    pickletools says that each instruction takes and gives.
    """
    stack: list[tuple[int, int] | None] = []  # depth and number of each thing, (0, 1) for no tuple; None is a mark
    memory: dict[int, tuple[int, int] | None] = {}
    keys = 0
    for number, (instruction, place, _) in enumerate(pickletools.genops(content)):
        name, before = instruction.name, instruction.stack_before
        if name not in allowed:
            raise DataError(f"it has the instruction {name}: expected {expected}")
        if name == "MARK":
            stack.append(None)
        elif name.endswith("GET"):
            stack.append(memory[int(place or 0)])
        elif name == "MEMOIZE" or name.endswith("PUT"):
            place = len(memory) if place is None else int(place)
            if place > number:  # the unpickler makes room for as many numbers as the largest
                raise ValueError("a place in memory that is too large")
            memory[place] = stack[-1]
        else:
            taken = []
            if pickletools.markobject in before:
                while (thing := stack.pop()) is not None:
                    taken.append(thing)
                before = before[: before.index(pickletools.markobject)]
            taken += [stack.pop() or (0, 1) for _ in before]
            made = (0, 1)
            if name in MAY_NEST:
                made = (max((deep for deep, _ in taken), default=0) + ("TUPLE" in name), 1 + sum(n for _, n in taken))
            if name.startswith("SETITEM"):
                keys += sum(number for _, number in taken)  # and values
            if made[0] > MOST_NESTED or made[1] > MOST_IN_TUPLES or keys > 10 * MOST_IN_TUPLES:
                raise DataError(f"it has too many tuples inside each other ({MOST_NESTED} deep, or {MOST_IN_TUPLES} "
                                f"things): expected {expected}")
            stack += [made for _ in instruction.stack_after]


class PlainUnpickler(pickle.Unpickler):
    """An unpickler with stand-ins for what NumPy's arrays need, by both names of NumPy's modules."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of a name, or raise DataError."""
        place = module.replace("numpy._core", "numpy.core")
        for stand_in in (Reconstruct, FromBuffer, Dtype, Ndarray, Encode):
            if (place, name) == stand_in.place:
                return stand_in()
        wanted = re.sub("[^ -~]", "?", f"{module}.{name}")[:80]
        raise DataError(f"it asks for {wanted}, which could run a program: expected {EXPECTED}")


class Number:
    """The kind of an array's numbers. Its attributes are all that BUILD can change; they are looked at in the end."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any) -> None:
        self.code, self.order = as_text(code), "|"

    def __setstate__(self, state: Any) -> None:
        if any(part is not None for part in state[2:5]):
            raise DataError("it has an array of records: expected an array of numbers")
        self.order = as_text(state[1])

    def dtype(self) -> np.dtype:
        """Return NumPy's dtype."""
        if not re.fullmatch("b1|[iu][1248]|f[248]", self.code) or self.order not in ("<", ">", "|", "="):
            raise DataError(f"it has an array of {self.code[:20]!r}: expected an array of numbers")
        return np.dtype(self.order + self.code)


class PickledArray:
    """An array on its way: made empty, and filled by BUILD."""

    __slots__ = ("state",)

    def __init__(self, state: Any = None) -> None:
        self.state = state

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """Return the array, a copy; DataError, TypeError or ValueError where it is none."""
        _, shape, kind, columns_first, data = self.state
        if not isinstance(kind, Number) or not isinstance(data, bytes | bytearray):
            raise DataError("it has an array of objects: expected an array of numbers")
        dtype = kind.dtype()
        if len(shape) > 3 or not all(isinstance(length, int) and 0 <= length <= LARGEST_FILE for length in shape):
            raise ValueError("a shape that is none")
        if math.prod(shape) * dtype.itemsize != len(data):
            raise ValueError("a shape that does not fit the bytes")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if columns_first else "C").copy()


class Reconstruct:
    """Stands in for what makes an empty array."""

    __slots__ = ()
    place = "numpy.core.multiarray", "_reconstruct"

    def __call__(self, kind: Any, shape: Any, code: Any) -> PickledArray:
        return PickledArray()


class FromBuffer:
    """Stands in for what makes an array of bytes, since protocol 5."""

    __slots__ = ()
    place = "numpy.core.numeric", "_frombuffer"

    def __call__(self, data: Any, kind: Any, shape: Any, order: Any) -> PickledArray:
        return PickledArray((1, shape, kind, order == "F", data))


class Dtype:
    """Stands in for `numpy.dtype`."""

    __slots__ = ()
    place = "numpy", "dtype"

    def __call__(self, code: Any, align: Any = False, copy: Any = True) -> Number:
        return Number(code)


class Ndarray:
    """Stands in for `numpy.ndarray`, which is handed to `_reconstruct` and not called."""

    __slots__ = ()
    place = "numpy", "ndarray"


class Encode:
    """Stands in for `_codecs.encode`, by which Python 3 writes bytes for Python 2."""

    __slots__ = ()
    place = "_codecs", "encode"

    def __call__(self, text: str, encoding: Any = "latin1") -> bytes:
        if as_text(encoding) not in ("latin1", "latin-1"):
            raise ValueError("bytes in another form")
        return text.encode("latin1")


def as_text(text: Any) -> str:
    """Return text that is perhaps bytes, those that Python 2 called text."""
    if not isinstance(text, str | bytes):
        raise ValueError("no text")
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
