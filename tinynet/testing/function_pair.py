"""Two plain functions, forward and backward, with the methods of a layer."""
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..ops.arrays import Array


class Saved(NamedTuple):
    """The input, and what forward returned beside y, if it did."""

    x: Array
    cached: bool
    cache: Any


class FunctionPair:
    """y = forward(x, **params).

    Parameters
    ----------
    forward, backward : function
        As in `assert_gradients`.
    params : dict of str to array
        The arguments of forward after x.
    who : str
        Who asks, for messages.

    Raises
    ------
    ArgumentError
        When `params` has a name that forward does not take, or lacks one that it needs.
    """

    float64_only = True  # nobody promised that they compute in float32

    def __init__(self, forward: Callable, backward: Callable, params: Mapping[str, Any], who: str) -> None:
        self.functions = forward, backward
        self.name = f"({', '.join(getattr(f, '__name__', type(f).__name__) for f in self.functions)})"
        names, needed = arguments_after_x(forward)
        for name in needed:
            if name not in params:
                raise ArgumentError(f"{who}: forward of {self.name} takes {name} besides x, "
                                    f"expected it in params={{{name!r}: array}}")
        for name in params:
            if names is not None and name not in names:
                raise ArgumentError(f"{who}: params has {name!r}, forward of {self.name} takes "
                                    f"{', '.join(['x', *names])}")
        order = params if names is None else [name for name in names if name in params]
        self.params = {name: as_float64(f"{who}: params[{name!r}]", params[name]) for name in order}

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        """Return y, and what backward needs."""
        result = self.functions[0](x, **self.params)
        cached = isinstance(result, tuple) and len(result) == 2
        y, cache = result if cached else (result, None)
        return np.asarray(y), Saved(x, cached, cache)

    def backward(self, dy: Array, saved: Saved) -> tuple[Any, dict[str, Any]]:
        """Return dx, and the gradients of `params` by name."""
        backward, names = self.functions[1], list(self.params)
        found = backward(dy, saved.cache) if saved.cached else backward(dy, saved.x, **self.params)
        if isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict):
            return found
        results = found if isinstance(found, tuple | list) else (found,)
        if len(results) != 1 + len(names):
            expected = f"({', '.join(f'd{name}' for name in ['x', *names])})" if names else "dx"
            raise ArgumentError(f"backward of {self.name} returned {len(results)} "
                                f"array{'s' if len(results) > 1 else ''}, expected {expected}")
        return results[0], dict(zip(names, results[1:], strict=True))


def as_float64(what: str, value: Any) -> Array:
    """Return a float64 copy; ArgumentError unless it holds real numbers."""
    try:
        array = np.array(value)
    except Exception as error:  # of any kind, from an array of another library
        raise ArgumentError(f"{what} is not an array of numbers ({error})") from error
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"{what} is {value!r}, expected an array of real numbers")
    return array.astype(np.float64)


def arguments_after_x(function: Callable) -> tuple[list[str] | None, list[str]]:
    """Return a function's arguments after the first, and those of them that have no default.

    None where it takes any number of them, or does not tell (a function written in C).
    """
    try:
        arguments = list(inspect.signature(function).parameters.values())[1:]
    except (ValueError, TypeError):
        return None, []
    needed = [each.name for each in arguments if each.default is each.empty
              and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in arguments):
        return None, needed
    return [each.name for each in arguments], needed


def is_pair(f: Any) -> bool:
    """Whether `f` is (forward, backward)."""
    return isinstance(f, tuple | list) and len(f) == 2 and all(callable(each) for each in f)
