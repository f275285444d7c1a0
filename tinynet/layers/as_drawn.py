"""Layers without a seed of their own: alone they are drawn as from seed 0, in a network anew from the network's.

Two layers of one shape would start with the same weights otherwise, and two dropouts drop the same units.
"""
import zlib
from typing import Any

import numpy as np

from ..ops.arrays import Array, array_module, to_cpu
from ..ops.checks import Seed


class AsDrawn:
    """How a layer was drawn, to tell later whether someone has replaced or edited its numbers.

    Attributes
    ----------
    arrays : dict of str to array
        The very arrays, so that one that was replaced by an equal one is noticed too.
    sums : dict
        What `checksums` gave.
    """

    def __init__(self, layer: Any) -> None:
        self.arrays, self.generator = dict(layer.params), layer.generator
        self.sums = checksums(layer.params, layer.generator)

    def untouched(self, layer: Any) -> bool:
        """Whether parameters and generator are as they were drawn; what was added or taken away does not count."""
        there = {name: array for name, array in self.arrays.items() if name in layer.params}
        replaced = any(layer.params[name] is not array for name, array in there.items())
        if replaced or layer.generator is not self.generator:
            return False
        return all(self.sums[name] == number for name, number in checksums(there, layer.generator).items())


def checksums(arrays: dict[Any, Array], generator: np.random.Generator | None = None) -> dict[Any, Any]:
    """Return a number for each array that changes when it does, and the generator's state."""
    sums = {name: zlib.crc32(np.ascontiguousarray(to_cpu(array)).data) for name, array in arrays.items()
            if hasattr(array, "dtype")}
    return sums | ({"generator": state_text(generator)} if generator is not None else {})


def state_text(generator: Any) -> str:
    """Return a random generator's state as text; of an object that stands for one, what it is."""
    bits = getattr(generator, "bit_generator", None)
    return repr(generator) if bits is None else str(bits.state)


def draw_initial(layer: Any, seed: Seed | None) -> None:
    """Draw a layer's random numbers from its seed; without one as from 0, and a network may draw them anew."""
    layer.draw_from(0 if seed is None else seed)
    layer.as_drawn = AsDrawn(layer) if seed is None else None


def redraw(layer: Any, seed: Seed) -> None:
    """Draw a layer's random numbers anew into the arrays that it has, whose dtype and library stay."""
    before = dict(layer.params)
    layer.draw_from(seed)
    for name, new in list(layer.params.items()):
        if name not in before:  # a derived class has taken it away
            del layer.params[name]
        elif new is not before[name]:
            before[name][...] = array_module(before[name]).asarray(new)
            layer.params[name] = before[name]
