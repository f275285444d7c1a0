"""Sending a batch through a run of layers, a few images at a time, in the worker threads.

Nearly every layer treats each image alone. A block of a few images goes through a whole run of such layers before the
next block starts, so that what one layer writes is still in the cache when the next one reads it; several blocks are
under way at once. The layers know nothing of it.
"""
import math
from collections.abc import Iterator, Sequence
from typing import Any

from ..layers.base import Layer
from ..ops.arrays import Array, array_module
from ..ops.checks import check_upstream
from ..ops.threads import map_in_order
from .fast_conv import twin

BLOCK_FLOATS = 1 << 19  # numbers in a block's largest activation: 16 images of cifar_net("80sec")'s conv1
LEAST_IMAGES, MOST_IMAGES = 4, 32  # in a block: products large enough, and several blocks in a batch of small images


class Blocks:
    """What one layer saved, in parts of a few images each; a field is joined when it is asked for."""

    def __init__(self, parts: Sequence[Any], lengths: Sequence[int]) -> None:
        self.parts = parts
        self.lengths = lengths  # images in each part
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


def images_per_block(layers: Sequence[Layer], shape: tuple[int, ...]) -> int:
    """Return how many images of `shape` make a block for these layers; the number of threads has no say in it."""
    largest = math.prod(shape)
    for layer in layers:
        shape = layer.output_shape(shape)
        largest = max(largest, math.prod(shape))
    return max(LEAST_IMAGES, min(MOST_IMAGES, round(BLOCK_FLOATS / largest)))


def forward(layers: Sequence[Layer], x: Array, train: bool, save: bool) -> tuple[Array, list[Blocks] | None]:
    """Send `x` through layers that treat each image alone; return the output and what each layer saved."""
    run = [twin(layer, x) for layer in layers]

    def chain(block: Array) -> tuple[Array, list]:
        kept = []
        for layer in run:
            block, saved = layer.forward(block, train)
            if save:
                kept.append(saved)
        return block, kept

    xp = array_module(x)
    images = images_per_block(layers, x.shape[1:]) if xp.__name__ == "numpy" else len(x)
    cut = [x[i : i + images] for i in range(0, len(x), images)]
    results = list(map_in_order(chain, cut))
    y = results[0][0] if len(results) == 1 else xp.concatenate([block for block, _ in results])
    if not save:
        return y, None
    lengths = [len(block) for block in cut]
    return y, [Blocks(parts, lengths) for parts in zip(*(kept for _, kept in results), strict=True)]


def backward(
    layers: Sequence[Layer], dy: Array, saved: Sequence[Blocks], input_gradient: bool
) -> tuple[Array | None, list[dict[str, Array]]]:
    """Go back through the same layers; the parameters' gradients of the blocks are added in the blocks' order."""
    check_whole(layers[-1], dy, saved[-1])
    first = next((i for i, layer in enumerate(layers) if layer.params), len(layers))
    last = 0 if input_gradient else first  # below the first parameter no gradient has a use
    run = [twin(layer, dy) for layer in layers]

    def chain(block: tuple[Array, list]) -> tuple[Array | None, list[dict[str, Array]]]:
        dy, kept = block
        grads: list[dict[str, Array]] = [{} for _ in layers]
        for i in reversed(range(last, len(layers))):
            dy, grads[i] = run[i].backward(dy, kept[i], input_gradient or i > first)
        return dy, grads

    blocks = []
    start = 0
    for length, *kept in zip(saved[0].lengths, *(one.parts for one in saved), strict=True):
        blocks.append((dy[start : start + length], kept))
        start += length
    total: list[dict[str, Array]] = [{} for _ in layers]
    dxs = []
    for dx, grads in map_in_order(chain, blocks):
        dxs.append(dx)
        for sums, new in zip(total, grads, strict=True):
            for name, gradient in new.items():
                if name in sums:
                    sums[name] += gradient
                else:
                    sums[name] = gradient
    if not input_gradient:
        return None, total
    return (dxs[0] if len(dxs) == 1 else array_module(dy).concatenate(dxs)), total


def check_whole(layer: Layer, dy: Array, saved: Blocks) -> None:
    """Raise unless the upstream gradient fits the whole batch, before it is cut: a block's message would confuse."""
    output = layer.output_of(saved.parts[0])
    shape, dtype = (getattr(dy, "shape", ()), None) if output is None else output
    check_upstream(type(layer).__name__, dy, (sum(saved.lengths), *shape[1:]), dtype)
