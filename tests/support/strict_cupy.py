"""A strict stand-in for the module cupy, so that code for a GPU runs where there is none.

Its arrays are NumPy arrays in a wrapper that does what CuPy's own do, and is stricter where CuPy would quietly lose
time or numbers: they never become NumPy arrays unless asked to, take no NumPy array as an operand or index, and are
counted whenever numbers cross between the two memories. Names and keywords are those of the real CuPy, if its wheel is
there to compare with (`cupy_names`).
"""
import operator
import sys
import time
import types
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest
from support import cuda_on_cpu
from support.cupy_names import REAL, check_call, look_up

SCALARS = (bool, int, float, complex, np.generic)
PLAIN = (str, type, np.dtype, slice, type(None), type(Ellipsis))
TO_GPU, TO_CPU = "to the GPU", "to the CPU"


class Transfer(NamedTuple):
    """Numbers that crossed, and how many bytes they were."""

    direction: str
    bytes: int


class OutOfMemoryError(MemoryError):
    """As CuPy's own: more was wanted than the memory has."""


class Memory:
    """The GPU's memory: what living arrays take, and CuPy's pool, which keeps what it once had."""

    def __init__(self) -> None:
        self.used = self.total = 0
        self.limit = 1 << 33
        self.blocks: dict[int, weakref.ref] = {}

    def count(self, array: np.ndarray) -> None:
        """Count the memory that `array` is a view of, until it is gone."""
        while isinstance(array.base, np.ndarray):
            array = array.base
        key, size = id(array), array.nbytes
        if key in self.blocks:
            return
        if self.used + size > self.limit:
            raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes (allocated so far: {self.used:,} bytes).")
        self.blocks[key] = weakref.ref(array, lambda _: self.forget(key, size))
        self.used += size
        self.total = max(self.total, self.used)

    def forget(self, key: int, size: int) -> None:
        if self.blocks.pop(key, None) is not None:
            self.used -= size

    # What CuPy's pool can be asked for.
    def used_bytes(self) -> int:
        return self.used

    def total_bytes(self) -> int:
        return self.total

    def get_limit(self) -> int:
        return 0  # none but the memory's own

    def free_all_blocks(self) -> None:
        self.total = self.used


transfers: list[Transfer] = []
memory = Memory()


