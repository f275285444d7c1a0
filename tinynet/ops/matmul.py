"""A matrix product cut into pieces for the worker threads."""
import numpy as np

from .arrays import Array
from .threads import map_in_order

PIECE = 512  # rows or columns in a piece; fixed, so that the result does not depend on the number of threads


def matmul(a: Array, b: Array) -> Array:
    """Return a @ b for matrices (M, K) and (K, P), piece by piece along the longer side of the result."""
    m, p = a.shape[0], b.shape[1]
    out = np.empty((m, p), dtype=np.result_type(a, b))

    def columns(start: int) -> None:
        np.matmul(a, b[:, start : start + PIECE], out=out[:, start : start + PIECE])

    def rows(start: int) -> None:
        np.matmul(a[start : start + PIECE], b, out=out[start : start + PIECE])

    for _ in map_in_order(rows if m > p else columns, range(0, max(m, p), PIECE)):
        pass  # each piece is written in its place
    return out
