"""A frozen copy of a layer, a network or a loss: in float64, and with its random and running state held still."""
import copy
import inspect
from typing import Any, Self

import numpy as np

from ..errors import ArgumentError, TinynetError
from ..network.params import all_layers, single_layers
from ..ops.arrays import Array, array_module
from ..ops.checks import as_array
from .snapshots import index_text, named


class FrozenCopy:
    """A float64 copy of `f`, whose random and running state is put back before each forward pass.

    A loss, a function that takes scores and returns (number, gradient), gets the methods of a layer.

    Raises
    ------
    ArgumentError
        When `f` is nothing that can be checked; `who` asked for it.
    """

    def __init__(self, f: Any, train: bool, as_float64: bool = True, who: str = "check_gradients") -> None:
        self.is_loss = not hasattr(f, "forward")
        self.train = train
        self.what = getattr(f, "name", "") or getattr(f, "__name__", "") or type(f).__name__
        check_form(f, self.what, self.is_loss, who)
        self.f = f if self.is_loss else in_float64(f) if as_float64 else copy.deepcopy(f)
        self.layers: dict[str, Any] = {} if self.is_loss else dict(all_layers(self.f))
        self.start = copy.deepcopy({name: state(layer) for name, layer in self.layers.items()})

    @classmethod
    def in_float32(cls, f: Any, train: bool) -> Self | None:
        """Return a frozen copy that computes in float32; None for a loss, or parameters that are not float32.

        None too for what says of itself that it is `float64_only`.
        """
        if getattr(f, "float64_only", False):
            return None
        frozen = cls(f, train, as_float64=False)
        arrays = named(frozen.params) or frozen.buffers
        made_for_it = all(getattr(array, "dtype", None) == np.float32 for array in arrays.values())
        return frozen if made_for_it and not frozen.is_loss else None

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Run forward on a copy of `x` in the state of the start: the same mask, the same running statistics."""
        return self.run(x.copy())

    def run(self, x: Array, restored: bool = True, train: bool | None = None) -> tuple[Array, Any]:
        """Run forward on `x` itself; `restored=False`: in the state that the last call left."""
        if self.is_loss:
            scores = x.copy()  # a loss may write into them, but not into what goes back
            return np.asarray(self.loss(x)[0]), scores
        if restored:
            for name, layer in self.layers.items():
                generator, buffers = self.start[name]
                if generator is not None:
                    layer.generator.bit_generator.state = generator
                if buffers:
                    layer.buffers.update(copy.deepcopy(buffers))
        result = self.f.forward(x, train=self.train if train is None else train)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], np.ndarray)):
            raise ArgumentError(f"{self.what}.forward returned {type_text(result)}, expected (array y, saved)")
        return result

    def backward(self, upstream: Array, saved: Any, **options: bool) -> tuple[Any, dict]:
        """Return dx and the parameters' gradients."""
        if self.is_loss:
            gradient = np.asarray(self.loss(saved.copy())[1])
            return gradient * upstream.reshape(()).astype(gradient.dtype), {}
        result = self.f.backward(upstream, saved, **options)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise ArgumentError(f"{self.what}.backward returned {type_text(result)}, expected (dx, dict of gradients)")
        return result

    def output(self, x: Array, like: Array) -> Array:
        """Return the output; nan of the shape of `like` where forward refuses an x that was moved."""
        try:
            return self.forward(x)[0]
        except Exception:  # an index that is too large, or a probability above 1
            return np.full(like.shape, np.nan)

    def loss(self, scores: Array) -> tuple[Any, Any]:
        """Return what a loss gives; ArgumentError unless that is (number, gradient)."""
        result = self.f(scores)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise ArgumentError(f"{self.what} returned {type_text(result)}, expected (number, gradient)")
        if np.size(result[0]) != 1:
            raise ArgumentError(f"{self.what}: its loss has shape {np.shape(result[0])}, expected a single number")
        if not isinstance(result[1], np.ndarray | np.generic | list):
            raise ArgumentError(f"{self.what}: its gradient is a {type(result[1]).__name__}, expected an array")
        return result

    @property
    def params(self) -> dict:
        """The parameters, in nested dicts for a network."""
        return getattr(self.f, "params", {})

    @property
    def buffers(self) -> dict[str, Array]:
        """The running statistics by name, "batch1.running_mean" in a network."""
        return {
            f"{name}.{key}" if name else key: array
            for name, layer in single_layers(self.f) for key, array in (getattr(layer, "buffers", None) or {}).items()
        }

    @property
    def skips_input_gradient(self) -> bool:
        """Whether backward takes `input_gradient=False`."""
        return not self.is_loss and "input_gradient" in inspect.signature(self.f.backward).parameters


