"""What the model files share: activations, initializations, and the check of a choice."""
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import ArgumentError
from ..layers import Dropout, ReLU, Sigmoid, Tanh
from ..layers.base import Layer

Initialization = dict[str, tuple[float, float]]  # by layer: standard deviation of the weights, value of the biases

ACTIVATIONS: dict[str, Callable[[], Layer]] = {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid}

# What torchvision's weights expect: pixels / 255, minus these means, divided by these deviations; here times 255.
TORCHVISION_PREPROCESSING: dict[str, Any] = {
    "mean": [255 * 0.485, 255 * 0.456, 255 * 0.406], "deviation": [255 * 0.229, 255 * 0.224, 255 * 0.225],
    "image_size": 256,
}

PIXEL_DEVIATION = 64.0  # of photographs with pixels from 0 to 255, minus their mean: about 60 to 70

# How much smaller the mean square gets on the way through an activation: ReLU halves it (He et al. 2015), tanh is
# about the identity for small inputs (LeCun et al. 1998, "Efficient BackProp"), the sigmoid's slope at 0 is 1/4.
SQUARED_GAIN = {"relu": 2.0, "tanh": 1.0, "sigmoid": 16.0}


def he_initialization(
    fan_in: Mapping[str, int], activation: str, deviation: float = PIXEL_DEVIATION
) -> Initialization:
    """Return the initialization that keeps the scale of signals from layer to layer (He et al. 2015); biases 0.

    Parameters
    ----------
    fan_in : dict of str to int
        For each layer with weights, in order: how many inputs one output sums over.
    activation : str
    deviation : float
        Of the network's input; pixels have about 64.

    Notes
    -----
    The formula asks for inputs of deviation 1, and pixels have about 64. Dividing the first layer's weights by 64 would
    do for the signals, but not for learning: inputs 64 times larger make its gradients 64 times larger, so a rate that
    suits the other layers would move its small weights 64 * 64 times too far. Every layer but the last takes down an
    equal part of the 64 instead. The last gets 0.01: scores near 0, equal probabilities, a loss of ln(classes).
    """
    *inner, last = fan_in
    part = deviation ** (1 / len(inner))
    std = {name: math.sqrt(SQUARED_GAIN[activation] / fan_in[name]) / part for name in inner}
    return {name: (value, 0.0) for name, value in (std | {last: 0.01}).items()}


def initial_weights(initialization: Initialization, name: str, seed: int) -> dict[str, Any]:
    """Return the arguments std, bias and seed of the layer `name`, "conv2", whose number is its own random stream."""
    std, bias = initialization[name]
    return {"std": std, "bias": bias, "seed": [seed, layer_number(name)]}


def dropout_layer(name: str, p: float, seed: int) -> Dropout:
    """Return the layer "dropout6", with a random stream of its own."""
    return Dropout(p, seed=[seed, layer_number(name), 1])


def layer_number(name: str) -> int:
    """Return 6 for "fc6"."""
    return int(name.lstrip("abcdefghijklmnopqrstuvwxyz"))


def choose(who: str, name: str, value: Any, allowed: Iterable) -> Any:
    """Return `value` if it is one of `allowed`; else raise ArgumentError with the list."""
    allowed = list(allowed)
    if not any(value == each and type(value) is type(each) for each in allowed):
        raise ArgumentError(f"{who}: {name} is {value!r}, expected one of {', '.join(map(repr, allowed))}")
    return value
