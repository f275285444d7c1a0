"""A network as ONNX's operators: which node stands for which layer, for writing files and for checking those read.

ONNX has images as (N, C, H, W), operators without classes, and a name for every array that goes from one to the next.
"""
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import WeightsError
from ..layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Fire,
    Flatten,
    Linear,
    LocallyConnected2d,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Softmax,
    SpatialResponseNorm,
    Tanh,
)
from ..layers.base import Layer
from ..network import Network
from ..network.network import layers_in_line
from ..ops.arrays import Shape, shape_text
from ..ops.window import Window

IMAGES = "images"  # what the arrays at both ends of a graph are called
SCORES = "scores"
OPERATOR_SET = 13  # of 2020: nothing newer is needed, and older programs read it


class Node(NamedTuple):
    """One operator of a graph.

    Attributes
    ----------
    layer : str
        The layer that it stands for, or a part of.
    op : str
        ONNX's name of the operator, "Conv".
    inputs, outputs : tuple of str
        The arrays that go in and come out.
    attributes : dict
        ONNX's, such as kernel_shape.
    weights : tuple of str
        The layer's parameters and running statistics that follow the inputs, in ONNX's order.
    constant : array or None
        Whole numbers that follow the inputs.
    image_size : (H, W), or None
        Of the images that go in; None for rows.
    """

    layer: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    weights: tuple[str, ...]
    constant: np.ndarray | None
    image_size: tuple[int, ...] | None


class Builder:
    """What one layer adds its nodes to: it knows the layer's name, the shape of what comes in, and what follows."""

    def __init__(self, nodes: list[Node], layer: str, shape: Shape, following: list[Layer]) -> None:
        self.nodes, self.layer, self.shape, self.following = nodes, layer, shape, following

    def add(
        self, op: str, *inputs: str, outputs: int = 1, weights: tuple[str, ...] = (),
        constant: np.ndarray | None = None, image_size: tuple[int, ...] | None = None, **attributes: Any,
    ) -> Any:
        """Add a node; return the name of its output, or of its outputs where there are several."""
        count = sum(node.op == op and node.layer == self.layer for node in self.nodes)
        name = f"/{self.layer}/{op}" + (f"_{count}" if count else "")  # no layer's name has a slash in it
        names = (name,) if outputs == 1 else tuple(f"{name}:{i}" for i in range(outputs))
        image_size = image_size or (self.shape[:2] if len(self.shape) == 3 else None)
        self.nodes.append(Node(self.layer, op, inputs, names, attributes, weights, constant, image_size))
        return names[0] if outputs == 1 else names


def nodes_of(net: Network) -> list[Node]:
    """Return the operators of a network, in their order.

    Raises
    ------
    WeightsError
        For a layer that ONNX has no operator for, by its name; for a network that does not say its images' size, or
        whose class has a forward of its own.
    """
    if type(net).forward is not Network.forward:
        raise WeightsError(f"{net.name} has no form in ONNX: its class {type(net).__name__} has a forward of its own")
    shape = net.input_shape
    if shape is None or len(shape) not in (1, 3):
        found = "is not given" if shape is None else f"is {shape_text(shape)}"
        raise WeightsError(f"{net.name} has no form in ONNX: its input_shape {found}, expected (H, W, C) or "
                           "(features,)")
    net.shapes(shape)  # ShapeError where a layer does not fit the one before it
    nodes: list[Node] = []
    layers, x = list(layers_in_line(net)), IMAGES
    for i, (name, layer) in enumerate(layers):
        if type(layer) not in OPERATORS:
            reason = REASONS.get(type(layer), "only tinynet's own layers have operators in ONNX")
            raise WeightsError(f"{net.name} has no form in ONNX: layer {name} is a {type(layer).__name__}, and "
                               f"{reason}")
        if isinstance(layer, LocalResponseNorm) and len(shape) != 3:
            raise WeightsError(f"{net.name} has no form in ONNX: layer {name}, a LocalResponseNorm, gets rows, "
                               "and ONNX's LRN takes images alone")
        x = OPERATORS[type(layer)](Builder(nodes, name, shape, [other for _, other in layers[i + 1 :]]), layer, x)
        shape = layer.output_shape(shape)
    return nodes


# A function for each layer: it adds the layer's nodes behind the array `x`, and returns the name of what they give.


def conv(graph: Builder, layer: Conv2d, x: str, weights: tuple[str, ...] = ("w", "b")) -> str:
    return graph.add("Conv", x, weights=weights, **window(layer.window, graph.shape), group=layer.groups)


