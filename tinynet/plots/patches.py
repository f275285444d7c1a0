"""What excites a unit: the patches of images for which one channel's numbers are largest."""
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..layers import Flatten, Linear
from ..network import Network
from ..ops.arrays import Array, to_cpu
from ..ops.checks import check_count
from .letters import drawn
from .pictures import Picture

BATCH = 64  # images that go through the network at a time
POINTWISE = ("ReLU", "Tanh", "Sigmoid", "LocalResponseNorm", "BatchNorm2d", "Dropout")  # each position sees itself


class Window(NamedTuple):
    """Which rows (and columns) of the image a unit's number depends on: `size` from `first + step * index` on."""

    first: int
    step: int
    size: int


class Patch(NamedTuple):
    """One unit's number, the image that it is from, and the rows and columns of the image that it depends on."""

    value: float
    image: int
    rows: slice
    columns: slice


def receptive_field(net: Network, layer: str) -> tuple[Window, Window]:
    """Return which rows and which columns of the image the numbers of a layer's output depend on.

    A window of k at stride s over units that see `size` pixels, `step` apart, sees size + (k - 1) step pixels, and its
    neighbour begins s step further on (Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural
    networks").

    Parameters
    ----------
    net : Network
        In a line from the image on: convolution, pooling, and layers that change each position by itself.
    layer : str
        A layer of the network whose output has rows and columns.

    Returns
    -------
    rows, columns : Window
        `first` is below 0 where the layers pad.

    Raises
    ------
    ArgumentError
        For a layer that does not exist, or that is behind one without rows and columns or of a kind not known here.
    """
    rows = columns = Window(0, 1, 1)
    for name, each in up_to(net, layer):
        settings = {"padding": 0} | each.settings
        if settings.get("stride") is None:
            settings["stride"] = settings.get("kernel_size")
        if "kernel_size" in settings:
            rows, columns = (
                Window(seen.first - pad * seen.step, seen.step * stride, seen.size + (kernel - 1) * seen.step)
                for seen, kernel, stride, pad in zip(
                    (rows, columns), *(both(settings[key]) for key in ("kernel_size", "stride", "padding")),
                    strict=True))
        elif isinstance(each, Flatten | Linear):
            raise ArgumentError(f"receptive_field: {name} is a {type(each).__name__}, and what is behind it has no "
                                "rows and columns")
        elif type(each).__name__ not in POINTWISE:
            raise ArgumentError(f"receptive_field: {name} is a {type(each).__name__}, and what it sees is not known "
                                f"here, expected convolution, pooling, {', '.join(POINTWISE)}")
    return rows, columns


def strongest_patches(net: Network, images: Array, layer: str, channel: int, count: int = 9) -> list[Patch]:
    """Return for which parts of which images a channel's numbers are largest, the largest first.

    Parameters
    ----------
    net : Network
        With the preprocessing that it was trained with.
    images : uint8 (N, H, W, C)
        As stored, of the size that `net.preprocessing` expects.
    layer : str
        Such as "relu2".
    channel : int
        Of the layer's output.
    count : int
        From each image comes one patch at most, so that they are not all of one.

    Returns
    -------
    list of Patch
        Slices are of what the network takes, `net.preprocessing.central_crop(images)`, cut off at its edge.

    Raises
    ------
    ArgumentError
        For a layer or a channel that does not exist, a layer of which `receptive_field` does not know what it sees, a
        network that was never trained, or a count below 1.
    """
    count = check_count("strongest_patches", "count", count)
    return patches_of(net, layer, *largest(net, images, layer), channel, count)


