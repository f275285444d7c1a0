"""Where a number came from: every term that was added, for each layer's output and gradients.

`step.explain(...)` of a trace calls it. What a layer adds up is written here, outside the layer's file, and read from
the arrays of the pass, so that each explanation is also a check: the terms' sum has to be the number in the array.
What is said about it is in texts.toml.
"""
from collections.abc import Callable
from typing import NamedTuple

from ...errors import ArgumentError, ShapeError
from ...layers import (
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
from ...layers.base import Layer
from ...layers.loss_layer import SoftmaxCrossEntropy
from ...network.params import flat
from ..records import StepRecord
from . import batch_norm, conv, elementwise, fire, linear, own_layer, pooling, response_norm, softmax
from .explanation import Explanation
from .terms import Factor, Part, SeenWindow, Term

__all__ = ["EXPLAINERS", "Explainer", "Explanation", "Factor", "Part", "SeenWindow", "Term", "explain"]


class Explainer(NamedTuple):
    """What explains a kind of layer: functions of a step and an index, (step, at) or (step, name, at)."""

    output: Callable[[StepRecord, tuple[int, ...]], Explanation]
    input_gradient: Callable[[StepRecord, tuple[int, ...]], Explanation]
    param_gradient: Callable[[StepRecord, str, tuple[int, ...]], Explanation] = own_layer.param_gradient


tanh = elementwise.Squash("tanh", "Tanh.output", "Tanh.x", "(1 - y[]**2)")
sigmoid = elementwise.Squash("sigmoid", "Sigmoid.output", "Sigmoid.x", "y[] * (1 - y[])")
convolution = Explainer(conv.output, conv.input_gradient, conv.param_gradient)
response = Explainer(response_norm.output, response_norm.input_gradient)
normalization = Explainer(batch_norm.output, batch_norm.input_gradient, batch_norm.param_gradient)

EXPLAINERS: dict[type[Layer], Explainer] = {
    Conv2d: convolution,
    LocallyConnected2d: convolution,
    Fire: Explainer(fire.output, fire.input_gradient, fire.param_gradient),
    Linear: Explainer(linear.output, linear.input_gradient, linear.param_gradient),
    MaxPool2d: Explainer(pooling.Max.output, pooling.Max.input_gradient),
    AvgPool2d: Explainer(pooling.Average.output, pooling.Average.input_gradient),
    LocalResponseNorm: response,
    SpatialResponseNorm: response,
    BatchNorm1d: normalization,
    BatchNorm2d: normalization,
    ReLU: Explainer(elementwise.Rectifier.output, elementwise.Rectifier.input_gradient),
    Tanh: Explainer(tanh.output, tanh.input_gradient),
    Sigmoid: Explainer(sigmoid.output, sigmoid.input_gradient),
    Dropout: Explainer(elementwise.Mask.output, elementwise.Mask.input_gradient),
    Flatten: Explainer(elementwise.Flattened.output, elementwise.Flattened.input_gradient),
    Softmax: Explainer(softmax.Rows.output, softmax.Rows.input_gradient),
    SoftmaxCrossEntropy: Explainer(softmax.Loss.output, softmax.Loss.input_gradient),
}
ANY_LAYER = Explainer(own_layer.output, own_layer.input_gradient, own_layer.param_gradient)
MATHEMATICS = {"forward", "backward", "input_gradient", "param_gradients"}


def explain(
    step: StepRecord, output: tuple[int, ...] | None = None, grad: str | None = None, at: tuple[int, ...] | None = None
) -> Explanation:
    """Return the Explanation of one number of a step; see `Step.explain`."""
    known = explainer_of(step.layer)
    if (output is None) == (grad is None) or (grad is None) != (at is None):
        raise ArgumentError(
            f"{step.name}.explain: give output=(index), or grad=name and at=(index), for example grad='x', at=(0, ...)"
        )
    if output is not None:
        return known.output(step, check_index(f"{step.name}.output", output, step.output.shape))
    arrays = {"x": step.input_gradient} | {".".join(path): array for path, array in flat(step.gradients).items()}
    if grad not in arrays:
        names = ", ".join(map(repr, arrays))
        raise ArgumentError(f"{step.name}.explain: the step has no gradient of {grad!r}, only those of {names}")
    if grad == "x" and ("x",) in flat(step.gradients):
        raise ArgumentError(f"{step.name}.explain: the layer has a parameter called x, which is the input's name here: "
                            "give the parameter another one")
    index = check_index(f"the gradient of {step.name}.{grad}", at, arrays[grad].shape)
    return known.input_gradient(step, index) if grad == "x" else known.param_gradient(step, grad, index)


def explainer_of(layer: Layer) -> Explainer:
    """Return what explains a layer: that of its class or of one it inherits from and whose mathematics it keeps."""
    changed: set[str] = set()
    for kind in type(layer).__mro__:
        if kind in EXPLAINERS:
            return ANY_LAYER if changed & (MATHEMATICS | own_methods(kind)) else EXPLAINERS[kind]
        changed |= set(vars(kind))
    return ANY_LAYER


def own_methods(kind: type[Layer]) -> set[str]:
    """Return the names of the methods that a class, or one between it and Layer, adds to those of every layer."""
    between = [each for each in kind.__mro__ if issubclass(each, Layer) and each is not Layer]
    return {name for each in between for name, value in vars(each).items()
            if callable(value) and not name.startswith("__")}


def check_index(what: str, index: object, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `index` as plain numbers if it is in the range of an array of `shape`; else raise ShapeError."""
    numbers = tuple(index) if isinstance(index, tuple | list) else (index,)
    whole = all(hasattr(number, "__index__") and not isinstance(number, bool) for number in numbers)
    fits = whole and len(numbers) == len(shape) and all(0 <= i < n for i, n in zip(numbers, shape, strict=True))
    if not fits:
        raise ShapeError(
            f"index {index} is out of range for {what}, which has shape {shape}: "
            f"expected {len(shape)} whole numbers, each from 0 to less than the length of its axis"
        )
    return tuple(number.__index__() for number in numbers)
