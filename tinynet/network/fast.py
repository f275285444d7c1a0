"""Which code runs for a layer: its own methods, or a fast implementation of them. The layers know nothing of it.

A fast implementation stands in for a layer only if all of this is true:

- The layer's methods are the very functions that tinynet loaded. A method patched on the class or on the object, a
  derived class, code that a notebook has loaded anew: all these run as written.
- It gives the numbers of the layer's own methods. Before it is first used for a layer and a size of image, both are
  run on one trial image with trial parameters: forward, and before the first backward pass backward. So an edited file
  is noticed as well: then the layer's own methods run, and a warning says by how much the two differ.
- Nobody asked for the layers as they are written: see `ops/fast_switch.py`.
"""
import copy
import types
import warnings
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..layers import AvgPool2d, Conv2d, Fire, LocalResponseNorm, MaxPool2d
from ..layers.base import Layer
from ..ops import numpy_ops
from ..ops.arrays import Array, Shape, array_module
from ..ops.fast_switch import fast_allowed
from .fast_conv import fast_convolution
from .fast_fire import FastFire
from .fast_norm import NormInPieces
from .fast_on_gpu import FusedResponseNorm, fast_convolution_on_gpu
from .fast_pool import fast_pooling

TOLERANCES = {"float32": 1e-4, "float64": 1e-11}  # parts of the largest number: sums are added up in another order
PIXELS = 64.0  # the size of the trial image's numbers
PERIOD = 8191  # trial numbers repeat after so many; a prime, so that no axis repeats them


def fast_implementation(layer: Layer, on_gpu: bool = False, shape: Shape = ()) -> Any:
    """Return the class of a layer's fast implementation, on a GPU for images of a shape; None if it has none."""
    if type(layer) is Conv2d:  # the very class: one derived from it may do something else
        return fast_convolution_on_gpu(layer, shape) if on_gpu else fast_convolution(layer)
    if type(layer) is Fire and not on_gpu:
        return FastFire
    if type(layer) in (AvgPool2d, MaxPool2d) and not on_gpu:
        return fast_pooling(layer)
    if type(layer) is LocalResponseNorm:
        return FusedResponseNorm if on_gpu else NormInPieces
    return None


def fast_or_own(
    layer: Layer, like: Array | None = None, shape: Shape = (), name: str = "", method: str = "forward",
    train: bool = True,
) -> Any:
    """Return what runs for a layer: its fast implementation where that may stand in, else the layer itself.

    Parameters
    ----------
    layer : Layer
    like : array, optional
        An array of the library and the dtype of what the layer will be given. Without it nothing is proven.
    shape : tuple of int
        Of one image that the layer will be given.
    name : str
        The layer's name in its network, for a warning.
    method : "forward" or "backward"
        What is going to run.
    train : bool
        What forward is going to be given, or was.
    """
    fast_class = fast_implementation(layer, like is not None and array_module(like) is not np, shape)
    if fast_class is None or not fast_allowed() or not all(map(may_be_replaced, made_of(layer))):
        return layer
    if like is None:
        return fast_class(layer)
    if str(like.dtype) not in TOLERANCES:  # float16 rounds so much that nothing could be proven
        return layer
    proven = _proven.setdefault(layer, set())
    use = (method, train, shape, like.dtype)
    if use not in proven:
        found = difference(layer, fast_class, like, shape, method, train)
        if found is None:  # the layer's own methods fail: the caller is to see how
            return layer
        if isinstance(found, Exception) or not found <= TOLERANCES[str(like.dtype)]:
            warn(layer, name, method, found)
            return layer
        proven.add(use)
    return fast_class(layer)


_proven: WeakKeyDictionary[Layer, set] = WeakKeyDictionary()  # for which methods, modes, shapes and dtypes
_differ: set[type] = set()  # classes whose own methods gave other numbers


def made_of(layer: Layer) -> list[Layer]:
    """Return a layer, and those that it is made of: a fire module's convolutions."""
    return [layer, *layer.convolutions.values()] if isinstance(layer, Fire) else [layer]


def may_be_replaced(layer: Layer) -> bool:
    """Tell whether a layer's methods are those that tinynet loaded, and have not been found to give other numbers."""
    return type(layer) in _loaded and type(layer) not in _differ and as_loaded(layer)


def warn(layer: Layer, name: str, method: str, found: float | Exception) -> None:
    """Warn that a layer's own methods give other numbers; from now on they run in all layers of its class."""
    kind = type(layer)
    _differ.add(kind)
    how = (f": the fast one ends in {type(found).__name__}: {found}" if isinstance(found, Exception)
           else f" by {found:.1e} of the largest number")
    warnings.warn(
        f"layer {name!r} ({kind.__name__}): its {method} and tinynet's fast implementation of it differ{how}. "
        f"{kind.__name__} now runs as its file, {kind.__module__}, is written, which is slower. If you have edited "
        "that file, this is right; if not, it is a bug in tinynet.", stacklevel=2)


