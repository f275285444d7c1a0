"""What the layers of a network return, checked, so that a layer that breaks the contract is named, not the next one."""
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, ShapeError
from ..layers.base import Layer
from ..ops.arrays import Array, Shape, array_module
from .fast_layer import FastLayer

DTYPE_HINT = "; a constant such as np.where(x > 0, 1, 0.1) is float64: write .astype({})"


class SavedByLayer(dict):
    """What each layer saved, by its name; `input_shapes` has the shape of one image in front of each run of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.input_shapes: dict[str, Shape] = {}


def check_forward(name: str, layer: Layer, result: Any, x: Array, shape: Shape) -> tuple[Array, Any]:
    """Return (y, saved) if that is what a layer's forward returned.

    Parameters
    ----------
    name : str
        The layer's, in its network.
    layer : Layer
    result : object
        What forward returned.
    x : array
        Its input.
    shape : tuple of int
        What `output_shape` says for one image.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        Otherwise; the message names the layer.
    """
    y, _ = check_pair(name, layer, result)
    if not isinstance(y, array_module(x).ndarray):
        raise ArgumentError(f"{called(name, layer)}: its forward returned {value_text(y)} as y, expected an array")
    if y.dtype != x.dtype:
        hint = DTYPE_HINT.format("x.dtype") if y.dtype == "float64" else ""
        raise DtypeError(f"{called(name, layer)}: its forward returned {y.dtype} for a {x.dtype} input{hint}")
    if y.shape != (len(x), *shape):
        raise ShapeError(f"{called(name, layer)}: its forward returned an array of shape {y.shape}, "
                         f"its output_shape says {(len(x), *shape)}")
    return result


def check_pair(name: str, layer: Layer, result: Any) -> tuple[Array, Any]:
    """Return what a layer's forward returned if that is a pair; else raise ArgumentError."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(f"{called(name, layer)}: its forward returned {value_text(result)}, expected (y, saved)")
    return result


def check_saved(network: Any, saved: Any) -> None:
    """Raise ArgumentError unless `saved` is what this network's forward returned."""
    if not isinstance(saved, dict) or list(saved) != list(network.layers):
        found = "None (forward ran with save=False)" if saved is None else type(saved).__name__
        raise ArgumentError(f"{network.name}.backward: saved is {found}, expected what forward returned beside y")


def check_backward(
    name: str, layer: Layer, result: Any, dy: Array, shape: Shape | None, input_gradient: bool
) -> tuple[Array | None, dict[str, Any]]:
    """Return (dx, grads) if that is what a layer's backward returned.

    Parameters
    ----------
    name : str
    layer : Layer
    result : object
        What backward returned.
    dy : array
        Its upstream gradient.
    shape : tuple of int or None
        Of one image of its input, where that is known.
    input_gradient : bool
        Whether dx was asked for.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        Otherwise; the message names the layer.
    """
    if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], dict):
        raise ArgumentError(f"{called(name, layer)}: its backward returned {value_text(result)}, "
                            "expected (dx, dict of gradients)")
    dx, grads = result
    if input_gradient:
        if not isinstance(dx, array_module(dy).ndarray):
            raise ArgumentError(f"{called(name, layer)}: its backward returned {value_text(dx)} as dx, "
                                "expected an array")
        check_gradient(name, layer, "", dx, dy.dtype, dx.shape if shape is None else (len(dy), *shape), "its input has")
    for key, array in layer.params.items():
        gradient = grads.get(key)
        if isinstance(array, dict):  # a network's, which looks after its own layers
            continue
        if isinstance(gradient, np.generic):  # what a sum over all axes gives, for a parameter of no axis
            gradient = grads[key] = np.asarray(gradient)
        if not isinstance(gradient, array_module(dy).ndarray):
            raise ArgumentError(f"{called(name, layer)}: its backward returned {value_text(gradient)} as the "
                                f"gradient of {key!r}, expected an array")
        check_gradient(name, layer, f" as the gradient of {key!r}", gradient, array.dtype, array.shape, f"{key} has")
    return result


def check_gradient(
    name: str, layer: Layer, what: str, gradient: Array, dtype: Any, shape: Shape, owner: str
) -> None:
    """Raise DtypeError or ShapeError unless a gradient has the dtype and the shape of what it belongs to."""
    if gradient.dtype != dtype:
        hint = DTYPE_HINT.format("dy.dtype") if gradient.dtype == "float64" else ""
        raise DtypeError(
            f"{called(name, layer)}: its backward returned {gradient.dtype}{what} for a {dtype} gradient{hint}")
    if gradient.shape != shape:
        raise ShapeError(f"{called(name, layer)}: its backward returned an array of shape {gradient.shape}{what}, "
                         f"{owner} {shape}")


def called(name: str, layer: Layer) -> str:
    """Return how a message names a layer."""
    return f"layer {name!r} ({type(layer.layer if isinstance(layer, FastLayer) else layer).__name__})"


def value_text(value: Any) -> str:
    """Say in a few words what a function returned."""
    if value is None:
        return "None"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return "an array alone" if hasattr(value, "dtype") else f"a {type(value).__name__}"
