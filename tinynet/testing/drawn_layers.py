"""How to draw the settings of each of tinynet's layers, and the shape of a batch for it; a new layer adds a row."""
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from .. import layers as tn
from ..layers.base import Layer
from ..ops.arrays import Shape

Drawn = tuple[Layer, Shape]  # a layer, and the shape of a batch with its images

small = st.integers(1, 3)


def window_and_image(
    draw: Any, most_padding: Callable[[int], int], ceil_mode: bool = False
) -> tuple[dict, int, int]:
    """Draw a window, square or not, and an image that it fits into with its padding: equal to it, or larger.

    With padding the image may be smaller than the window; with ceil_mode, too, which then reaches past the edge.
    """
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    padding = tuple(draw(st.integers(0, most_padding(k))) for k in kernel)
    least = [max(1, k - 2 * p - (min(2, s - 1) if ceil_mode else 0))
             for k, s, p in zip(kernel, stride, padding, strict=True)]
    height, width = (length + draw(st.integers(0, 5)) for length in least)
    return {"kernel_size": kernel, "stride": stride, "padding": padding}, height, width


def draw_conv(draw: Any) -> Drawn:
    ceil_mode = draw(st.booleans())
    window, h, w = window_and_image(draw, lambda kernel: 2, ceil_mode)
    groups, c, f = draw(small), draw(st.integers(1, 2)), draw(st.integers(1, 2))  # groups equal to channels at c = 1
    layer = tn.Conv2d(c * groups, f * groups, groups=groups, ceil_mode=ceil_mode, **window)
    return layer, (draw(small), h, w, c * groups)


def draw_local(draw: Any) -> Drawn:
    window, h, w = window_and_image(draw, lambda kernel: 2)
    c = draw(small)
    return tn.LocallyConnected2d(c, draw(small), input_size=(h, w), **window), (draw(small), h, w, c)


def draw_pool(kind: Any) -> Callable:
    def draw_it(draw: Any) -> Drawn:
        ceil_mode = draw(st.booleans())
        window, h, w = window_and_image(draw, lambda kernel: kernel // 2, ceil_mode)  # PyTorch takes no more padding
        return kind(ceil_mode=ceil_mode, **window), (draw(small), h, w, draw(small))

    return draw_it


def draw_lrn(draw: Any) -> Drawn:
    groups = draw(small)
    layer = tn.LocalResponseNorm(
        size=draw(st.sampled_from([1, 3, 5, 9])), alpha=draw(st.sampled_from([1e-4, 0.3, 1.0])),
        beta=draw(st.sampled_from([0.5, 0.75, 1.0])), k=draw(st.sampled_from([1.0, 2.0])), groups=groups,
    )
    return layer, (draw(small), draw(small), draw(small), groups * draw(st.integers(1, 6)))


def draw_spatial(draw: Any) -> Drawn:
    layer = tn.SpatialResponseNorm(
        size=draw(st.sampled_from([1, 3, 5])), alpha=draw(st.sampled_from([1e-4, 1.0])),
        beta=draw(st.sampled_from([0.5, 0.75, 1.0])), k=draw(st.sampled_from([1.0, 2.0])),
    )
    return layer, (draw(small), draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(small))


def draw_fire(draw: Any) -> Drawn:
    layer = tn.Fire(draw(small), draw(small), draw(small), draw(small))
    return layer, (draw(small), draw(st.integers(1, 4)), draw(st.integers(1, 4)), layer.in_channels)


def draw_flat_norm(draw: Any) -> Drawn:
    features = draw(st.integers(1, 5))
    return tn.BatchNorm1d(features, eps=draw(st.sampled_from([1e-5, 0.1]))), (draw(st.integers(2, 6)), features)


def draw_norm(draw: Any) -> Drawn:
    c = draw(small)
    layer = tn.BatchNorm2d(c, eps=draw(st.sampled_from([1e-5, 0.1])))
    return layer, (draw(small), draw(st.integers(2, 4)), draw(small), c)


def draw_linear(draw: Any) -> Drawn:
    inputs = draw(st.integers(1, 7))
    return tn.Linear(inputs, draw(st.integers(1, 7))), (draw(st.integers(1, 4)), inputs)


def any_shape(kind: Any) -> Callable:
    def draw_it(draw: Any) -> Drawn:
        return kind(), tuple(draw(st.lists(st.integers(1, 5), min_size=2, max_size=4)))

    return draw_it


DRAWN: dict[Any, Callable[[Any], Drawn]] = {
    tn.Conv2d: draw_conv,
    tn.Fire: draw_fire,
    tn.LocallyConnected2d: draw_local,
    tn.Linear: draw_linear,
    tn.ReLU: any_shape(tn.ReLU),
    tn.Tanh: any_shape(tn.Tanh),
    tn.Sigmoid: any_shape(tn.Sigmoid),
    tn.LocalResponseNorm: draw_lrn,
    tn.SpatialResponseNorm: draw_spatial,
    tn.MaxPool2d: draw_pool(tn.MaxPool2d),
    tn.AvgPool2d: draw_pool(tn.AvgPool2d),
    tn.Dropout: any_shape(tn.Dropout),
    tn.BatchNorm1d: draw_flat_norm,
    tn.BatchNorm2d: draw_norm,
    tn.Flatten: any_shape(tn.Flatten),
    tn.Softmax: any_shape(tn.Softmax),
}
