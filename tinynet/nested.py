"""Nested dicts of arrays, the form of `net.params`, of gradients and of velocities."""
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from .device import array_module
from .layer import Array, Layer


def flat(nested: dict[str, Any], before: tuple[str, ...] = ()) -> dict[tuple[str, ...], Array]:
    """Return the arrays by their path: {"conv1": {"w": array}} becomes {("conv1", "w"): array}."""
    arrays: dict[tuple[str, ...], Array] = {}
    for name, value in nested.items():
        arrays |= flat(value, (*before, name)) if isinstance(value, dict) else {(*before, name): value}
    return arrays


def single_layers(net: Layer, before: tuple[str, ...] = ()) -> Iterator[tuple[str, Layer]]:
    """Yield all layers that are no networks, those in nested networks too, with names like "block.conv1".

    A network is what has its layers in a dict called `layers`; a layer's own `layers` may be a number or a list.
    """
    inner = getattr(net, "layers", None)
    if not (inner and isinstance(inner, dict) and all(isinstance(layer, Layer) for layer in inner.values())):
        yield ".".join(before), net
        return
    for name, layer in inner.items():
        yield from single_layers(layer, (*before, name))


def library_of(net: Layer) -> ModuleType:
    """Return the array library of a network's parameters, NumPy or CuPy; NumPy where it has none."""
    return next((array_module(array) for array in flat(net.params).values()), np)
