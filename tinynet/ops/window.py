"""A window that slides over an image: where it stops, and how many outputs that makes."""
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, ShapeError
from .checks import check_count

Size = int | tuple[int, int]  # one number for both, or (height, width)


class Window(NamedTuple):
    """Geometry of a sliding window; each pair is (height, width).

    Attributes
    ----------
    kernel, stride, padding : (int, int)
        Padding counts the places added on each side.
    ceil_mode : bool
        Round output sizes up instead of down: the last window may then reach past the padded edge. As in PyTorch, the
        window that this adds is left out where it would start past the image and its leading padding.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    ceil_mode: bool

    @cache  # noqa: B019, a window is a few numbers, and each layer asks for each block of images
    def output_size(self, size: tuple[int, int], who: str = "window") -> tuple[int, int]:
        """Return (OH, OW), the number of windows down and across an image of `size` (H, W)."""
        out = []
        for length, kernel, stride, padding in zip(size, self.kernel, self.stride, self.padding, strict=True):
            spare = length + 2 * padding - kernel  # below 0 where a window is larger than what there is
            count = spare // stride + 1
            if self.ceil_mode and spare % stride and count * stride < length + padding:
                count += 1
            if count < 1:
                raise ShapeError(
                    f"{who}: a window of {kernel} does not fit into {length + 2 * padding} positions "
                    f"(image {size[0]} x {size[1]}, padding {padding} on each side)"
                )
            out.append(count)
        return out[0], out[1]

    def edges(self, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return ((top, bottom), (left, right)): the places to add so that every window lies inside."""
        ends = []
        for i, count in enumerate(self.output_size(size)):
            reach = (count - 1) * self.stride[i] + self.kernel[i]  # end of the last window, from the padding's start
            ends.append((self.padding[i], max(self.padding[i], reach - self.padding[i] - size[i])))
        return ends[0], ends[1]

    @cache  # noqa: B019, as above; on a GPU this would take a dozen launches
    def cells(self, size: tuple[int, int], xp: Any = np) -> Any:
        """Return (OH, OW): how many places of the image and its padding (not of ceil_mode's) each window sees.

        An array of the library `xp`, made where it is needed.
        """
        along = []
        for i, count in enumerate(self.output_size(size)):
            start = xp.arange(count) * self.stride[i]
            along.append(xp.minimum(start + self.kernel[i], size[i] + 2 * self.padding[i]) - start)
        return xp.outer(along[0], along[1])


def make_window(who: str, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool) -> Window:
    """Return the Window of a layer's settings; ArgumentError names the setting that makes no sense."""
    return Window(
        pair(who, "kernel_size", kernel_size, 1),
        pair(who, "stride", stride, 1),
        pair(who, "padding", padding, 0),
        bool(ceil_mode),
    )


def as_ints(size: Size) -> Size:
    """Return a checked setting in Python's own integers, as JSON and messages want it: one, or (height, width)."""
    return (int(size[0]), int(size[1])) if isinstance(size, tuple | list) else int(size)


def pair(who: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """Return (height, width) of a setting given as one number or as two."""
    both = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2:
        raise ArgumentError(f"{who}: {name} is {value!r}, expected one number or (height, width)")
    return check_count(who, name, both[0], least), check_count(who, name, both[1], least)
