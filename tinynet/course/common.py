"""What the checks of the steps share."""
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .step import Point


def unchanged(what: str, given: dict[str, tuple[np.ndarray, np.ndarray]]) -> Point:
    """Return the point that a function has written into nothing that it was given: {"x": (now, before)}."""
    names = [name for name, (now, before) in given.items() if not np.array_equal(now, before)]
    return Point("contract", what, names and f"it writes into {' and '.join(names)}: make a copy first" or "")


def pair(result: Any, what: str) -> tuple[Any, Any]:
    """Return the two things that a function returned; ArgumentError where it is something else."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(f"it returned a {type(result).__name__}, expected two things: {what}")
    return result


def dtype_fault(found: Any) -> str:
    """Say so where something made of float32 is not float32."""
    return "" if found.dtype == np.float32 else f"for float32 it returns {found.dtype}"
