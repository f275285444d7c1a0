"""The usual ways to check a gradient, each with its usual numbers, as `gradient_checks.py` compares them.

Every one gets a fixed dropout mask, and a crash of the code under test counts as a mistake found.
"""
import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinynet.network.params import flat, single_layers


class Method(NamedTuple):
    """One way to check: `error` returns a number, and an error above `tolerance` is an alarm."""

    name: str
    text: str
    tolerance: float
    error: Callable[[Any, np.ndarray], float]


class Pass:
    """Forward and backward of a layer, network or loss, with its random state put back before each forward."""

    def __init__(self, f: Any, dtype: str) -> None:
        self.is_loss = not hasattr(f, "forward")
        self.f = f if self.is_loss else f.astype(dtype)
        self.random = [] if self.is_loss else [
            (layer, copy.deepcopy(layer.generator.bit_generator.state))
            for _, layer in single_layers(self.f) if layer.generator is not None
        ]

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        if self.is_loss:
            value, gradient = self.f(x)
            return np.asarray(value, x.dtype), gradient
        for layer, state in self.random:
            layer.generator.bit_generator.state = state
        return self.f.forward(x, train=True)

    def backward(self, dy: np.ndarray, saved: Any) -> dict[str, np.ndarray]:
        """Return the gradients by name, the input's as "x"."""
        if self.is_loss:
            return {"x": saved * dy}
        dx, grads = self.f.backward(dy, saved)
        return {"x": dx} | {".".join(path): array for path, array in flat(grads).items()}

    def arrays(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return what is differentiated, to be changed in place."""
        params = {} if self.is_loss else flat(self.f.params)
        return {"x": x} | {".".join(path): array for path, array in params.items()}


def relative_error(analytic: Any, numeric: Any) -> float:
    """Return the largest |a - n| / (|a| + |n|) over the entries, as Stanford's course CS231n measures it."""
    error = np.abs(analytic - numeric) / np.maximum(np.abs(analytic) + np.abs(numeric), 1e-8)
    return float("inf") if np.isnan(error).any() else float(error.max())


def scaled_error(analytic: Any, numeric: Any) -> float:
    """Return the largest |a - n| / max(|a|, |n|, 1) over the entries, as the checker of Caffe's tests measures it."""
    error = np.abs(analytic - numeric) / np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), 1)
    return float("inf") if np.isnan(error).any() else float(error.max())


def differences(
    f: Any, x: np.ndarray, dtype: str = "float64", h: float = 1e-5, ones: bool = False, entries: int | None = None,
    one_sided: bool = False, measure: Callable[[Any, Any], float] = relative_error, seed: int = 1,
) -> float:
    """Compare with differences of sum(dy * f(x)), entry by entry; `entries`: only so many drawn ones of each array."""
    generator, run, x = np.random.default_rng(seed), Pass(f, dtype), x.astype(dtype)
    y, saved = run.forward(x)
    dy = (np.ones(y.shape) if ones else generator.standard_normal(y.shape)).astype(dtype)
    grads = run.backward(dy, saved)
    worst = 0.0
    for name, array in run.arrays(x).items():
        drawn = generator.permutation(array.size)[:entries]
        numeric = np.zeros(array.shape)
        for i in drawn:
            old = array.flat[i]

            def loss(value: float, array: np.ndarray = array, i: int = i) -> float:
                array.flat[i] = value
                return (run.forward(x)[0] * dy).sum()

            low = loss(old) if one_sided else loss(old - h)
            numeric.flat[i] = (loss(old + h) - low) / (h if one_sided else 2 * h)
            array.flat[i] = old
        if entries is None:
            worst = max(worst, measure(grads[name], numeric))
        else:
            at = np.unravel_index(drawn, array.shape)
            worst = max(worst, measure(grads[name][at], numeric[at]))
    return worst


def jacobian(f: Any, x: np.ndarray, h: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3) -> float:
    """Compare every entry of the Jacobian; above 1 where |a - n| > atol + rtol |n|, the rule of PyTorch's gradcheck."""
    run, x = Pass(f, "float64"), x.astype("float64")
    y, saved = run.forward(x)
    rows: list[dict[str, np.ndarray]] = []
    for i in range(y.size):
        dy = np.zeros(y.shape)
        dy.flat[i] = 1
        rows.append({name: array.copy() for name, array in run.backward(dy, saved).items()})
    worst = 0.0
    for name, array in run.arrays(x).items():
        analytic = np.stack([row[name].reshape(array.shape) for row in rows])
        for i in range(array.size):
            old = array.flat[i]
            array.flat[i] = old + h
            after = run.forward(x)[0].copy()
            array.flat[i] = old - h
            numeric = (after - run.forward(x)[0]).ravel() / (2 * h)
            array.flat[i] = old
            error = np.abs(analytic.reshape(y.size, -1)[:, i] - numeric) / (atol + rtol * np.abs(numeric))
            worst = float("inf") if np.isnan(error).any() else max(worst, float(error.max()))
    return worst


RELATIVE = "Alarm where |a - n| / (|a| + |n|) is above 1e-4 (CS231n's measure)"
METHODS = [
    Method("ones", "an upstream gradient of ones; float64, central differences, h = 1e-5, every entry. "
           f"{RELATIVE}", 1e-4, lambda f, x: differences(f, x, ones=True)),
    Method("float32", "float32, h = 1e-3; random upstream gradient, central differences, every entry. Alarm where "
           "|a - n| / max(|a|, |n|, 1) is above 1e-2 (the measure of Caffe's tests)", 1e-2,
           lambda f, x: differences(f, x, dtype="float32", h=1e-3, measure=scaled_error)),
    Method("one entry", "one drawn entry of each array; float64, random upstream gradient, central differences, "
           f"h = 1e-5. {RELATIVE}", 1e-4, lambda f, x: differences(f, x, entries=1)),
    Method("one-sided", "one-sided differences, h = 1e-6; float64, random upstream gradient, every entry. "
           f"{RELATIVE}", 1e-4, lambda f, x: differences(f, x, h=1e-6, one_sided=True)),
    Method("Jacobian", "every entry of the Jacobian; float64, central differences, h = 1e-6. Alarm where |a - n| is "
           "above 1e-5 + 1e-3 |n| (the rule of torch.autograd.gradcheck)", 1.0, jacobian),
]
