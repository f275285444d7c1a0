"""Arrays of a student's layer beside those of tinynet's own."""
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..gradcheck.frozen_copy import type_text
from ..gradcheck.snapshots import index_text
from ..layers.base import Layer
from .exercise import Case

TOLERANCE = 1e-9  # of the largest number in the array; both sides are float64 and follow the same formula


def difference(name: str, got: Any, expected: Any) -> str:
    """Say in shape, dtype or at which index `got` is not `expected`; nothing where they agree."""
    if not isinstance(got, np.ndarray):
        return f"{name} is {'None' if got is None else 'a ' + type(got).__name__}, expected an array"
    if got.shape != expected.shape:
        return f"{name} has shape {got.shape}, expected {expected.shape}"
    if got.dtype != expected.dtype:
        return f"{name} is {got.dtype}, expected {expected.dtype}"
    far = ~(np.abs(got - expected) <= TOLERANCE * np.abs(expected).max())  # ~(<=): so that nan is far too
    if not far.any():
        return ""
    index = tuple(np.argwhere(far)[0])
    return (f"{name}{index_text(index)} is {got[index] + 0.0:.9g}, expected {expected[index] + 0.0:.9g} "
            f"({far.sum()} of {far.size} numbers differ)")  # + 0.0: -0.0 becomes 0.0


def two_layers(case: Case, true_kind: Any, student: Any, seed: int) -> tuple[Layer, Layer, np.ndarray]:
    """Return tinynet's layer and the student's with the same drawn parameters, and a batch; all float64."""
    truth, trial = true_kind(**case.settings).astype("float64"), student(**case.settings).astype("float64")
    generator = np.random.default_rng([seed, 2])
    for kind in ("params", "buffers"):
        arrays, others = getattr(truth, kind), getattr(trial, kind)
        if {key: value.shape for key, value in arrays.items()} != {key: np.shape(v) for key, v in others.items()}:
            raise ArgumentError(f"{kind} of {true_kind.__name__}({case.settings}) are {shapes(others)}, "
                                f"expected {shapes(arrays)}")
        for key, value in arrays.items():
            arrays[key] = generator.uniform(0.5, 2, value.shape) * (1 if kind == "buffers" else signs(generator, value))
            others[key] = arrays[key].copy()
    return truth, trial, draw_batch(case, generator)


def signs(generator: np.random.Generator, like: np.ndarray) -> np.ndarray:
    """Return -1 or 1 for each entry."""
    return generator.choice([-1.0, 1.0], like.shape)


def draw_batch(case: Case, generator: np.random.Generator) -> np.ndarray:
    """Return a batch: whole numbers with ties, or numbers that are all different, none of them zero."""
    if case.ties:
        return generator.integers(0, 3, case.shape).astype("float64")
    order = generator.permutation(int(np.prod(case.shape))) + 0.75
    return 4 * (order / len(order) - 0.5).reshape(case.shape)


def shapes(arrays: dict) -> str:
    """Return names and shapes of arrays as text."""
    return ", ".join(f"{name} {np.shape(array)}" for name, array in sorted(arrays.items())) or "none"


def forward(layer: Layer, x: np.ndarray, train: bool) -> tuple[Any, Any]:
    """Return output and `saved`; ArgumentError where the layer returns something else."""
    found = layer.forward(x, train=train)
    if not isinstance(found, tuple) or len(found) != 2:
        raise ArgumentError(f"forward returned {type_text(found)}, expected two things, the output and `saved`")
    return found


def backward(layer: Layer, dy: np.ndarray, saved: Any) -> tuple[Any, dict]:
    """Return the gradient of x and those of the parameters by name; ArgumentError for other names."""
    dx, grads = layer.backward(dy, saved)
    if not isinstance(grads, dict) or set(grads) != set(layer.params):
        names = sorted(grads) if isinstance(grads, dict) else f"a {type(grads).__name__}"
        raise ArgumentError(f"param_gradients returned {names}, expected a dict of {sorted(layer.params)}")
    return dx, grads