class ndarray:  # noqa: N801, CuPy's own name
    """A NumPy array that lies on the GPU, so to say."""

    __slots__ = ("_array", "__weakref__")
    __array_ufunc__ = None  # NumPy's operators and functions then refuse it
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        memory.count(array)

    def __array__(self, *args: Any, **keywords: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_function__(self, function: Any, kinds: Any, args: Any, keywords: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} was given a CuPy array")

    def get(self) -> np.ndarray:
        return self._fetch().copy()

    def _fetch(self) -> np.ndarray:
        transfers.append(Transfer(TO_CPU, self._array.nbytes))
        return self._array

    def __float__(self) -> float:
        return float(self._fetch())

    def __int__(self) -> int:
        return int(self._fetch())

    def __bool__(self) -> bool:
        return bool(self._fetch())

    def __repr__(self) -> str:
        return repr(self._fetch())

    def __format__(self, form: str) -> str:
        return format(self._fetch(), form)

    def item(self) -> Any:
        return self._fetch().item()

    def tolist(self) -> Any:
        return self._fetch().tolist()

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        raise TypeError("CuPy's arrays do not know `in`")

    def __deepcopy__(self, memo: Any) -> "ndarray":
        return ndarray(self._array.copy())

    __copy__ = copy = lambda self: ndarray(self._array.copy())

    def __getitem__(self, key: Any) -> "ndarray":
        if any(isinstance(part, ndarray) and part.dtype == bool for part in (key if isinstance(key, tuple) else [key])):
            transfers.append(Transfer(TO_CPU, 8))  # how many are chosen decides the result's shape
        return wrap(self._array[index(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        new, place = bare(value), self._array[index(key)]
        check_overlap(place, new)
        self._array[index(key)] = new

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"{name}: NumPy's arrays have no such attribute")
        look_up(f"ndarray.{name}")
        found = getattr(self._array, name)
        if not callable(found):
            return wrap(found) if isinstance(found, np.ndarray) else found  # T; shape, dtype, strides ...

        def method(*args: Any, **keywords: Any) -> Any:
            check_call(f"ndarray.{name}", (self, *args), keywords)
            return wrap(found(*map(bare, args), **{key: bare(value) for key, value in keywords.items()}))

        return method


def define_operators() -> None:
    """Give the wrapper Python's operators; there is no @= in CuPy."""
    both = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "matmul")
    for name in (*both, "lt", "le", "eq", "ne", "gt", "ge", "neg", "pos", "abs", "invert"):
        function = getattr(operator, f"__{name}__")
        setattr(ndarray, f"__{name}__", lambda self, *other, f=function: wrap(f(self._array, *map(bare, other))))
        if name in both:
            setattr(ndarray, f"__r{name}__", lambda self, other, f=function: wrap(f(bare(other), self._array)))
        if name in both[:-1]:
            changing = getattr(operator, f"__i{name}__")
            setattr(ndarray, f"__i{name}__", lambda self, other, f=changing: in_place(f, self, bare(other)))


def in_place(function: Any, array: ndarray, other: Any) -> ndarray:
    check_overlap(array._array, other)
    function(array._array, other)
    return array


def check_overlap(target: np.ndarray, source: Any) -> None:
    """Raise where one operation reads and writes the same places in different order: threads of a GPU do not wait."""
    if not isinstance(source, np.ndarray) or not np.may_share_memory(target, source):
        return
    same = target.ctypes.data == source.ctypes.data and target.strides == source.strides
    if not same and np.shares_memory(target, source):
        raise ValueError("an array is written while another part of its memory is read")


def bare(value: Any) -> Any:
    """Return what NumPy can work with; TypeError for what CuPy would not take."""
    if isinstance(value, ndarray):
        return value._array
    if isinstance(value, list | tuple):
        return type(value)(map(bare, value))
    if isinstance(value, SCALARS + PLAIN):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def index(key: Any) -> Any:
    """Return an index for NumPy; lists, which CuPy would copy to the GPU, are refused too."""
    if isinstance(key, list):
        raise TypeError("Unsupported type <class 'list'>")
    return tuple(map(index, key)) if isinstance(key, tuple) else bare(key)


def wrap(result: Any) -> Any:
    """Return a result of NumPy's as the GPU's; what is a number there is an array without axes here."""
    if isinstance(result, np.ndarray | np.generic):
        return ndarray(np.asarray(result))
    return type(result)(map(wrap, result)) if type(result) in (list, tuple) else result


class RawModule:
    """Kernels, compiled for the CPU; they take CuPy's arrays, and numbers of a size that is certain."""

    def __init__(self, code: str, *, options: tuple[str, ...] = (), **others: Any) -> None:
        check_call("RawModule", (code,), {"options": options, **others})
        if not cuda_on_cpu.have_compiler():
            pytest.skip("g++, which compiles the kernels, is missing")
        self.module = cuda_on_cpu.RawModule(code=code, options=options)

    def get_function(self, name: str) -> Any:
        function = self.module.get_function(name)

        def launch(grid: tuple, block: tuple, args: tuple, **others: Any) -> None:
            for arg in args:
                if not isinstance(arg, ndarray | np.generic):
                    raise TypeError(f"{name}: a {type(arg).__name__} has no size that a kernel could rely on")
            function(grid, block, tuple(map(bare, args)), **others)

        return launch


class Event:
    """A mark in the GPU's work, which here is done when it is asked for."""

    def record(self) -> None:
        self.seconds = time.perf_counter()

    def synchronize(self) -> None:
        """Nothing to wait for."""


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    return 1e3 * (end_event.seconds - start_event.seconds)


class Part(types.ModuleType):
    """CuPy, or a module in it, with the functions that are listed, and NumPy's of the same name."""

    def __init__(self, name: str, library: Any = None, **own: Any) -> None:
        super().__init__(name)
        self.__dict__.update(own, library=library)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(self.library, name):
            raise AttributeError(f"{self.__name__} has no {name}, or this stand-in has none")
        path = f"{self.__name__}.{name}".partition(".")[2]
        look_up(path)
        found = getattr(self.library, name)
        if not callable(found) or isinstance(found, type):
            return found  # float32, pi, finfo

        def function(*args: Any, **keywords: Any) -> Any:
            check_call(path, args, keywords)
            if "out" in keywords:
                for arg in args:
                    check_overlap(bare(keywords["out"]), bare(arg))
            return wrap(found(*map(bare, args), **{key: bare(value) for key, value in keywords.items()}))

        return function


def array(obj: Any, dtype: Any = None, copy: Any = True) -> ndarray:
    """Bring numbers to the GPU, or copy those that are there."""
    if isinstance(obj, ndarray):
        return wrap(np.array(obj._array, dtype=dtype, copy=copy))
    new = np.array(obj, dtype=dtype)
    if new.dtype.kind not in "?biufc":
        raise ValueError(f"Unsupported dtype {new.dtype}")
    transfers.append(Transfer(TO_GPU, new.nbytes))
    return ndarray(new)


def asarray(a: Any, dtype: Any = None) -> ndarray:
    return a if isinstance(a, ndarray) and dtype in (None, a.dtype) else array(a, dtype, copy=None)


def asnumpy(a: Any) -> np.ndarray:
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def check_transfers(expected: list[Transfer]) -> None:
    """Compare what has crossed since `transfers` was cleared; the real CuPy, which a test may have, counts nothing."""
    if isinstance(sys.modules.get("cupy"), Part):
        assert transfers == expected
    transfers.clear()


def make() -> Part:
    """Return the module, with nothing counted yet."""
    transfers.clear()
    memory.__init__()  # type: ignore[misc]
    device = types.SimpleNamespace(pci_bus_id="0000:00:00.0", use=lambda: None)
    runtime = Part("cupy.cuda.runtime", memGetInfo=lambda: (memory.limit - memory.total, memory.limit),
                   getDevice=lambda: 0, getDeviceCount=lambda: 1, deviceSynchronize=lambda: None,
                   getDeviceProperties=lambda device: {"name": b"Stand-in"})
    stream = types.SimpleNamespace(synchronize=lambda: None)
    cuda = Part("cupy.cuda", is_available=lambda: True, set_allocator=lambda allocator: None,
                Device=lambda index=None: device,
                runtime=runtime, get_current_stream=lambda: stream,
                Event=Event, get_elapsed_time=get_elapsed_time,
                memory=Part("cupy.cuda.memory", OutOfMemoryError=OutOfMemoryError))
    tricks = Part("cupy.lib.stride_tricks", np.lib.stride_tricks)
    return Part(
        "cupy", np, ndarray=ndarray, asarray=asarray, array=array, asnumpy=asnumpy, RawModule=RawModule, cuda=cuda,
        lib=Part("cupy.lib", stride_tricks=tricks), get_default_memory_pool=lambda: memory, __version__="14",
    )


define_operators()
needs_wheel = pytest.mark.skipif(REAL is None, reason="CuPy is not installed (extra: gpu-test)")
