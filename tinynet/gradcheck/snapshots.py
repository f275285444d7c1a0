"""Arrays inside what a pass is given and gives back: copies of them, and whether two are the same."""
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..network.params import flat
from ..ops.arrays import Array


def named(nested: dict) -> dict[str, Any]:
    """Return the arrays of nested dicts by name: "conv1.w"."""
    return {".".join(map(str, path)): array for path, array in flat(nested).items()}


def arrays_in(value: Any, path: str = "", seen: tuple[int, ...] = ()) -> Iterator[tuple[str, Array]]:
    """Yield all arrays inside tuples, dicts and objects, with the path to each: ".x", "['conv1'].x", "[0]"."""
    if isinstance(value, np.ndarray):
        yield path, value
    elif id(value) not in seen:
        parts: dict[str, Any] = {}
        if isinstance(value, dict):
            parts = {f"[{key!r}]": part for key, part in value.items()}
        elif getattr(value, "_fields", ()):
            parts = {f".{field}": getattr(value, field) for field in value._fields}
        elif isinstance(value, tuple | list):
            parts = {f"[{i}]": part for i, part in enumerate(value)}
        elif hasattr(value, "__dict__") and not callable(value):
            parts = {f".{name}": part for name, part in vars(value).items()}
        for name, part in parts.items():
            yield from arrays_in(part, path + name, (*seen, id(value)))


def snapshot(value: Any) -> dict[str, Array]:
    """Return copies of all arrays inside a value, by path."""
    return {path: array.copy() for path, array in arrays_in(value)}


def changed(before: dict[str, Array], value: Any) -> list[str]:
    """Return the paths of arrays that differ from their copies."""
    now = dict(arrays_in(value))
    return [path for path, array in before.items() if path not in now or not same(array, now[path])]


def same(a: Array, b: Array) -> bool:
    """Whether two arrays are equal bit for bit."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def close(a: Any, b: Any) -> bool:
    """Whether two gradients are the same up to the rounding of sums."""
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape == b.shape and a.size):
        return type(a) is type(b) and getattr(a, "shape", None) == getattr(b, "shape", None)
    size = float(np.abs(a[np.isfinite(a)]).max(initial=0))
    return bool(np.allclose(a, b, rtol=1e-9, atol=1e-12 * size, equal_nan=True))


def only_single(numbers: Array) -> bool:
    """Whether float64 numbers have only the digits of float32, and not so few of them that it may be chance."""
    if numbers.dtype != np.float64 or not np.isfinite(numbers).all():
        return False
    with np.errstate(over="ignore"):
        fits = bool((numbers.astype(np.float32) == numbers).all())
    digits = 4096 * np.frexp(numbers[np.abs(numbers) > 1e-6])[0]  # smaller ones may be the rest of a difference
    return fits and bool((digits != np.round(digits)).any())


def copied(value: Any) -> Any:
    """Return a copy of an array; anything else as it is."""
    return value.copy() if isinstance(value, np.ndarray) else value


def index_text(index: Any) -> str:
    """Write an index as [0, 2, 1]; nothing for the empty index of a single number."""
    return "" if not len(index) else f"[{', '.join(str(int(i)) for i in index)}]"
