"""Reading single numbers out of arrays, with their indices."""
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...ops.arrays import Array, array_module, to_cpu
from ...ops.window import Window
from ..records import StepRecord
from .explanation import Explanation
from .terms import Factor, Part, SeenWindow
from .texts import Wording

Index = tuple[int, ...]


def grid(*axes: int | Iterable[int]) -> np.ndarray:
    """Return all indices that have on each axis one of those given, the last axis running fastest: (T, axes)."""
    ranges = [np.atleast_1d(np.array(axis if isinstance(axis, int) else list(axis), dtype=int)) for axis in axes]
    return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, len(ranges))


def read(array: Array, indices: np.ndarray | Index) -> tuple[np.ndarray, np.ndarray]:
    """Return the float64 values of `array` at indices (T, axes), zero outside it, and which are inside, both (T,)."""
    indices = np.atleast_2d(np.array(indices, dtype=int))
    inside = np.all((indices >= 0) & (indices < np.array(array.shape, dtype=int)), axis=1).reshape(-1)
    xp = array_module(array)
    values = np.zeros(len(indices))
    found = (np.zeros(int(inside.sum()), dtype=int), *indices[inside].T)  # the zeros: for an array of one number, ()
    values[inside] = to_cpu(array[None][tuple(xp.asarray(axis) for axis in found)])
    return values, inside


def factor(name: str, array: Array, indices: np.ndarray | Index) -> Factor:
    """Return what `array` has at indices (T, axes) as a factor called `name`, such as "x[]"."""
    values, inside = read(array, indices)
    return Factor(name, values, np.atleast_2d(np.array(indices, dtype=int)), inside)


def constant(name: str, value: float, count: int = 1) -> Factor:
    """Return a factor that is the same in `count` terms."""
    return Factor(name, np.full(count, float(value)))


def value_at(array: Array, at: Index) -> float:
    """Return one number."""
    return float(read(array, at)[0][0])


def bias(step: StepRecord, at: Index) -> Part:
    """Return the bias at an index of "b" as a part."""
    return Part("bias", (factor("b[]", step.layer.params["b"], at),))


def windows_over(window: Window, size: tuple[int, int], position: tuple[int, int]) -> tuple[range, range]:
    """Return the rows and the columns of the windows that see a position of an image of `size` (H, W)."""
    rows_and_columns = []
    for i, count in enumerate(window.output_size(size)):
        from_edge = position[i] + window.padding[i]
        first = max(0, -(-(from_edge - window.kernel[i] + 1) // window.stride[i]))  # rounded up
        rows_and_columns.append(range(first, min(count, from_edge // window.stride[i] + 1)))
    return rows_and_columns[0], rows_and_columns[1]


def corner(window: Window, i: Any, j: Any) -> tuple[Any, Any]:
    """Return row and column of the image, or of the padding before it, where window (i, j) starts."""
    return i * window.stride[0] - window.padding[0], j * window.stride[1] - window.padding[1]


def seen_by(step: StepRecord, n: int, i: int, j: int, channels: slice) -> SeenWindow:
    """Return the window of output (i, j) on image n, with the channels that it looked at, a photograph's red first."""
    layer: Any = step.layer
    image = to_cpu(step.input[n, :, :, channels])
    if step.blue_first and image.shape[2] == 3:
        image = image[:, :, ::-1]
    return SeenWindow(image, *corner(layer.window, i, j), *layer.window.kernel)


def name_of_output(step: StepRecord, at: Index) -> str:
    """Write "conv1.output[0, 5, 7, 3]"."""
    return f"{step.name}.output[{', '.join(map(str, at))}]"


def name_of_gradient(step: StepRecord, name: str, at: Index) -> str:
    """Write "d loss / d conv1.w[2, 2, 0, 3]"."""
    return f"d loss / d {step.name}.{name}[{', '.join(map(str, at))}]"


def explanation(
    what: str, array: Array, at: Index, parts: Sequence[Part], says: Wording,
    inner: Sequence[Explanation] = (), seen: SeenWindow | None = None, slack: float = 0.0,
) -> Explanation:
    """Return the Explanation of what `array` has at `at`."""
    return explained(what, value_at(array, at), array.dtype, parts, says, inner, seen, slack)


def explained(
    what: str, value: float, dtype: np.dtype, parts: Sequence[Part], says: Wording,
    inner: Sequence[Explanation] = (), seen: SeenWindow | None = None, slack: float = 0.0,
) -> Explanation:
    """Return the Explanation of a number; its rounding follows from the dtype and the size of the terms.

    `slack` is what the factors' own rounding adds, where a factor is itself a small difference of large numbers.
    """
    count = sum(len(part.values) for part in parts)
    size = float(sum(np.abs(part.values).sum() for part in parts))
    limits = np.finfo(dtype)  # next to 0 numbers are multiples of the smallest one
    rounding = (8 + count**0.5) * (float(limits.eps) * size + float(limits.smallest_subnormal)) + slack
    return Explanation(what, value, tuple(parts), says.formula, says.reason, rounding, tuple(inner), seen)
