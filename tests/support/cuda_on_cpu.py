"""CUDA kernels without a GPU: the same text compiled as C++, its threads run one after the other.

`RawModule` has the interface of `cupy.RawModule` and takes NumPy arrays. It is stricter where a GPU would compute
nonsense in silence: numbers and types of arguments are checked against the kernel's signature, grids against CUDA's
limits, and what a kernel writes must not overlap what else it is given.

The environment variable TINYNET_SANITIZE ("address,undefined" or "thread") compiles with sanitizers of g++; their
library has to be loaded first, see `sanitized_environment`. Every array is then copied to memory of exactly its size.

TINYNET_COMPILED names a folder in which several processes, one after the other, find what the first has compiled.
"""
import ctypes
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

HEADER = Path(__file__).with_name("cuda_on_cpu.h")
# A float that becomes a double, or the reverse, is an error unless it is written out.
WARNINGS = [
    "-Wall", "-Wextra", "-Wno-unused", "-Wno-unused-parameter", "-Werror", "-Wdouble-promotion", "-Wfloat-conversion",
]
MOST_THREADS = 1024  # in a block
MOST_BLOCKS = (2**31 - 1, 65535, 65535)  # along x, y, z of a grid
DTYPES = {"float": "float32", "double": "float64", "int": "int32", "long long": "int64"}


class Parameter(NamedTuple):
    """One parameter of a kernel."""

    name: str
    dtype: np.dtype
    is_array: bool
    is_const: bool


def have_compiler() -> bool:
    """Whether g++ can be called."""
    return shutil.which("g++") is not None


def sanitizers() -> str:
    """Return the sanitizers asked for; "" for none."""
    return os.environ.get("TINYNET_SANITIZE", "")


def sanitized_environment(kinds: str) -> dict[str, str]:
    """Return the environment for a Python process that may load sanitized kernels; it ends at the first finding."""
    name = "libtsan.so" if kinds == "thread" else "libasan.so"
    library = subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return os.environ | {
        "TINYNET_SANITIZE": kinds, "LD_PRELOAD": library.stdout.strip(), "OPENBLAS_NUM_THREADS": "1",
        "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps memory to its end
        "TSAN_OPTIONS": "exitcode=66 halt_on_error=1",
    }


class RawModule:
    """A look-alike of `cupy.RawModule`.

    Parameters
    ----------
    code : str
    options : tuple of str
        Passed on to g++.
    """

    def __init__(self, code: str, options: tuple[str, ...] = ()) -> None:
        self.signatures = signatures(code)
        self.library = compile_library(code, tuple(options), sanitizers())

    def get_function(self, name: str) -> "Kernel":
        """Return the kernel of that name."""
        if name not in self.signatures:
            raise ValueError(f"no kernel is called {name}, but {', '.join(self.signatures)}")
        return Kernel(self.library, name, self.signatures[name])


