"""The table of layers: for each, settings and shapes to draw, and an independent PyTorch form of it.

A new layer adds one row to `TABLE`. Images are (N, H, W, C) here, and (N, C, H, W) inside the references.
"""
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import tinynet as tn
from tinynet.layers.base import Layer

small = st.integers(1, 3)


class Case(NamedTuple):
    """A layer in float64 and a batch for it."""

    layer: Layer
    x: np.ndarray


class Row(NamedTuple):
    """How to draw a layer's case, and the same layer in PyTorch: (torch module, layer, x, parameters) to y."""

    draw: Callable[[Any], tuple[Layer, tuple[int, ...]]]
    reference: Callable[..., Any]


def draw_case(draw: Any, row: Row) -> Case:
    """Draw a layer with random parameters (biases too), and a batch without ties or kinks nearby."""
    layer, shape = row.draw(draw)
    layer = layer.astype("float64")
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    for name, array in layer.params.items():
        layer.params[name] = generator.standard_normal(array.shape)
    for name, array in layer.buffers.items():
        layer.buffers[name] = generator.uniform(0.5, 2, array.shape)
    places = generator.permutation(int(np.prod(shape))) + 0.75  # all different, none becomes 0
    x = (places / len(places) - 0.5).reshape(shape) * draw(st.sampled_from([1.0, 6.0]))
    return Case(layer, x)


def window_and_image(
    draw: Any, most_padding: Callable[[int], int], ceil_mode: bool = False
) -> tuple[dict, int, int]:
    """Draw a window, square or not, and an image that it fits into: equal to it, or larger, or stride beyond it.

    With ceil_mode the image may be smaller than the window, which then reaches past its edge.
    """
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    padding = tuple(draw(st.integers(0, most_padding(k))) for k in kernel)
    least = [max(1, k - min(2, s - 1)) if ceil_mode else k for k, s in zip(kernel, stride, strict=True)]
    height, width = (length + draw(st.integers(0, 5)) for length in least)
    return {"kernel_size": kernel, "stride": stride, "padding": padding}, height, width


def nchw(x: Any) -> Any:
    return x.permute(0, 3, 1, 2)


def nhwc(x: Any) -> Any:
    return x.permute(0, 2, 3, 1)


def windows_along(length: int, kernel: int, stride: int, padding: int, ceil_mode: bool) -> int:
    """Count windows one by one, as the definition of ceil_mode says."""
    start, count = -padding, 0
    while start + kernel <= length + padding or (
        ceil_mode and start - stride + kernel < length + padding and start < length
    ):
        start, count = start + stride, count + 1
    return count


def draw_conv(draw: Any) -> tuple[Layer, tuple[int, ...]]:
    ceil_mode = draw(st.booleans())
    window, h, w = window_and_image(draw, lambda kernel: 2, ceil_mode)
    groups, c, f = draw(small), draw(st.integers(1, 2)), draw(st.integers(1, 2))  # groups equal to channels at c = 1
    layer = tn.Conv2d(c * groups, f * groups, groups=groups, ceil_mode=ceil_mode, **window)
    return layer, (draw(small), h, w, c * groups)


