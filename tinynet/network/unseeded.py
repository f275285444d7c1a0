"""The layers of a network that were made without a seed: which they are, and whether they are still as drawn."""
from collections.abc import Iterator, Mapping
from typing import Any

from ..layers.as_drawn import checksums, state_text
from ..layers.base import Layer
from .params import flat, single_layers


def take_unseeded(layers: Mapping[str, Layer]) -> list[tuple[list[int], Layer]]:
    """Return the layers that a network has to draw, and what to draw each from besides the network's seed.

    From here on they are this network's: no other one draws them, and none that someone has changed is among them.
    """
    found = []
    for index, layer in enumerate(layers.values()):
        for number, one in enumerate(unseeded(layer)):
            if one.is_as_drawn:
                found.append(([index] if one is layer else [index, 1 + number], one))
            one.as_drawn = None
    return found


def unseeded(layer: Layer, seen: tuple[int, ...] = ()) -> Iterator[Layer]:
    """Yield a layer if it was made without a seed; else those that it keeps as attributes (a residual block's)."""
    if getattr(layer, "as_drawn", None) is not None:
        yield layer
    elif id(layer) not in seen:
        for value in vars(layer).values():
            parts: Any = list(value.values()) if isinstance(value, dict) else value
            for part in parts if isinstance(parts, list | tuple) else [parts]:
                if isinstance(part, Layer):
                    yield from unseeded(part, (*seen, id(layer)))


def numbers_of(net: Layer) -> dict[Any, Any]:
    """Return checksums of all parameters of a network, and the states of its layers' random generators."""
    generators = {name: state_text(layer.generator) for name, layer in single_layers(net)
                  if layer.generator is not None}
    return checksums(flat(net.params)) | generators
