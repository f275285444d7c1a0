"""Where arrays live: the library of an array (NumPy or CuPy), and moving arrays and networks between the two."""
import copy
import ctypes
import sys
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import ArgumentError

Array = Any  # numpy.ndarray, or cupy.ndarray on a GPU
Shape = tuple[int, ...]  # where a layer is asked for its `output_shape`: of one image, without the batch


def array_module(x: Any) -> ModuleType:
    """Return the library that `x` belongs to: CuPy for an array on the GPU, else NumPy."""
    cupy = sys.modules.get("cupy")  # whoever holds a CuPy array has imported it
    return cupy if cupy is not None and isinstance(x, cupy.ndarray) else np


def channel_sums(x: Array) -> Array:
    """Return the sum of each channel over all other axes of x, (N, H, W, C) or (N, C): an array (C,).

    Images and rows first, in long rows: NumPy adds those faster than short ones, and a GPU in many blocks at once.
    """
    if x.ndim < 4:
        return x.sum(axis=0)
    n, h, w, c = x.shape
    return x.reshape(n * h, w * c).sum(axis=0).reshape(w, c).sum(axis=0)


def why_no_gpu() -> str | None:
    """Return None where CuPy finds a GPU, else the reason in a few words, with what to install where that helps."""
    driver = driver_version()
    try:
        import cupy
    except ImportError as error:
        if sys.modules.get("cupy") is not None or error.name != "cupy":
            return f"CuPy is installed but cannot be imported ({' '.join(str(error).split())})"
        if driver is None:
            return "neither CuPy nor a driver for an NVIDIA GPU is installed"
        extra = "cuda13" if driver >= 13000 else "cuda12"
        return f"there is a driver for an NVIDIA GPU, but CuPy is not installed: pip install 'tinynet[{extra}]'"
    if cupy.cuda.is_available():
        return trial(cupy)
    if driver is None:
        return "CuPy is installed, but there is no driver for an NVIDIA GPU"
    try:
        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # such as that the driver is too old for this CuPy, which `is_available` keeps to itself
        return f"CuPy is installed, but finds no GPU ({' '.join(str(error).split())})"
    return "CuPy is installed, but finds no GPU"


@cache
def trial(cupy: ModuleType) -> str | None:
    """Return why CuPy cannot compute, or None: it may lack libraries of CUDA, which it loads when it needs them."""
    try:
        ones = cupy.ones((2, 2))  # needs the compiler NVRTC
        ones @ ones  # needs cuBLAS
    except Exception as error:  # each library has its own kind
        return f"CuPy finds a GPU but cannot compute on it ({' '.join(str(error).split())})"
    return None


def driver_version() -> int | None:
    """Return the newest CUDA that the NVIDIA driver knows, 12040 for 12.4; None without a driver."""
    if sys.platform == "emscripten":  # a browser would ask the server for the library, and Python take it for there
        return None
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    version = ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(version))
    return version.value


def to_gpu(what: Any) -> Any:
    """Return an array, or a copy of a layer or network, on the GPU.

    An optimizer works on the network that it was made for: make one for the copy, and let it `load_state` the other's
    `state()` where velocities have to come along.

    Parameters
    ----------
    what : array, Layer or Network
        Arrays of numbers of any shape and dtype, which stay the same.

    Returns
    -------
    cupy.ndarray, Layer or Network
        An array of CuPy's itself, not a copy of it.

    Raises
    ------
    ArgumentError
        Where there is no GPU, with the reason; for anything else.
    """
    reason = why_no_gpu()
    if reason:
        raise ArgumentError(f"to_gpu needs a GPU: {reason}")
    import cupy

    def given(x: Any) -> Any:
        if array_module(x) is np and _array("to_gpu", x).dtype.kind not in "biufc":
            raise ArgumentError(f"to_gpu: expected an array of numbers, got one of {x.dtype}")
        return cupy.asarray(x)

    return _moved(what, given)


def to_cpu(what: Any) -> Any:
    """Return an array, or a copy of a layer or network, in NumPy arrays.

    Parameters
    ----------
    what : array, Layer or Network
        Arrays of any shape and dtype, which stay the same.

    Returns
    -------
    numpy.ndarray, Layer or Network
        A NumPy array itself, not a copy of it.

    Raises
    ------
    ArgumentError
        For anything else.
    """
    return _moved(what, lambda x: x.get() if array_module(x) is not np else _array("to_cpu", x))


def choose_device(wanted: str) -> str:
    """Return the device to compute on, "cpu" or "gpu", and say which in a line to stderr if it may be unexpected.

    Parameters
    ----------
    wanted : "auto", "cpu" or "gpu"
        "auto" is the GPU where there is one; "gpu" falls back to the CPU where there is none.
    """
    reason = None if wanted == "cpu" else why_no_gpu()
    if wanted == "cpu" or (wanted == "auto" and reason):
        return "cpu"
    if reason:
        print(f"tinynet: computing on the CPU, in NumPy: {reason}", file=sys.stderr)
        return "cpu"
    print(f"tinynet: computing on the GPU, {gpu_name()}", file=sys.stderr)
    return "gpu"


def gpu_name() -> str:
    """Return what the GPU in use is called."""
    import cupy

    return cupy.cuda.runtime.getDeviceProperties(cupy.cuda.runtime.getDevice())["name"].decode()


def wait_for(x: Any) -> None:
    """Wait until what was asked of the GPU is done, for an array there; in NumPy everything is done already."""
    if array_module(x) is not np:
        array_module(x).cuda.get_current_stream().synchronize()


def shape_text(shape: Shape) -> str:
    """Write a shape as 227 x 227 x 3."""
    return " x ".join(map(str, shape))


def _array(name: str, x: Any) -> Any:
    if not isinstance(x, np.ndarray | np.generic):
        raise ArgumentError(f"{name}: expected an array, a layer or a network, got a {type(x).__name__}")
    return x


def _moved(what: Any, convert: Any) -> Any:
    if hasattr(what, "convert_arrays"):  # a layer or a network
        moved = copy.deepcopy(what)
        moved.convert_arrays(convert)
        return moved
    return convert(what)