def conv(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    sizes = []
    for i, length in enumerate(x.shape[1:3]):
        k, s, pad = layer.kernel_size[i], layer.stride[i], layer.padding[i]
        reach = (windows_along(length, k, s, pad, layer.ceil_mode) - 1) * s + k
        sizes.append((pad, max(pad, reach - pad - length)))
    x = torch.nn.functional.pad(nchw(x), (*sizes[1], *sizes[0]))
    w = p["w"].permute(3, 2, 0, 1).contiguous()
    return nhwc(torch.nn.functional.conv2d(x, w, p["b"], stride=layer.stride, groups=layer.groups))


def draw_fire(draw: Any) -> tuple[Layer, tuple[int, ...]]:
    layer = tn.Fire(draw(small), draw(small), draw(small), draw(small))
    return layer, (draw(small), draw(st.integers(1, 4)), draw(st.integers(1, 4)), layer.in_channels)


def fire(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    def conv2d(x: Any, name: str, padding: int) -> Any:
        w = p[f"{name}_w"].permute(3, 2, 0, 1).contiguous()
        return torch.nn.functional.conv2d(x, w, p[f"{name}_b"], padding=padding)

    squeezed = torch.relu(conv2d(nchw(x), "squeeze", 0))
    return nhwc(torch.relu(torch.cat([conv2d(squeezed, "expand1", 0), conv2d(squeezed, "expand3", 1)], dim=1)))


def draw_local(draw: Any) -> tuple[Layer, tuple[int, ...]]:
    window, h, w = window_and_image(draw, lambda kernel: 2)
    c = draw(small)
    return tn.LocallyConnected2d(c, draw(small), input_size=(h, w), **window), (draw(small), h, w, c)


def local(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    cols = torch.nn.functional.unfold(nchw(x), layer.kernel_size, padding=layer.padding, stride=layer.stride)
    oh, ow, _, f = p["w"].shape
    (kh, kw), c = layer.kernel_size, layer.in_channels
    w = p["w"].reshape(oh * ow, kh, kw, c, f).permute(0, 3, 1, 2, 4).reshape(oh * ow, c * kh * kw, f)
    return torch.einsum("nkp,pkf->npf", cols, w).reshape(-1, oh, ow, f) + p["b"]


def draw_pool(kind: Any) -> Callable:
    def draw_it(draw: Any) -> tuple[Layer, tuple[int, ...]]:
        ceil_mode = draw(st.booleans())
        window, h, w = window_and_image(draw, lambda kernel: kernel // 2, ceil_mode)  # PyTorch takes no more padding
        return kind(ceil_mode=ceil_mode, **window), (draw(small), h, w, draw(small))

    return draw_it


def max_pool(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    f = torch.nn.functional.max_pool2d
    return nhwc(f(nchw(x), layer.kernel_size, layer.stride, layer.padding, ceil_mode=layer.ceil_mode))


def avg_pool(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    f = torch.nn.functional.avg_pool2d
    return nhwc(f(nchw(x), layer.kernel_size, layer.stride, layer.padding, ceil_mode=layer.ceil_mode))


def draw_lrn(draw: Any) -> tuple[Layer, tuple[int, ...]]:
    groups = draw(small)
    layer = tn.LocalResponseNorm(
        size=draw(st.sampled_from([1, 3, 5, 9])), alpha=draw(st.sampled_from([1e-4, 0.3, 1.0])),
        beta=draw(st.sampled_from([0.5, 0.75, 1.0])), k=draw(st.sampled_from([1.0, 2.0])), groups=groups,
    )
    return layer, (draw(small), draw(small), draw(small), groups * draw(st.integers(1, 6)))


def lrn(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    f = torch.nn.functional.local_response_norm  # its alpha is divided by size
    towers = nchw(x).chunk(layer.groups, dim=1)
    return nhwc(torch.cat([f(t, layer.size, layer.alpha * layer.size, layer.beta, layer.k) for t in towers], dim=1))


def draw_spatial(draw: Any) -> tuple[Layer, tuple[int, ...]]:
    layer = tn.SpatialResponseNorm(
        size=draw(st.sampled_from([1, 3, 5])), alpha=draw(st.sampled_from([1e-4, 1.0])),
        k=draw(st.sampled_from([1.0, 2.0])),
    )
    return layer, (draw(small), draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(small))


def spatial(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    mean = torch.nn.functional.avg_pool2d(nchw(x * x), layer.size, 1, layer.size // 2)  # counts the zeros around
    return x / (layer.k + layer.alpha * layer.size**2 * nhwc(mean)) ** layer.beta


def draw_norm(draw: Any) -> tuple[Layer, tuple[int, ...]]:
    c = draw(small)
    layer = tn.BatchNorm2d(c, eps=draw(st.sampled_from([1e-5, 0.1])))
    return layer, (draw(small), draw(st.integers(2, 4)), draw(small), c)


def batch_norm(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    f = torch.nn.functional.batch_norm
    return nhwc(f(nchw(x), None, None, p["w"], p["b"], training=True, eps=layer.eps))


def draw_linear(draw: Any) -> tuple[Layer, tuple[int, ...]]:
    inputs = draw(st.integers(1, 7))
    return tn.Linear(inputs, draw(st.integers(1, 7))), (draw(st.integers(1, 4)), inputs)


def any_shape(kind: Any) -> Callable:
    def draw_it(draw: Any) -> tuple[Layer, tuple[int, ...]]:
        return kind(), tuple(draw(st.lists(st.integers(1, 5), min_size=2, max_size=4)))

    return draw_it


TABLE: dict[str, Row] = {
    "Conv2d": Row(draw_conv, conv),
    "Fire": Row(draw_fire, fire),
    "LocallyConnected2d": Row(draw_local, local),
    "Linear": Row(draw_linear, lambda torch, layer, x, p: x @ p["w"] + p["b"]),
    "ReLU": Row(any_shape(tn.ReLU), lambda torch, layer, x, p: torch.relu(x)),
    "Tanh": Row(any_shape(tn.Tanh), lambda torch, layer, x, p: torch.tanh(x)),
    "Sigmoid": Row(any_shape(tn.Sigmoid), lambda torch, layer, x, p: torch.sigmoid(x)),
    "LocalResponseNorm": Row(draw_lrn, lrn),
    "SpatialResponseNorm": Row(draw_spatial, spatial),
    "MaxPool2d": Row(draw_pool(tn.MaxPool2d), max_pool),
    "AvgPool2d": Row(draw_pool(tn.AvgPool2d), avg_pool),
    "Dropout": Row(any_shape(tn.Dropout), lambda torch, layer, x, p: x * torch.tensor(layer.last_mask)),
    "BatchNorm2d": Row(draw_norm, batch_norm),
    "Flatten": Row(any_shape(tn.Flatten), lambda torch, layer, x, p: x.flatten(1)),
    "Softmax": Row(any_shape(tn.Softmax), lambda torch, layer, x, p: torch.softmax(x, -1)),
}