def fire(graph: Builder, layer: Fire, x: str) -> str:
    squeeze, expand1, expand3 = layer.convolutions.values()
    squeezed = graph.add("Relu", conv(graph, squeeze, x, ("squeeze_w", "squeeze_b")))
    sides = [graph.add("Relu", conv(graph, each, squeezed, (f"{name}_w", f"{name}_b")))
             for name, each in (("expand1", expand1), ("expand3", expand3))]
    return graph.add("Concat", *sides, axis=1)


def linear(graph: Builder, layer: Linear, x: str) -> str:
    return graph.add("Gemm", x, weights=("w", "b"), transB=1)                  # y = x @ B.T + C, B as (out, in)


def response_norm(graph: Builder, layer: LocalResponseNorm, x: str) -> str:
    settings: dict[str, Any] = {
        "size": layer.size, "alpha": layer.alpha * layer.size, "beta": layer.beta, "bias": layer.k}
    if layer.groups == 1:
        return graph.add("LRN", x, **settings)
    towers = graph.add("Split", x, outputs=layer.groups, axis=1)
    return graph.add("Concat", *(graph.add("LRN", tower, **settings) for tower in towers), axis=1)


def batch_norm(graph: Builder, layer: BatchNorm1d | BatchNorm2d, x: str) -> str:
    return graph.add("BatchNormalization", x, weights=("w", "b", "running_mean", "running_variance"), epsilon=layer.eps)


def max_pool(graph: Builder, layer: MaxPool2d, x: str) -> str:
    if layer.window.kernel == layer.window.stride == (1, 1):
        return x
    return graph.add("MaxPool", x, **window(layer.window, graph.shape))


def avg_pool(graph: Builder, layer: AvgPool2d, x: str) -> str:
    """Padding counts in the mean, and what ceil_mode adds does not; ONNX's operator counts both or neither."""
    geometry, (h, w, _) = layer.window, graph.shape
    if geometry.kernel == geometry.stride == (1, 1):
        return x
    top, left = geometry.padding
    if (top, left) != (0, 0):
        x = graph.add("Pad", x, constant=np.array([0, 0, top, left, 0, 0, top, left], np.int64))
        h, w, geometry = h + 2 * top, w + 2 * left, geometry._replace(padding=(0, 0))
    oh, ow = layer.window.output_size(graph.shape[:2])
    bottom, right = (max(0, (count - 1) * stride + kernel - length) for count, stride, kernel, length in zip(
        (oh, ow), geometry.stride, geometry.kernel, (h, w), strict=True))
    return graph.add("AveragePool", x, image_size=(h, w), kernel_shape=geometry.kernel, strides=geometry.stride,
                     pads=(0, 0, bottom, right), count_include_pad=0)


def flatten(graph: Builder, layer: Flatten, x: str) -> str:
    """Ours gives H, W, C, theirs C, H, W; the weights of a Linear that follows are put in that order instead."""
    if len(graph.shape) == 1:
        return x
    h, w, c = graph.shape
    if h * w > 1 and c > 1 and not any(isinstance(later, Linear) for later in graph.following):
        x = graph.add("Transpose", x, perm=(0, 2, 3, 1))
    return graph.add("Flatten", x, axis=1)


def window(geometry: Window, shape: Shape) -> dict[str, Any]:
    """Return ONNX's attributes of a window; all that ceil_mode adds is padding at the end there."""
    (top, bottom), (left, right) = geometry.edges((shape[0], shape[1]))
    return {"kernel_shape": geometry.kernel, "strides": geometry.stride, "pads": (top, left, bottom, right)}


def single(op: str, **attributes: Any) -> Callable[[Builder, Layer, str], str]:
    """Return the function of a layer that is one operator, without numbers of its own."""
    return lambda graph, layer, x: graph.add(op, x, **attributes)


OPERATORS: dict[type, Callable[[Builder, Any, str], str]] = {
    Conv2d: conv, Fire: fire, Linear: linear, LocalResponseNorm: response_norm, BatchNorm1d: batch_norm,
    BatchNorm2d: batch_norm, MaxPool2d: max_pool, AvgPool2d: avg_pool, Flatten: flatten, ReLU: single("Relu"),
    Tanh: single("Tanh"), Sigmoid: single("Sigmoid"), Softmax: single("Softmax", axis=1),
    Dropout: lambda graph, layer, x: x,  # outside training nothing happens to x
}
REASONS: dict[type, str] = {
    LocallyConnected2d: "ONNX has no convolution with filters of its own at each place",
    SpatialResponseNorm: "ONNX's LRN sums over nearby channels, not over nearby places",
}