def largest(net: Network, images: Array, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Return each image's largest number in each channel of a layer, and its index in the map: both (N, channels)."""
    if net.preprocessing is None:
        raise ArgumentError(f"strongest_patches: {net.name} has no preprocessing for images: it was never trained")
    receptive_field(net, layer)  # which says where there is none
    part, values, indices = Network(up_to(net, layer), input_shape=net.input_shape), [], []
    for start in range(0, len(images), BATCH):
        maps = to_cpu(part.forward(net.preprocessing(images[start : start + BATCH]))[0])   # (n, h, w, channels)
        flat = maps.reshape(len(maps), -1, maps.shape[3])                                  # (n, h * w, channels)
        values.append(flat.max(axis=1))
        indices.append(flat.argmax(axis=1))
    return np.concatenate(values), np.concatenate(indices)


def patches_of(
    net: Network, layer: str, values: np.ndarray, indices: np.ndarray, channel: int, count: int
) -> list[Patch]:
    """Return the patches of the largest of what `largest` found in a channel."""
    if not 0 <= channel < values.shape[1]:
        raise ArgumentError(f"strongest_patches: channel is {channel}, {layer} has 0 to {values.shape[1] - 1}")
    rows, columns = receptive_field(net, layer)
    height, width = net.preprocessing.input_size
    across = Network(up_to(net, layer)).output_shape((height, width, net.preprocessing.channels))[1]
    found = []
    for image in np.argsort(-values[:, channel], kind="stable")[:count].tolist():
        row, column = divmod(int(indices[image, channel]), across)
        value = float(values[image, channel])
        found.append(Patch(value, image, pixels(rows, row, height), pixels(columns, column, width)))
    return found


def patch_sheet(net: Network, images: Array, layer: str, channels: Sequence[int], count: int = 9) -> Picture:
    """Draw what excites some channels most, a block of patches for each (Zeiler and Fergus 2014, figure 2).

    Parameters
    ----------
    net, images, layer, count
        As for `strongest_patches`; a channel that is nowhere above 0 leaves its block empty.
    channels : sequence of int

    Raises
    ------
    ArgumentError
        As `strongest_patches`.
    ShapeError
        When the list of channels is empty.
    """
    count = check_count("patch_sheet", "count", count)
    if not len(channels):
        raise ShapeError("patch_sheet: the list of channels is empty")
    values, indices = largest(net, images, layer)
    crops, side = net.preprocessing.central_crop(images), math.ceil(math.sqrt(count))
    per_row = min(3, len(channels))
    picture = Picture(figsize=(1.9 * per_row, 2.1 * math.ceil(len(channels) / per_row)), layout="constrained")
    blocks = picture.subfigures(math.ceil(len(channels) / per_row), per_row, squeeze=False, wspace=0.04, hspace=0.04)
    for block, channel in zip(blocks.flat, channels, strict=False):
        patches = [patch for patch in patches_of(net, layer, values, indices, channel, count) if patch.value > 0]
        block.suptitle(f"{drawn(layer)}, channel {channel}" + ("" if patches else ": nowhere above 0"), fontsize=9)
        for axes, patch in zip(block.subplots(side, side, squeeze=False).flat, [*patches, *[None] * side**2],
                               strict=False):
            axes.set_axis_off()
            if patch is not None:
                pixel = crops[patch.image, patch.rows, patch.columns]
                axes.imshow(pixel if pixel.shape[2] == 3 else pixel[..., 0], cmap="gray", vmin=0, vmax=255)
    return picture


def pixels(seen: Window, index: int, length: int) -> slice:
    """Return the part of 0 to `length` that unit `index` sees."""
    first = seen.first + seen.step * index
    return slice(max(0, first), min(length, first + seen.size))


def up_to(net: Network, layer: str) -> list[tuple[str, Any]]:
    """Return the layers of a network from the first to one of them."""
    if type(net).forward is not Network.forward:
        raise ArgumentError(f"{net.name} has no line of layers up to {layer}: its class {type(net).__name__} has a "
                            "forward of its own")
    names = list(net.layers)
    if layer not in names:
        raise ArgumentError(f"layer {layer!r} does not exist; {net.name} has {', '.join(names)}")
    return [(name, net.layers[name]) for name in names[: names.index(layer) + 1]]


def both(value: int | Sequence[int]) -> tuple[int, int]:
    """Return a setting for rows and one for columns."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])
