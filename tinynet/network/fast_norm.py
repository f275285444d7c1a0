"""The fast implementation of local response normalization on a CPU; `fast.py` says when it stands in."""
import numpy as np

from ..layers.lrn import Saved
from ..ops.arrays import Array
from .fast_layer import FastLayer

PIECE = 1 << 17  # numbers at a time: what is written stays in a core's cache, and threads seldom meet between calls


class NormInPieces(FastLayer):
    """LocalResponseNorm, a few rows of nearby channels at a time, in memory that is taken once.

    The layer's own expressions go over all images of a block a dozen times; these go over a piece, with the same sums.
    """

    label = "a piece of the images at a time"

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        norm, rows = self.layer, self.rows(x)                                   # (R, C/G)
        y, scale = np.empty_like(rows), np.empty_like(rows)
        sums = NearbySums(norm.size, rows)
        for piece in sums.pieces:
            np.multiply(rows[piece], rows[piece], out=sums.numbers(piece))
            np.multiply(sums.added_up(piece), norm.alpha, out=scale[piece])
            scale[piece] += norm.k
            np.power(scale[piece], -norm.beta, out=y[piece])
            y[piece] *= rows[piece]
        return y.reshape(x.shape), Saved(x, scale.reshape(x.shape))

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        if not input_gradient:
            return None, {}
        norm = self.layer
        x, scale, dy = self.rows(saved.x), self.rows(saved.scale), self.rows(dy)
        own = np.empty_like(x)                                                  # becomes dx
        sums = NearbySums(norm.size, x)
        for piece in sums.pieces:
            np.power(scale[piece], -norm.beta, out=own[piece])
            own[piece] *= dy[piece]
            each = sums.spare[: piece.stop - piece.start]
            np.multiply(own[piece], x[piece], out=each)
            np.divide(each, scale[piece], out=sums.numbers(piece))
            shared = np.multiply(sums.added_up(piece), x[piece], out=each)
            shared *= 2 * norm.alpha * norm.beta
            own[piece] -= shared
        return own.reshape(saved.x.shape), {}

    def rows(self, x: Array) -> Array:
        """Return x (N, H, W, C) as rows of the channels of one group, which no window leaves: (N*H*W*G, C/G)."""
        return x.reshape(-1, x.shape[-1] // self.layer.groups)


class NearbySums:
    """`nearby_sum` of a piece of rows at a time: zeros stand between them, and what is beside is shifted along them."""

    def __init__(self, size: int, rows: Array) -> None:
        count, self.length = rows.shape
        self.size, self.half = size, size // 2
        step = max(1, min(PIECE // self.length, count))
        self.pieces = [slice(i, min(i + step, count)) for i in range(0, count, step)]
        self.between = np.zeros((step, self.length + 2 * self.half), dtype=rows.dtype)
        self.total = np.empty_like(self.between)
        self.spare = np.empty((step, self.length), dtype=rows.dtype)

    def numbers(self, piece: slice) -> Array:
        """Return where the numbers of a piece go."""
        return self.between[: piece.stop - piece.start, self.half : self.half + self.length]

    def added_up(self, piece: slice) -> Array:
        """Return for each number the sum over those `size` channels around it that exist."""
        rows = piece.stop - piece.start
        count = rows * self.between.shape[1] - 2 * self.half
        row, total = self.between.reshape(-1), self.total.reshape(-1)[:count]
        total[...] = row[:count]
        for shift in range(1, self.size):
            total += row[shift : shift + count]
        return self.total[:rows, : self.length]
