"""What the checks of the steps share."""
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .step import Point

NEW_ARRAY = "a new array, np.zeros(shape), is float64 unless you name a dtype: np.zeros(shape, x.dtype)"
OVERLAPPING = "right where a pixel is under one window, wrong where it is under several"


def unchanged(what: str, given: dict[str, tuple[np.ndarray, np.ndarray]]) -> Point:
    """Return the point that a function has written into nothing that it was given: {"x": (now, before)}."""
    names = [name for name, (now, before) in given.items() if not np.array_equal(now, before)]
    return Point("contract", what, names and f"it writes into {' and '.join(names)}: make a copy first" or "")


def times_text(found: Any, expected: np.ndarray, names: dict[str, float]) -> str:
    """Say that `found` is one number times `expected`, and what that number is among `names`; else ""."""
    if getattr(found, "shape", None) != expected.shape or not np.isfinite(found).all() or not expected.any():
        return ""
    times = float((found * expected).sum() / (expected * expected).sum())
    if not np.allclose(found, times * expected, rtol=1e-7, atol=1e-9 * float(np.abs(expected).max())):
        return ""
    for name, value in names.items():
        for text, factor in ((f"{value:g} ({name})", value), (f"1/{value:g} (1 / {name})", 1 / value)):
            if value != 1 and np.isclose(times, factor, rtol=1e-7):
                return f"it is {text} times the right one"
    return "the sign is wrong: it is -1 times the right one" if np.isclose(times, -1, rtol=1e-7) else ""


def overlapping(wrong: np.ndarray, count: np.ndarray) -> bool:
    """Whether only pixels under several windows are wrong; `count` says under how many each is."""
    return bool(wrong.any() and (count[wrong] > 1).all() and (count == 1).any())


def call(case: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a student's function; what it raises has a note of the case."""
    try:
        return function(*arguments)
    except Exception as error:
        error.add_note(case)
        raise


def pair(result: Any, what: str) -> tuple[Any, Any]:
    """Return the two things that a function returned; ArgumentError where it is something else."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(f"it returned a {type(result).__name__}, expected two things: {what}")
    return result


def dtype_fault(found: Any) -> str:
    """Say so where something made of float32 is not float32."""
    return "" if found.dtype == np.float32 else f"for float32 it returns {found.dtype}: {NEW_ARRAY}"
