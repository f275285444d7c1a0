"""The contract of a layer, and the checks of what goes into one."""
import copy
import inspect
import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from .device import array_module
from .errors import ArgumentError, DtypeError, ShapeError
from .room import take_room

Array = Any  # numpy.ndarray, or cupy.ndarray on a GPU
Shape = tuple[int, ...]  # of one image, without the batch: (H, W, C) or (features,)
Seed = int | list[int]  # what numpy.random.default_rng takes

# The letters that stand at line ends: N images, H W height and width, C channels in, G groups, F filters (channels
# out), KH KW height and width of a window, OH OW height and width of the output.


class Layer:
    """One layer: its settings, its parameters, a forward pass and the way back through it.

    A layer of one's own defines `forward`, `input_gradient` and, if it has parameters, `param_gradients`; also
    `output_shape` where the output's shape differs from the input's. It keeps nothing of a call: what the way back
    needs is returned as `saved`, a NamedTuple of arrays whose first axis is the batch. In it, `x` is the input and `y`
    the output, where it has them: `backward` checks the upstream gradient against either.

    Attributes
    ----------
    params : dict of str to array
        What training changes by gradients: "w" and "b". The arrays may be replaced.
    buffers : dict of str to array
        What training changes without gradients (running statistics of batch normalisation).
    generator : numpy.random.Generator or None
        Random state, for dropout.
    whole_batch : bool
        True for a layer that has to see the whole batch at once. All others treat each image alone, so that the
        network can send a few images at a time through many layers.
    like_output : str
        The field of `saved` that has the output's shape, for a layer that keeps such an array under another name.
    """

    whole_batch = False
    like_output = "y"
    generator: np.random.Generator | None = None

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Any]:
        """Return the output for a batch `x`, and what the way back needs."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def backward(self, dy: Array, saved: Any, input_gradient: bool = True) -> tuple[Array | None, dict]:
        """Go back through the layer.

        Parameters
        ----------
        dy : array
            The upstream gradient d loss / d y, of the shape of the output.
        saved : NamedTuple
            What `forward` returned beside y.
        input_gradient : bool
            False: d loss / d x is not worked out and None is returned for it (a first layer has no use for it).

        Returns
        -------
        dx : array or None
            d loss / d x, of the shape of the input.
        grads : dict of str to array
            d loss / d parameter, with the names and shapes of `params`.
        """
        self.check_upstream(dy, saved)
        dx = self.input_gradient(dy, saved) if input_gradient else None
        return dx, self.param_gradients(dy, saved)

    def input_gradient(self, dy: Array, saved: Any) -> Array:
        """Return d loss / d x."""
        raise NotImplementedError(f"{type(self).__name__} defines no input_gradient")

    def param_gradients(self, dy: Array, saved: Any) -> dict[str, Array]:
        """Return d loss / d parameter for each parameter; nothing for a layer without any."""
        if self.params:
            raise NotImplementedError(f"{type(self).__name__} has parameters but defines no param_gradients")
        return {}

    def output_shape(self, shape: Shape) -> Shape:
        """Return the output's shape for one image of shape `shape`; ShapeError where it does not fit."""
        return shape

    def multiply_adds(self, shape: Shape) -> int:
        """Return the multiply-adds of the forward pass for one image of shape `shape`, products with weights only."""
        return 0

    @property
    def settings(self) -> dict[str, Any]:
        """The constructor's arguments that are not keyword-only, each an attribute of the same name.

        `type(layer)(**layer.settings)` is a layer of the same kind; how its parameters start is for keywords to say.
        """
        signature = inspect.signature(type(self).__init__).parameters.values()
        names = [p.name for p in signature if p.name != "self" and p.kind is not p.KEYWORD_ONLY]
        for name in names:
            if not hasattr(self, name):
                raise ArgumentError(f"{type(self).__name__}: keep the argument `{name}` as an attribute")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        default = {p.name: p.default for p in inspect.signature(type(self).__init__).parameters.values()}
        told = [f"{name}={value!r}" for name, value in self.settings.items() if value != default[name]]
        return f"{type(self).__name__}({', '.join(told)})"

    def astype(self, dtype: Any) -> Self:
        """Return a copy with parameters and buffers in another number type, e.g. "float64" to check gradients."""
        other = copy.deepcopy(self)
        other.convert_arrays(lambda array: array.astype(dtype))
        return other

    def convert_arrays(self, convert: Callable[[Array], Array]) -> None:
        """Replace each parameter and buffer by `convert` of it."""
        for arrays in (self.params, self.buffers):
            for key in arrays:
                arrays[key] = convert(arrays[key])

    @property
    def dtype(self) -> np.dtype | None:
        """The parameters' number type; None for a layer without parameters, which takes any floating-point one."""
        return next((array.dtype for array in self.params.values()), None)

    def check_input(self, x: Array) -> None:
        """Raise ShapeError or DtypeError unless `x` is a batch that this layer can take."""
        check_array(type(self).__name__, x, self.dtype)
        check_library(type(self).__name__, x, next(iter(self.params.values()), x))
        self.output_shape(x.shape[1:])

    def check_upstream(self, dy: Array, saved: Any) -> None:
        """Raise ShapeError or DtypeError unless `dy` has the output's shape and number type, where `saved` tells it."""
        output = self.output_of(saved)
        if output is not None:
            check_upstream(type(self).__name__, dy, *output)

    def output_of(self, saved: Any) -> tuple[Shape, np.dtype] | None:
        """Return shape and number type of the output that belongs to `saved`; None where it has no array to tell it."""
        output: Any = getattr(saved, self.like_output, None)
        if hasattr(output, "shape"):
            return output.shape, output.dtype
        x: Any = getattr(saved, "x", None)
        return ((len(x), *self.output_shape(x.shape[1:])), x.dtype) if hasattr(x, "shape") else None


