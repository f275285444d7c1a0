"""Strategies for hypothesis: images, windows that slide over them, and tinynet's layers with inputs for them.

A gradient check takes longer than the 0.2 s that hypothesis allows a test: `@settings(deadline=None)`, or a profile as
in examples/test_my_layer.py.
"""
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..layers.base import Layer
from ..network.params import single_layers
from ..ops.arrays import Array, Shape

try:
    from hypothesis import strategies as st
except ImportError as missing:
    raise ImportError("tinynet.testing's strategies need hypothesis, the extra 'testing': "
                      "pip install 'tinynet[testing]'") from missing

from .drawn_layers import DRAWN, window_and_image

Sizes = int | tuple[int, int]  # one size, or from the first to the second


class Case(NamedTuple):
    """A layer in float64 and a batch for it."""

    layer: Layer
    x: Array


class WindowCase(NamedTuple):
    """The settings of a window, {"kernel_size": ..., "stride": ..., "padding": ...}, and images that it fits into."""

    settings: dict[str, Any]
    x: Array


@st.composite
def images(
    draw: Any, batch: Sizes = (1, 3), height: Sizes = (1, 6), width: Sizes = (1, 6), channels: Sizes = (1, 4)
) -> Array:
    """Draw images, float64 (N, H, W, C), at which the usual layers have derivatives.

    All numbers in them are different, and none is 0: no two maxima tie, and no ReLU is at its kink.

    Parameters
    ----------
    batch, height, width, channels : int or (int, int)
        A size, or the smallest and the largest that is drawn.

    Examples
    --------
    >>> @settings(deadline=None)
    ... @given(images(channels=3))
    ... def test_my_layer(x):
    ...     assert_gradients(MyLayer(), x)
    """
    return draw_numbers(draw, tuple(draw_size(draw, name, size) for name, size in (
        ("batch", batch), ("height", height), ("width", width), ("channels", channels))))


@st.composite
def windows(
    draw: Any, ceil_mode: bool = False, pooling: bool = False, batch: Sizes = (1, 3), channels: Sizes = (1, 3)
) -> WindowCase:
    """Draw a sliding window's settings, and images (N, H, W, C) as from `images` that it fits into.

    Square and oblong windows, as large as the image or smaller, strides beyond the window, padding.

    Parameters
    ----------
    ceil_mode : bool
        True: the settings have "ceil_mode" too, and where it is true, the image may be smaller than the window.
    pooling : bool
        True: padding up to half the window, all that PyTorch's pooling takes; else up to 2.
    batch, channels : int or (int, int)
        As in `images`.

    Examples
    --------
    >>> @given(windows())
    ... def test_my_convolution(drawn):
    ...     settings, x = drawn
    ...     assert_gradients(MyConvolution(x.shape[3], 2, **settings), x)
    """
    ceil = ceil_mode and draw(st.booleans())
    most_padding = (lambda kernel: kernel // 2) if pooling else lambda kernel: 2
    settings, height, width = window_and_image(draw, most_padding, ceil)
    shape = draw_size(draw, "batch", batch), height, width, draw_size(draw, "channels", channels)
    return WindowCase(settings | ({"ceil_mode": ceil} if ceil_mode else {}), draw_numbers(draw, shape))


@st.composite
def layers(draw: Any, *kinds: type[Layer] | Callable[[Array], Layer], x: Any = None) -> Case:
    """Draw a layer in float64 with random parameters, and a batch for it: (layer, x).

    Parameters, running statistics too, are drawn also where a layer begins with zeros or ones, at which a forgotten
    factor would not show.

    Parameters
    ----------
    *kinds : class, or function
        Classes of tinynet's, `layers(tn.Conv2d, tn.MaxPool2d)`, whose settings are drawn too; all of them if nothing is
        given. For a layer of one's own a function that makes it for a batch: `layers(lambda x: Scale(x.shape[3]))`.
    x : strategy, optional
        What such a function gets, `images()` if not given.

    Raises
    ------
    ArgumentError
        When an example is drawn, for a class that is none of tinynet's.

    Examples
    --------
    >>> @given(layers(lambda x: Scale(x.shape[3])))
    ... def test_scale(drawn):
    ...     assert_gradients(*drawn)
    """
    kind = draw(st.sampled_from(kinds or tuple(DRAWN)))
    if kind in DRAWN:
        layer, shape = DRAWN[kind](draw)
        return Case(with_drawn_parameters(draw, layer), draw_numbers(draw, shape))
    if isinstance(kind, type) or not callable(kind):
        name = getattr(kind, "__name__", repr(kind))
        raise ArgumentError(f"layers: {name} is none of tinynet's classes, expected for a layer of your own a function "
                            f"that makes it for a batch: layers(lambda x: {name}(...))")
    batch = draw(images() if x is None else x)
    return Case(with_drawn_parameters(draw, kind(batch)), batch)


def with_drawn_parameters(draw: Any, layer: Layer) -> Layer:
    """Return a float64 copy of a layer with random parameters and running statistics."""
    layer = layer.astype("float64")
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    for _, single in single_layers(layer):  # a network has several
        for name, array in single.params.items():
            single.params[name] = generator.standard_normal(array.shape)
        for name, array in single.buffers.items():
            single.buffers[name] = generator.uniform(0.5, 2, array.shape)
    return layer


def draw_numbers(draw: Any, shape: Shape) -> Array:
    """Draw an array of numbers that are all different, none of them 0, between -0.5 and 0.5 or between -3 and 3."""
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    places = generator.permutation(int(np.prod(shape))) + 0.75
    return (places / len(places) - 0.5).reshape(shape) * draw(st.sampled_from([1.0, 6.0]))


def draw_size(draw: Any, name: str, size: Sizes) -> int:
    """Draw one size."""
    low, high = size if isinstance(size, tuple | list) and len(size) == 2 else (size, size)
    if not (isinstance(low, int) and isinstance(high, int) and 1 <= low <= high):
        raise ArgumentError(f"{name} is {size!r}, expected a size of at least 1, or (smallest, largest)")
    return draw(st.integers(low, high))