def as_input(x: Any, who: str = "check_gradients") -> Array:
    """Return a float64 copy of `x`; ArgumentError unless it holds real and finite numbers."""
    try:
        array = np.array(as_array(f"{who}: x is not an array of numbers", x))
    except TinynetError as error:
        raise ArgumentError(str(error)) from error
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"{who}: x is {array.dtype}, expected real numbers")
    if not array.size:
        raise ArgumentError(f"{who}: x is empty, it has shape {array.shape}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        first = bad[0]
        where = f" at {index_text(first)}" if array.ndim else ""
        raise ArgumentError(f"{who}: x is {array[tuple(first)]}{where}, expected finite numbers")
    return array.astype(np.float64, order="C")


def check_form(f: Any, what: str, is_loss: bool, who: str) -> None:
    """Raise ArgumentError unless `f` is an object with forward, backward and arrays as parameters, or a function."""
    if isinstance(f, type):
        raise ArgumentError(f"{who}: f is the class {what}, expected an object: {what}(...)")
    if is_loss:
        if not callable(f):
            raise ArgumentError(f"{who}: f is a {what}, expected a layer, a network or a loss")
        return
    if not hasattr(f, "backward"):
        raise ArgumentError(f"{who}: {what} has a forward but no backward")
    takes = inspect.signature(f.forward).parameters
    if "train" not in takes and not any(each.kind is each.VAR_KEYWORD for each in takes.values()):
        raise ArgumentError(f"{what}.forward takes no `train`, expected forward(x, train=False)")
    params = getattr(f, "params", {})
    if not isinstance(params, dict):
        raise ArgumentError(f"params of {what} is a {type(params).__name__}, expected a dict of arrays")
    if hasattr(f, "astype") and next(single_layers(f))[1] is f:
        for name, value in [*params.items(), *f.buffers.items()]:
            if not hasattr(value, "astype"):
                raise ArgumentError(f"{what}: {name!r} in params or buffers is a {type(value).__name__}, expected an "
                                    "array; write a layer made of layers as a Network")
    for name, array in named(params).items():
        is_array = isinstance(array, array_module(array).ndarray)
        if not is_array or array.dtype.kind != "f":
            found = f"an array of {array.dtype}" if is_array else f"a {type(array).__name__}"
            raise ArgumentError(f"{what}: the parameter {name} is {found}, expected a NumPy array of floating-point "
                                "numbers")


def in_float64(f: Any) -> Any:
    """Return a copy with float64 parameters and buffers, also of an object without `astype`."""
    if hasattr(f, "astype"):
        return f.astype("float64")

    def convert(arrays: dict) -> None:
        for key, value in arrays.items():
            if isinstance(value, dict):
                convert(value)
            elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
                arrays[key] = value.astype(np.float64)

    other = copy.deepcopy(f)
    for name in ("params", "buffers"):
        convert(getattr(other, name, {}))
    return other


def state(layer: Any) -> tuple[Any, Any]:
    """Return what a forward pass in training may change: the random generator's state, and the buffers."""
    generator = getattr(layer, "generator", None)
    if not isinstance(generator, np.random.Generator | None):
        raise ArgumentError(f"{type(layer).__name__}: generator is a {type(generator).__name__}, "
                            "expected a numpy.random.Generator, as numpy.random.default_rng gives")
    return None if generator is None else generator.bit_generator.state, getattr(layer, "buffers", None)


def type_text(result: Any) -> str:
    """Name the type of what a function returned, of a tuple or list those of its parts too."""
    if isinstance(result, tuple | list):
        return f"a {type(result).__name__} of {', '.join(type(part).__name__ for part in result)}"
    return type(result).__name__