def check_upstream(who: str, dy: Array, expected: Shape, dtype: np.dtype | None) -> None:
    """Raise unless an upstream gradient has the shape `expected` and, where one is given, the number type `dtype`."""
    check_array(f"{who}.backward", dy, dtype, "the upstream gradient dy")
    if dy.shape != expected:
        raise ShapeError(f"{who}.backward: dy has shape {dy.shape}, the output has {expected}")


def check_array(who: str, x: Array, dtype: np.dtype | None, what: str = "the input") -> None:
    """Raise unless `x` is a batch of floating-point numbers, of number type `dtype` where one is given."""
    if not isinstance(x, array_module(x).ndarray):
        raise DtypeError(f"{who}: {what} is a {type(x).__name__}, expected a NumPy or CuPy array")
    if dtype is not None and x.dtype != dtype:
        raise DtypeError(f"{who}: {what} is {x.dtype}, expected {dtype}: use .astype('{dtype}')")
    if x.dtype.kind != "f":
        raise DtypeError(f"{who}: {what} is {x.dtype}, expected floating-point numbers such as float32")
    if x.ndim < 2:
        raise ShapeError(f"{who}: {what} has shape {x.shape}, expected a batch of at least two axes, images first")
    if 0 in x.shape:
        raise ShapeError(f"{who}: {what} is empty, it has shape {x.shape}")


def check_library(who: str, x: Array, parameter: Array) -> None:
    """Raise ArgumentError unless the input and the parameters are arrays of one library."""
    ours, theirs = array_module(parameter).__name__, array_module(x).__name__
    if ours != theirs:
        raise ArgumentError(f"{who}: the input is an array of {theirs}, the parameters are arrays of {ours}: "
                            "to_gpu and to_cpu move arrays, layers and networks")


def check_image_shape(who: str, shape: Shape, channels: int | None = None) -> tuple[int, int, int]:
    """Return `shape` if it is (H, W, C), with C as expected where `channels` is given; else raise ShapeError."""
    if len(shape) != 3:
        raise ShapeError(f"{who} expects images (H, W, C), got shape {shape}")
    if channels is not None and shape[2] != channels:
        hint = ""
        if shape[0] == channels:
            hint = "; this looks like (N, C, H, W), which x.transpose(0, 2, 3, 1) brings into order"
        raise ShapeError(f"{who} expects {channels} channels on the last axis, (H, W, C), got {shape}{hint}")
    return shape[0], shape[1], shape[2]


def random_weights(shape: Shape, fan_in: int, std: float | None, seed: Seed) -> np.ndarray:
    """Draw float32 weights from N(0, std**2).

    Parameters
    ----------
    shape : tuple of int
    fan_in : int
        The number of inputs that one output sums over.
    std : float or None
        Standard deviation; None is sqrt(2 / fan_in), which keeps the scale of activations through ReLU layers
        (He et al. 2015, "Delving deep into rectifiers", equation 10).
    seed : int or list of int
    """
    take_room(shape)
    scale = np.float32(math.sqrt(2 / fan_in) if std is None else std)
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32) * scale


def check_start(who: str, std: Any, bias: Any, seed: Any) -> None:
    """Raise ArgumentError unless weights and biases can start so."""
    if std is not None:
        check_between(who, "std", std, 0, math.inf)
    check_between(who, "bias", bias, -math.inf, math.inf)
    check_seed(who, seed)


def check_seed(who: str, seed: Any) -> Seed:
    """Return `seed` if it is a whole number from 0 up, or several; else raise ArgumentError."""
    numbers = seed if isinstance(seed, list | tuple) else [seed]
    for number in numbers:
        check_count(who, "seed", number, 0)
    return seed


def check_count(who: str, name: str, value: Any, least: int = 1) -> int:
    """Return `value` if it is a whole number of at least `least`; else raise ArgumentError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ArgumentError(f"{who}: {name} is {value!r}, expected a whole number of at least {least}")
    return int(value)


def check_between(who: str, name: str, value: Any, low: float, high: float) -> float:
    """Return `value` if low <= value <= high (so not nan); else raise ArgumentError."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not low <= value <= high:
        raise ArgumentError(f"{who}: {name} is {value!r}, expected a number from {low:g} to {high:g}")
    return float(value)