def difference(
    layer: Layer, fast_class: Any, like: Array, shape: Shape, method: str, train: bool
) -> float | Exception | None:
    """Compare a layer's method with the fast one, on one trial image.

    Returns
    -------
    float, Exception or None
        The largest difference, in parts of the largest number; infinity where the fast one gives other shapes, the
        error where it fails. None where the layer's own methods fail.

    Raises
    ------
    MemoryError
        Which says nothing about either.
    """
    trial = copy.copy(layer)
    trial.params = {key: trial_numbers(array.shape, like) for key, array in layer.params.items()}
    x = PIXELS * trial_numbers((1, *shape), like)
    try:
        y, saved = trial.forward(x, train)
        dy = trial_numbers(y.shape, like)
        own = {"y": y} | kept(saved) if method == "forward" else named_gradients(trial.backward(dy, saved))
    except MemoryError:
        raise
    except Exception:  # of whatever kind a layer's edited file raises
        return None
    try:
        fast = fast_class(trial)
        if method == "forward":
            fast_y, fast_saved = fast.forward(x, train)
            other = {"y": fast_y} | kept(fast_saved)
        else:
            other = named_gradients(fast.backward(dy, saved))
    except MemoryError:
        raise
    except Exception as error:
        return error
    if own.keys() != other.keys():
        return float("inf")
    return max(relative(own[key], other[key]) for key in own)


def named_gradients(result: tuple[Array, dict[str, Array]]) -> dict[str, Array]:
    """Return dx and the parameters' gradients in one dict."""
    dx, grads = result
    return {"x": dx, **grads}


def kept(saved: Any, name: str = "saved") -> dict[str, Array]:
    """Return by name the arrays in what forward saved: the layer's own backward may get what the fast one did."""
    if hasattr(saved, "dtype"):
        return {name: saved}
    parts = saved._asdict() if hasattr(saved, "_asdict") else saved if isinstance(saved, dict) else {}
    return {key: array for part, value in parts.items() for key, array in kept(value, f"{name}.{part}").items()}


def relative(one: Array, two: Array) -> float:
    """Return the largest difference of two arrays, in parts of the first one's largest number."""
    if one.shape != two.shape or one.dtype != two.dtype:
        return float("inf")
    if one.dtype.kind != "f":  # indices, say
        return 0.0 if bool((one == two).all()) else float("inf")
    largest = float(abs(one).max())
    found = float(abs(one - two).max()) / largest if largest else float(abs(two).max())
    return found if np.isfinite(found) else float("inf")


def trial_numbers(shape: Shape, like: Array) -> Array:
    """Return numbers from -1 to 1 without a pattern, of the dtype and in the library of `like`."""
    xp = array_module(like)
    return xp.resize(one_period(xp, like.dtype), shape)


@cache
def one_period(xp: types.ModuleType, dtype: np.dtype) -> Array:
    """Return what `trial_numbers` repeats."""
    i = xp.arange(PERIOD, dtype=np.float64)
    return xp.sin(i * (0.7 + 0.013 * i)).astype(dtype)


def as_loaded(layer: Layer) -> bool:
    """Tell whether a layer's methods, and what they call by name, are those that tinynet loaded."""
    loaded = _loaded[type(layer)]
    return loaded.methods.isdisjoint(vars(layer)) and loaded.unchanged()


class Loaded:
    """The methods of a class as they were when tinynet was loaded."""

    def __init__(self, kind: type) -> None:
        self.owners = [(owner, own_attributes(owner)) for owner in kind.__mro__ if owner is not object]
        self.methods = {name for _, attributes in self.owners for name in attributes}
        functions = [value for _, attributes in self.owners for value in attributes.values()
                     if isinstance(value, types.FunctionType)]
        # What they call by name is the reader's own code too, as im2col in layers/conv.py, and what that calls in ops/.
        called: dict[int, tuple[dict[str, Any], set[str]]] = {}  # by module: its variables, and the names used of them
        known = set(functions)
        for function in functions:  # which grows
            for space in (function.__globals__, vars(numpy_ops)):  # the latter for backend(x).im2col
                names = {name for name in function.__code__.co_names if name in space}
                called.setdefault(id(space), (space, set()))[1].update(names)
                for value in map(space.get, sorted(names)):
                    if isinstance(value, types.FunctionType) and in_ops(value.__module__) and value not in known:
                        known.add(value)
                        functions.append(value)
        self.code = [(function, function.__code__) for function in functions]
        self.names = [(space, {name: space[name] for name in names}) for space, names in called.values()]

    def unchanged(self) -> bool:
        """Tell whether nothing has been replaced, added or loaded anew since."""
        return (
            all(own_attributes(owner) == attributes for owner, attributes in self.owners)
            and all([function.__code__ is code for function, code in self.code])
            and all([space.get(name) is value for space, names in self.names for name, value in names.items()])
        )


def in_ops(module: str) -> bool:
    """Tell whether a module is one of those that the layers compute with."""
    return module.startswith(f"{__package__.partition('.')[0]}.ops")


def own_attributes(kind: type) -> dict[str, Any]:
    """Return what a class defines itself, without what Python adds to every class."""
    return {name: value for name, value in vars(kind).items() if not name.startswith("__") or name == "__init__"}


_loaded: dict[type, Loaded] = {kind: Loaded(kind) for kind in (AvgPool2d, Conv2d, Fire, LocalResponseNorm, MaxPool2d)}
