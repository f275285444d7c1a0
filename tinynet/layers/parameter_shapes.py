"""The shapes of a layer's parameters: noted when it has been made, compared before it is used or saved.

NumPy computes with weights in PyTorch's order too, where the sizes happen to fit, and gives other numbers.
"""
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, ShapeError
from ..ops.arrays import Shape, array_module

# By the number of axes: how PyTorch orders a weight, what brings it into tinynet's order, and that order.
ORDERS = {2: ("(out, in)", (1, 0), "(in, out)"),
          4: ("(out, in, height, width)", (2, 3, 1, 0), "(height, width, in, out)")}
ARRAYS = (np.ndarray, np.generic)  # the latter: what NumPy makes of arrays of one number


def noting_shapes(init: Callable[..., None]) -> Callable[..., None]:
    """Return the `__init__` of a layer's class, which then notes `parameter_shapes`, when the whole layer is made."""

    @wraps(init)
    def init_and_note(self: Any, *arguments: Any, **options: Any) -> None:
        try:
            init(self, *arguments, **options)
            made = self.params, self.buffers
        except AttributeError as error:
            if error.obj is self and error.name in ("params", "buffers"):
                raise ArgumentError(without_init(type(self))) from error
            raise
        if type(self).__init__ is init_and_note:  # else a derived class is not done yet, and may change them
            self.parameter_shapes = {name: array.shape for name, array in made[0].items() if hasattr(array, "shape")}

    return init_and_note


def without_init(kind: type) -> str:
    """Say what is wrong with a class whose objects lack `params` or `buffers`."""
    return (f"{kind.__name__}: its __init__ does not call super().__init__(), which makes params and buffers: make "
            "that its first line")


def check_parameters(who: str, layer: Any) -> None:
    """Raise ShapeError or DtypeError unless each parameter is an array of the shape that it had in the new layer.

    In tinynet's own layers all have one dtype; a layer of one's own may have another for what needs more digits.
    """
    first, own = "", type(layer).__module__.startswith("tinynet.")
    for name, expected in layer.parameter_shapes.items():
        array = layer.params.get(name)
        if not isinstance(array, ARRAYS) and array_module(array) is np:
            found = "missing" if array is None else f"a {type(array).__name__}"
            raise DtypeError(f"{who}: the parameter {name!r} is {found}, expected a NumPy or CuPy array of shape "
                             f"{expected}")
        if array.shape != expected:
            raise ShapeError(f"{who}: the parameter {name!r} has shape {array.shape}, expected {expected} as when the "
                             f"layer was made{order_hint(array.shape, expected)}")
        first = first or name
        if own and array.dtype != layer.params[first].dtype:
            raise DtypeError(f"{who}: the parameter {name!r} is {array.dtype} and {first!r} is "
                             f"{layer.params[first].dtype}, expected the same dtype")


def order_hint(found: Shape, expected: Shape) -> str:
    """Return how to transpose a weight that is in PyTorch's order; nothing for other shapes."""
    theirs, axes, ours = ORDERS.get(len(found), ("", (), ""))
    if not axes or tuple(found[axis] for axis in axes) != expected:
        return ""
    return f"; this is PyTorch's order {theirs}, which .transpose{axes} brings into tinynet's {ours}"
