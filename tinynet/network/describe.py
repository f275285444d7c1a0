"""Layers and initializations in words, for summaries and comparisons."""
from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from .. import layers
from ..layers.base import Layer
from .params import layers_of


def describe(layer: Layer) -> str:
    """Return a layer's class and settings, usual strides and paddings left out: "Conv2d 96 of 11x11x3, stride 4"."""
    if inner := layers_of(layer):
        return f"{type(layer).__name__} of {', '.join(inner)}"
    s, ours = layer.settings, getattr(layers, type(layer).__name__, None)
    kind = type(layer).__name__ if ours is not None and isinstance(layer, ours) else ""  # one's own may have any name
    if kind in ("Conv2d", "LocallyConnected2d"):
        seen = s["in_channels"] // s.get("groups", 1)
        parts = [f"{s['out_channels']} of {size(s['kernel_size'])}x{seen}", *window_parts(s, usual_stride=1)]
        parts += [f"{s['groups']} groups"] if s.get("groups", 1) > 1 else []
    elif kind in ("MaxPool2d", "AvgPool2d"):
        parts = [size(s["kernel_size"]), *window_parts(s, usual_stride=None)]
    elif kind == "Linear":
        parts = [f"{s['in_features']} to {s['out_features']}"]
    elif kind == "LocalResponseNorm":
        parts = [f"{s['size']} channels", *constants(s)]
        parts += [f"{s['groups']} groups"] if s["groups"] > 1 else []
    elif kind == "SpatialResponseNorm":
        parts = [f"{size(s['size'])} places", *constants(s)]
    else:
        parts = [f"{key} {shorten(str(value), 60, placeholder=' ...')}" for key, value in s.items()]
    return f"{type(layer).__name__} {', '.join(parts)}".strip()


def constants(s: Mapping[str, Any]) -> list[str]:
    """Return a response normalization's k, alpha and beta."""
    return [f"k {s['k']:g}", f"alpha {s['alpha']:.3g}", f"beta {s['beta']:g}"]


def window_parts(s: Mapping[str, Any], usual_stride: int | None) -> list[str]:
    """Return stride, padding and rounding where they are not the usual ones."""
    parts = [f"stride {size(s['stride'], one=True)}"] if s["stride"] != usual_stride else []
    parts += [f"padding {size(s['padding'], one=True)}"] if s["padding"] not in (0, (0, 0), [0, 0]) else []
    return parts + (["rounded up"] if s.get("ceil_mode") else [])


def size(value: Any, one: bool = False) -> str:
    """Write a size given as one number or as (height, width): "3x3", or with `one` "3" where both are equal."""
    height, width = value if isinstance(value, tuple | list) else (value, value)
    return str(height) if one and height == width else f"{height}x{width}"


def initialization_text(initialization: Mapping[str, tuple[float, float]]) -> str:
    """Write an initialization, the commonest first: "weights N(0, 0.01²), N(0, 0.03²) in fc8; biases 0, 1 in fc8"."""
    stds = {name: f"N(0, {std:.2g}²)" for name, (std, _) in initialization.items()}
    biases = {name: f"{bias:g}" for name, (_, bias) in initialization.items()}
    return f"weights {commonest_first(stds)}; biases {commonest_first(biases)}"


def commonest_first(by_layer: Mapping[str, str]) -> str:
    """Write what most layers have, then the exceptions with the names of their layers."""
    values = list(by_layer.values())
    kinds = sorted(dict.fromkeys(values), key=lambda value: -values.count(value))
    if len(kinds) == len(values) > 1:
        return ", ".join(f"{value} in {name}" for name, value in by_layer.items())
    exceptions = (
        f"{kind} in {', '.join(name for name, value in by_layer.items() if value == kind)}" for kind in kinds[1:]
    )
    return ", ".join([kinds[0], *exceptions])
