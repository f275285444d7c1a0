"""The initial parameters of a layer: random weights, one number for all biases."""
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..ops.arrays import Shape
from ..ops.checks import Seed, check_between, check_seed
from ..ops.parameter_limit import count_parameters

_draw: ContextVar[bool] = ContextVar("whether new layers draw their weights", default=True)


@contextmanager
def undrawn() -> Iterator[None]:
    """Let the weights of new layers be 0 inside the block: to count them, or where a file is going to replace them."""
    token = _draw.set(False)
    try:
        yield
    finally:
        _draw.reset(token)


def random_weights(shape: Shape, fan_in: int, std: float | None, seed: Seed) -> np.ndarray:
    """Draw float32 weights from N(0, std**2).

    Parameters
    ----------
    shape : tuple of int
    fan_in : int
        The number of inputs that one output sums over.
    std : float or None
        Standard deviation; None is sqrt(2 / fan_in), which keeps the scale of activations through ReLU layers
        (He et al. 2015, "Delving deep into rectifiers", equation 10).
    seed : int or list of int
    """
    count_parameters(shape)
    if not _draw.get():
        return np.zeros(shape, np.float32)
    scale = np.float32(math.sqrt(2 / fan_in) if std is None else std)
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32) * scale


def check_initialization(who: str, std: Any, bias: Any, seed: Any) -> None:
    """Raise ArgumentError unless weights and biases can be initialized so."""
    if std is not None:
        check_between(who, "std", std, 0, math.inf)
    check_between(who, "bias", bias, -math.inf, math.inf)
    check_seed(who, seed, optional=True)
