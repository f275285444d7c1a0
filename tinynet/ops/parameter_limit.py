"""A limit to the parameters of new layers, for settings that come from a file: it may claim layers of terabytes."""
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..errors import ShapeError

_left: ContextVar[list[int] | None] = ContextVar("parameters that may still be made", default=None)


@contextmanager
def limit_parameters(numbers: int) -> Iterator[None]:
    """Let the parameters of all layers that are made inside the block have so many numbers at most."""
    token = _left.set([numbers])
    try:
        yield
    finally:
        _left.reset(token)


def count_parameters(shape: tuple[int, ...]) -> None:
    """Raise ShapeError where an array of `shape` goes beyond the limit that holds, if one does."""
    left = _left.get()
    if left is not None:
        left[0] -= math.prod(shape)
        if left[0] < 0:
            raise ShapeError(f"a layer's parameters of shape {shape} have far more numbers than were saved")
