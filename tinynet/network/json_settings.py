"""Settings as JSON can hold them, those of layers of one's own too: they may be arrays, layers or functions."""
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..layers.base import Layer
from ..ops.arrays import array_module, to_cpu

MOST_NUMBERS = 1000  # in an array that is written as a list; of a larger one, such as a mean image, its SHA-256


def json_ready(value: Any) -> Any:
    """Return a setting made of numbers, text, lists and dicts, so that two may be compared and written.

    Nothing is refused: what is none of these is written by the name of its class, a function by its own.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        python = {"f": float, "i": int, "u": int, "b": bool}.get(value.dtype.kind, str)
        return python(value)
    if isinstance(value, Mapping):
        return {str(key): json_ready(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        inner = map(json_ready, value)
        return type(value)(inner) if type(value) in (list, tuple) else list(inner)
    if isinstance(value, Layer):
        return {"kind": type(value).__name__, **json_ready(value.settings)}
    if isinstance(value, array_module(value).ndarray):
        array = np.ascontiguousarray(to_cpu(value))
        if array.size <= MOST_NUMBERS or array.dtype.hasobject:
            return json_ready(to_cpu(value).tolist())
        return {"shape": list(value.shape), "dtype": str(array.dtype), "sha256": hashlib.sha256(array.data).hexdigest()}
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"
