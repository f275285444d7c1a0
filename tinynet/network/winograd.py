"""Convolution in fewer multiplications (Winograd 1980; for networks: Lavin and Gray 2016).

Two neighbouring outputs of a filter of three taps need four inputs d and three weights g, and six multiplications:

    y0 = d0 g0 + d1 g1 + d2 g2
    y1 = d1 g0 + d2 g1 + d3 g2

The same with four, each between a sum of inputs and a sum of weights:

    m0 = (d0 - d2) g0                    y0 = m0 + m1 + m2
    m1 = (d1 + d2) (g0 + g1 + g2) / 2    y1 = m1 - m2 - m3
    m2 = (d2 - d1) (g0 - g1 + g2) / 2
    m3 = (d1 - d3) g2

or, with three matrices, y = A.T [(G g) * (B.T d)]. For M outputs and R taps it takes M + R - 1 multiplications instead
of M R: 8 instead of 20 for four outputs of the five rows of a 5 x 5 filter.

Where the matrices come from: multiply two polynomials whose coefficients are a (M of them) and g (R). The coefficients
of the product are sums of a[m] g[r]; its values are simply a(p) g(p). So take both at T = M + R - 1 points, multiply
there, and find the coefficients that have these values: E s = (E a) * (E g), where E has a row of powers of p for each
point. Correlation, which a layer computes, is the same turned round (its transpose in a):
y = E.T [(E g) * (inverse(E).T d)].
"""
import types
from functools import cache

import numpy as np

from ..ops.arrays import Array, Shape, array_module

POINTS = (0, 1, -1, 2, -2, 0.5, -0.5)  # small ones: with larger powers float32 would lose more than a few bits
MOST_TAPS = 5  # so that the points are enough for four outputs at a time


class Tiles:
    """Images cut into tiles of `rows` outputs, one below the other, all columns side by side.

    Each method is linear, and its `..._back` the adjoint. TH counts the tiles down an image, T the sums in a tile.
    `like` has the library and the dtype of what they will be given.
    """

    def __init__(self, taps: int, above: int, height: int, like: Array) -> None:
        self.above = above  # rows of padding
        self.rows = outputs_at_a_time(height, taps)
        self.count = -(-height // self.rows)  # TH
        self.xp = array_module(like)
        self.a_t, self.g, self.b_t = matrices_in(self.xp, like.dtype, self.rows, taps)
        self.sums = len(self.g)  # T

    def weights(self, w: Array) -> Array:
        """G w: (KH, KW, C, F) to (T, KW*C, F)."""
        kh, kw, c, f = w.shape
        return (self.g @ w.reshape(kh, -1)).reshape(-1, kw * c, f)

    def weights_back(self, du: Array, shape: Shape) -> Array:
        """G.T dU: (T, KW*C, F) to `shape` (KH, KW, C, F)."""
        return (self.g.T @ du.reshape(self.sums, -1)).reshape(shape)

    def images(self, x: Array) -> Array:
        """B.T d for all tiles: (N, H, W, C) to (T*N, TH, W, C)."""
        n, h, w, c = x.shape
        padded = self.xp.zeros((n, self.height, w, c), dtype=x.dtype)
        padded[:, self.above : self.above + h] = x
        d = self.xp.empty((self.sums, n, self.count, w, c), dtype=x.dtype)          # row t of each tile
        for t in range(self.sums):
            d[t] = padded[:, self.every(t)]
        return (self.b_t @ d.reshape(self.sums, -1)).reshape(-1, self.count, w, c)

    def images_back(self, dv: Array, shape: Shape) -> Array:
        """The sum of B dV at each tile's place: (T*N, TH, W, C) to `shape` (N, H, W, C)."""
        n, h, w, c = shape
        d = (self.b_t.T @ dv.reshape(self.sums, -1)).reshape(self.sums, n, self.count, w, c)
        padded = self.xp.zeros((n, self.height, w, c), dtype=dv.dtype)
        for t in range(self.sums):
            place = padded[:, self.every(t)]
            place += d[t]
        return padded[:, self.above : self.above + h]

    def outputs(self, products: Array, y: Array) -> None:
        """Write A.T M: products (T, N*TH*OW, F) into y (N, OH, OW, F), which may have fewer rows than the tiles."""
        n, _, ow, f = y.shape
        tiles = (self.a_t @ products.reshape(self.sums, -1)).reshape(self.rows, n, self.count, ow, f)
        for i, tile_row in enumerate(tiles):
            place = y[:, i :: self.rows]
            place[...] = tile_row[:, : place.shape[1]]

    def outputs_back(self, dy: Array) -> Array:
        """A dy: (N, OH, OW, F) to (T, N*TH*OW, F); rows that the image does not have count 0."""
        n, _, ow, f = dy.shape
        tiles = self.xp.zeros((self.rows, n, self.count, ow, f), dtype=dy.dtype)
        for i, tile_row in enumerate(tiles):
            place = dy[:, i :: self.rows]
            tile_row[:, : place.shape[1]] = place
        return (self.a_t.T @ tiles.reshape(self.rows, -1)).reshape(self.sums, -1, f)

    @property
    def height(self) -> int:
        """Rows that all tiles see: at least those of a padded image."""
        return self.rows * (self.count - 1) + self.sums

    def every(self, t: int) -> slice:
        """Row t of each tile, among the rows that all tiles see."""
        return slice(t, t + self.rows * (self.count - 1) + 1, self.rows)


@cache
def matrices_in(xp: types.ModuleType, dtype: np.dtype, outputs: int, taps: int) -> tuple[Array, ...]:
    """Return the matrices in a dtype, where arrays of the library `xp` are."""
    return tuple(xp.asarray(matrix.astype(dtype)) for matrix in matrices(outputs, taps))


def matrices(outputs: int, taps: int) -> tuple[Array, Array, Array]:
    """Return A.T (M, T), G (T, R) and B.T (T, T) of y = A.T [(G g) * (B.T d)]; T = M + R - 1."""
    count = outputs + taps - 1
    back = np.linalg.inv(powers(count, count)).T
    largest = np.abs(back).max(axis=1, keepdims=True)  # goes to the weights, which are transformed once
    return powers(count, outputs).T, powers(count, taps) * largest, back / largest


def powers(count: int, terms: int) -> Array:
    """Return (count, terms): powers of each point; the last point is infinity, where the highest counts alone."""
    table = np.zeros((count, terms))
    table[:-1] = np.vander(POINTS[: count - 1], terms, increasing=True)
    table[-1, -1] = 1
    return table


def outputs_at_a_time(length: int, taps: int) -> int:
    """Return how many outputs to take at a time so that `length` of them need the fewest multiplications."""
    def multiplications(outputs: int) -> int:
        return -(-length // outputs) * (outputs + taps - 1)

    return min(range(1, len(POINTS) + 3 - taps), key=multiplications)