class Kernel:
    """A kernel; call it with grid, block (tuples of up to three integers) and arguments."""

    def __init__(self, library: ctypes.CDLL, name: str, parameters: list[Parameter]) -> None:
        self.library, self.name, self.parameters = library, name, parameters
        self.function = library[f"launch_{name}"]
        self.function.restype = None

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
        self.check(grid, block, args)
        sizes = [ctypes.c_uint(int(n)) for dims in (grid, block) for n in (*dims, 1, 1)[:3]]
        memory = [OwnMemory(self.library, arg) for arg in args if sanitizers() and isinstance(arg, np.ndarray)]
        places = iter(memory)
        converted = []
        for arg, parameter in zip(args, self.parameters, strict=True):
            if parameter.is_array:
                converted.append(ctypes.c_void_p(next(places).pointer if memory else arg.ctypes.data))
            else:
                converted.append(np.ctypeslib.as_ctypes_type(parameter.dtype)(arg.item()))
        self.function(*sizes, *converted)
        for place in memory:
            place.bring_back()

    def check(self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
        """Raise TypeError or ValueError for a launch that CUDA would refuse, or would take and do wrong."""
        for what, dims, most in (("grid", grid, MOST_BLOCKS), ("block", block, (MOST_THREADS, MOST_THREADS, 64))):
            if not isinstance(dims, tuple) or not 1 <= len(dims) <= 3:
                raise TypeError(f"{self.name}: {what} is {dims!r}, expected a tuple of one to three numbers")
            for n, limit in zip(dims, most, strict=False):
                if not isinstance(n, int | np.integer) or not 1 <= n <= limit:
                    raise ValueError(f"{self.name}: {what} is {dims}, expected integers from 1 to {most}")
        if np.prod(block) > MOST_THREADS:
            raise ValueError(f"{self.name}: a block of {block} has more than {MOST_THREADS} threads")
        if len(args) != len(self.parameters):
            raise TypeError(f"{self.name} has {len(self.parameters)} parameters, got {len(args)} arguments")
        for arg, parameter in zip(args, self.parameters, strict=True):
            if not isinstance(arg, np.ndarray if parameter.is_array else np.generic):
                expected = "an array" if parameter.is_array else "a NumPy scalar"
                raise TypeError(f"{self.name}: {parameter.name} is of type {type(arg).__name__}, expected {expected}")
            if arg.dtype != parameter.dtype:
                raise TypeError(f"{self.name}: {parameter.name} is {arg.dtype}, expected {parameter.dtype}")
        arrays = [(arg, p) for arg, p in zip(args, self.parameters, strict=True) if p.is_array]
        for i, (arg, parameter) in enumerate(arrays):
            if parameter.is_const:
                continue
            if not arg.flags.writeable:
                raise ValueError(f"{self.name}: {parameter.name} is written to, but the array is read-only")
            for j, (other, with_it) in enumerate(arrays):
                if i != j and np.may_share_memory(arg, other):
                    raise ValueError(f"{self.name}: {parameter.name} is written to and overlaps {with_it.name}")


class OwnMemory:
    """A copy of all memory between an array's first and last number, no byte more."""

    def __init__(self, library: ctypes.CDLL, array: np.ndarray) -> None:
        self.library = library
        low, high = np.lib.array_utils.byte_bounds(array)
        self.low, self.length, self.array = low, high - low, array
        library.take_memory.restype = ctypes.c_void_p
        library.take_memory.argtypes = [ctypes.c_size_t]
        library.give_memory_back.argtypes = [ctypes.c_void_p]
        self.start = library.take_memory(self.length)
        ctypes.memmove(self.start, low, self.length)
        self.pointer = self.start + (array.ctypes.data - low)

    def bring_back(self) -> None:
        """Copy the memory back to the array, and free it."""
        if self.array.flags.writeable:
            ctypes.memmove(self.low, self.start, self.length)
        self.library.give_memory_back(self.start)


def signatures(code: str) -> dict[str, list[Parameter]]:
    """Return the parameters of each kernel in a source text."""
    code = re.sub(r"//[^\n]*|/\*.*?\*/", "", code, flags=re.DOTALL)
    types = DTYPES | {new: DTYPES[old] for old, new in re.findall(r"typedef ([\w ]+) (\w+);", code)}
    found = {}
    for name, inside in re.findall(r'extern "C" __global__ void (\w+)\(([^)]*)\)', code):
        parameters = []
        for text in inside.split(","):
            words = text.replace("*", " * ").split()
            kind = " ".join(word for word in words[:-1] if word not in ("const", "__restrict__", "*"))
            if kind not in types:
                raise TypeError(f"{name}: the parameter `{text.strip()}` has a type that is not in {list(types)}")
            parameters.append(Parameter(words[-1], np.dtype(types[kind]), "*" in words, "const" in words))
        found[name] = parameters
    if not found:
        raise ValueError('no `extern "C" __global__ void` in the code')
    return found


def launcher(name: str, parameters: list[Parameter]) -> str:
    """Return C++ that runs the kernel on every thread of a grid."""
    c_name = {dtype: kind for kind, dtype in DTYPES.items()}
    types = [f"{'const ' if p.is_const else ''}{c_name[p.dtype.name]}{' *' if p.is_array else ''}" for p in parameters]
    given = "".join(f", {kind} {p.name}" for kind, p in zip(types, parameters, strict=True))
    return (
        f'extern "C" void launch_{name}(unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz'
        f"{given}) {{\n    gridDim = {{gx, gy, gz}};\n    blockDim = {{bx, by, bz}};\n"
        f"    run_grid([=] {{ {name}({', '.join(p.name for p in parameters)}); }});\n}}\n"
    )


@functools.cache
def folder() -> Path:
    """The folder of this process's libraries, which goes with it, or the one in which all find them."""
    if shared := os.environ.get("TINYNET_COMPILED"):
        return Path(shared)
    _own.append(tempfile.TemporaryDirectory(prefix="cuda_on_cpu"))
    return Path(_own[-1].name)


_own: list[tempfile.TemporaryDirectory] = []


@functools.cache
def compile_library(code: str, options: tuple[str, ...], sanitize: str) -> ctypes.CDLL:
    """Compile the code, once a process; RuntimeError with g++'s words where it does not compile."""
    launchers = "".join(launcher(name, parameters) for name, parameters in signatures(code).items())
    text = f'{HEADER.read_text()}\n#line 1 "kernel"\n{code}\n#line 1 "launcher"\n{launchers}'
    flags = ["-O1", "-g", "-fPIC", "-shared", "-ffp-contract=off", *WARNINGS, *options]
    if sanitize:
        flags += [f"-fsanitize={sanitize}", "-fno-sanitize-recover=all"]
    if sanitize == "thread":
        flags += ["-DTWO_THREADS", "-pthread"]
    path = folder() / hashlib.sha256(repr((text, flags)).encode()).hexdigest()[:16]
    source, library = path.with_suffix(".cpp"), path.with_suffix(".so")
    if library.exists():
        return ctypes.CDLL(str(library))
    source.write_text(text)
    run = subprocess.run(["g++", *flags, str(source), "-o", str(library)], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"g++ does not compile the kernel:\n{run.stderr}")
    return ctypes.CDLL(str(library))
