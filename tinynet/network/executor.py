"""Sending a batch through a run of layers, a few images at a time, in the worker threads.

Nearly every layer treats each image alone. A block of a few images goes through a whole run of such layers before the
next block starts, so that what one layer writes is still in the cache when the next one reads it; several blocks are
under way at once. The layers know nothing of it.
"""
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..layers.base import Layer
from ..ops.arrays import Array, Shape, array_module
from ..ops.checks import check_upstream
from ..ops.threads import map_in_order
from .check_returned import check_backward, check_forward
from .fast import fast_or_own

BLOCK_FLOATS = 1 << 19  # numbers in a block's largest activation: 16 images of cifar_net("80sec")'s conv1
LEAST_IMAGES, MOST_IMAGES = 4, 64  # in a block: products large enough, and several blocks in a batch of small images
LEAST_FLOATS = 1 << 14  # in a block without parameters: with fewer, handing it to a thread takes longer than its work


class Blocks:
    """What one layer saved, in parts of a few images each; a field is joined when it is asked for."""

    def __init__(self, parts: Sequence[Any], lengths: Sequence[int], input_shape: Shape) -> None:
        self.parts = parts
        self.lengths = lengths  # images in each part
        self.input_shape = input_shape  # of one image
        self._fields: tuple[str, ...] = getattr(parts[0], "_fields", ())

    def __getattr__(self, field: str) -> Array:
        if field.startswith("_"):  # what copy and pickle ask for, before there are any fields
            raise AttributeError(field)
        if field not in self._fields:
            raise AttributeError(f"this layer saved {', '.join(self._fields)}, not {field!r}")
        arrays = [getattr(part, field) for part in self.parts]
        return arrays[0] if len(arrays) == 1 else array_module(arrays[0]).concatenate(arrays)

    def __len__(self) -> int:
        return len(self._fields)

    def __iter__(self) -> Iterator[Array]:
        return (getattr(self, field) for field in self._fields)

    def __getitem__(self, index: int) -> Array:
        return getattr(self, self._fields[index])

    def __repr__(self) -> str:
        return f"Saved({', '.join(f'{field}: {getattr(self, field).shape}' for field in self._fields)})"


def images_per_block(shapes: Sequence[Shape]) -> int:
    """Return how many images make a block for activations of these shapes; the number of threads does not matter."""
    largest = max(map(math.prod, shapes))
    return max(LEAST_IMAGES, min(MOST_IMAGES, round(BLOCK_FLOATS / largest)))


def shapes_of(layers: Iterable[Layer], shape: Shape) -> list[Shape]:
    """Return the shape of one image in front of each layer, and last that of the output."""
    shapes = [tuple(shape)]
    for layer in layers:
        shapes.append(tuple(layer.output_shape(shapes[-1])))
    return shapes


def forward(layers: Mapping[str, Layer], x: Array, train: bool, save: bool) -> tuple[Array, dict[str, Blocks]]:
    """Send `x` through layers that treat each image alone; return the output and what each layer saved, by name."""
    shapes = shapes_of(layers.values(), x.shape[1:])
    run = [
        (name, fast_or_own(layer, x, shape, name, train=train), after)  # after: the output's shape for one image
        for (name, layer), shape, after in zip(layers.items(), shapes, shapes[1:], strict=False)
    ]

    def chain(block: Array) -> tuple[Array, list]:
        kept = []
        for name, layer, shape in run:
            block, saved = check_forward(name, layer, layer.forward(block, train), block, shape)
            if save:
                kept.append(saved)
        return block, kept

    xp = array_module(x)
    images = images_per_block(shapes) if xp is np else len(x)
    if not any(layer.params for layer in layers.values()):
        images = max(images, LEAST_FLOATS // max(map(math.prod, shapes)))
    cut = [x[i : i + images] for i in range(0, len(x), images)]
    results = list(map_in_order(chain, cut))
    y = results[0][0] if len(results) == 1 else xp.concatenate([block for block, _ in results])
    if not save:
        return y, {}
    lengths = [len(block) for block in cut]
    parts = zip(*(kept for _, kept in results), strict=True)
    return y, {name: Blocks(own, lengths, shape) for name, own, shape in zip(layers, parts, shapes, strict=False)}


def backward(
    layers: Mapping[str, Layer], dy: Array, saved: Sequence[Blocks], input_gradient: bool
) -> tuple[Array | None, dict[str, dict[str, Array]]]:
    """Run the backward pass of the same layers; the blocks' gradients of parameters are added in the blocks' order.

    Returns dx, None unless `input_gradient` asks for it, and the parameters' gradients by layer.
    """
    names = list(layers)
    check_whole(layers[names[-1]], dy, saved[-1])
    first = next((i for i, layer in enumerate(layers.values()) if layer.params), len(layers))
    last = 0 if input_gradient else first  # where the pass ends: below the first parameters no gradient is needed
    run = [
        fast_or_own(layer, dy, blocks.input_shape, name, "backward") if i >= last else layer
        for i, ((name, layer), blocks) in enumerate(zip(layers.items(), saved, strict=True))
    ]

    def chain(block: tuple[Array, list]) -> tuple[Array | None, list[dict[str, Array]]]:
        dy, kept = block
        grads: list[dict[str, Array]] = [{} for _ in layers]
        for i in reversed(range(last, len(layers))):
            needed = input_gradient or i > first
            result = run[i].backward(dy, kept[i], needed)
            dy, grads[i] = check_backward(names[i], run[i], result, dy, saved[i].input_shape, needed)
        return dy, grads

    blocks = []
    start = 0
    for length, *kept in zip(saved[0].lengths, *(one.parts for one in saved), strict=True):
        blocks.append((dy[start : start + length], kept))
        start += length
    total: list[dict[str, Array]] = [{} for _ in layers]
    dxs = []
    for number, (dx, grads) in enumerate(map_in_order(chain, blocks)):
        dxs.append(dx)
        for sums, new in zip(total, grads, strict=True):
            for name, gradient in new.items():
                if number == 0:
                    sums[name] = gradient  # the layer's own array: read-only, it may be, or the same for two parameters
                elif number == 1:
                    sums[name] = array_module(gradient).asarray(sums[name] + gradient)  # of no axis, too
                else:
                    sums[name] += gradient
    by_name = dict(zip(names, total, strict=True))
    if not input_gradient:
        return None, by_name
    return (dxs[0] if len(dxs) == 1 else array_module(dy).concatenate(dxs)), by_name


def check_whole(layer: Layer, dy: Array, saved: Blocks) -> None:
    """Raise unless the upstream gradient fits the whole batch, before it is cut: a block's message would confuse."""
    output = layer.output_of(saved.parts[0])
    shape, dtype = (getattr(dy, "shape", ()), None) if output is None else output
    check_upstream(type(layer).__name__, dy, (sum(saved.lengths), *shape[1:]), dtype)
