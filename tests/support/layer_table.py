"""The table of layers: for each an independent PyTorch form of it; `tinynet.testing` draws settings and inputs.

A new layer adds one row to `TABLE`, and one to `DRAWN` in tinynet/testing/drawn_layers.py. Images are (N, H, W, C)
here, and (N, C, H, W) inside the references.
"""
from collections.abc import Callable
from typing import Any, NamedTuple

import tinynet as tn
from tinynet.layers.base import Layer
from tinynet.testing import layers


class Row(NamedTuple):
    """A class, and the same layer in PyTorch: (torch module, layer, x, parameters) to y."""

    kind: type[Layer]
    reference: Callable[..., Any]


def draw_case(draw: Any, row: Row) -> Any:
    """Draw a layer with random parameters (biases too), and a batch without ties or kinks nearby."""
    return draw(layers(row.kind))


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


def conv(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    sizes = []
    for i, length in enumerate(x.shape[1:3]):
        k, s, pad = layer.kernel_size[i], layer.stride[i], layer.padding[i]
        reach = (windows_along(length, k, s, pad, layer.ceil_mode) - 1) * s + k
        sizes.append((pad, max(pad, reach - pad - length)))
    x = torch.nn.functional.pad(nchw(x), (*sizes[1], *sizes[0]))
    w = p["w"].permute(3, 2, 0, 1).contiguous()
    return nhwc(torch.nn.functional.conv2d(x, w, p["b"], stride=layer.stride, groups=layer.groups))


def fire(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    def conv2d(x: Any, name: str, padding: int) -> Any:
        w = p[f"{name}_w"].permute(3, 2, 0, 1).contiguous()
        return torch.nn.functional.conv2d(x, w, p[f"{name}_b"], padding=padding)

    squeezed = torch.relu(conv2d(nchw(x), "squeeze", 0))
    return nhwc(torch.relu(torch.cat([conv2d(squeezed, "expand1", 0), conv2d(squeezed, "expand3", 1)], dim=1)))


def local(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    cols = torch.nn.functional.unfold(nchw(x), layer.kernel_size, padding=layer.padding, stride=layer.stride)
    oh, ow, _, f = p["w"].shape
    (kh, kw), c = layer.kernel_size, layer.in_channels
    w = p["w"].reshape(oh * ow, kh, kw, c, f).permute(0, 3, 1, 2, 4).reshape(oh * ow, c * kh * kw, f)
    return torch.einsum("nkp,pkf->npf", cols, w).reshape(-1, oh, ow, f) + p["b"]


def max_pool(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    f = torch.nn.functional.max_pool2d
    return nhwc(f(nchw(x), layer.kernel_size, layer.stride, layer.padding, ceil_mode=layer.ceil_mode))


def avg_pool(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    f = torch.nn.functional.avg_pool2d
    return nhwc(f(nchw(x), layer.kernel_size, layer.stride, layer.padding, ceil_mode=layer.ceil_mode))


def lrn(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    f = torch.nn.functional.local_response_norm  # its alpha is divided by size
    towers = nchw(x).chunk(layer.groups, dim=1)
    return nhwc(torch.cat([f(t, layer.size, layer.alpha * layer.size, layer.beta, layer.k) for t in towers], dim=1))


def spatial(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    mean = torch.nn.functional.avg_pool2d(nchw(x * x), layer.size, 1, layer.size // 2)  # counts the zeros around
    return x / (layer.k + layer.alpha * layer.size**2 * nhwc(mean)) ** layer.beta


def batch_norm(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    f = torch.nn.functional.batch_norm
    return nhwc(f(nchw(x), None, None, p["w"], p["b"], training=True, eps=layer.eps))


def flat_batch_norm(torch: Any, layer: Any, x: Any, p: dict) -> Any:
    return torch.nn.functional.batch_norm(x, None, None, p["w"], p["b"], training=True, eps=layer.eps)


TABLE: dict[str, Row] = {
    "Conv2d": Row(tn.Conv2d, conv),
    "Fire": Row(tn.Fire, fire),
    "LocallyConnected2d": Row(tn.LocallyConnected2d, local),
    "Linear": Row(tn.Linear, lambda torch, layer, x, p: x @ p["w"] + p["b"]),
    "ReLU": Row(tn.ReLU, lambda torch, layer, x, p: torch.relu(x)),
    "Tanh": Row(tn.Tanh, lambda torch, layer, x, p: torch.tanh(x)),
    "Sigmoid": Row(tn.Sigmoid, lambda torch, layer, x, p: torch.sigmoid(x)),
    "LocalResponseNorm": Row(tn.LocalResponseNorm, lrn),
    "SpatialResponseNorm": Row(tn.SpatialResponseNorm, spatial),
    "MaxPool2d": Row(tn.MaxPool2d, max_pool),
    "AvgPool2d": Row(tn.AvgPool2d, avg_pool),
    "Dropout": Row(tn.Dropout, lambda torch, layer, x, p: x * torch.tensor(layer.last_mask)),
    "BatchNorm1d": Row(tn.BatchNorm1d, flat_batch_norm),
    "BatchNorm2d": Row(tn.BatchNorm2d, batch_norm),
    "Flatten": Row(tn.Flatten, lambda torch, layer, x, p: x.flatten(1)),
    "Softmax": Row(tn.Softmax, lambda torch, layer, x, p: torch.softmax(x, -1)),
}
