"""Which array library an array belongs to (NumPy or CuPy), and moving networks and arrays between the two."""
import copy
import sys
from types import ModuleType
from typing import Any

import numpy as np

from .errors import ArgumentError


def array_module(x: Any) -> ModuleType:
    """Return the library that `x` belongs to: CuPy for an array on the GPU, else NumPy."""
    cupy = sys.modules.get("cupy")  # whoever holds a CuPy array has imported it
    return cupy if cupy is not None and isinstance(x, cupy.ndarray) else np


def why_no_gpu() -> str | None:
    """Return None where CuPy finds a GPU, else the reason in a few words."""
    try:
        import cupy
    except ImportError:
        return "CuPy is not installed"
    return None if cupy.cuda.is_available() else "CuPy is installed but finds no GPU driver"


def to_gpu(what: Any) -> Any:
    """Return a copy of an array, or of a layer or network, on the GPU.

    Raises
    ------
    ArgumentError
        Where there is no GPU, with the reason.
    """
    reason = why_no_gpu()
    if reason:
        raise ArgumentError(f"to_gpu needs a GPU: {reason}")
    import cupy

    return _moved(what, cupy.asarray)


def to_cpu(what: Any) -> Any:
    """Return a copy of an array, or of a layer or network, in NumPy arrays (an array that is there already: itself)."""
    return _moved(what, _as_numpy)


def _as_numpy(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.get()


def _moved(what: Any, convert: Any) -> Any:
    if hasattr(what, "convert_arrays"):  # a layer or a network
        moved = copy.deepcopy(what)
        moved.convert_arrays(convert)
        return moved
    return convert(what)
