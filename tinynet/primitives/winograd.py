"""Convolution with 3 x 3 filters in fewer multiplications (Winograd 1980; Lavin and Gray 2016, section 4.1).

Two neighbouring outputs of a filter of three taps need four inputs d and three weights g, and six multiplications:

    y0 = d0 g0 + d1 g1 + d2 g2
    y1 = d1 g0 + d2 g1 + d3 g2

The same with four, each between a sum of inputs and a sum of weights:

    m0 = (d0 - d2) g0                    y0 = m0 + m1 + m2
    m1 = (d1 + d2) (g0 + g1 + g2) / 2    y1 = m1 - m2 - m3
    m2 = (d2 - d1) (g0 - g1 + g2) / 2
    m3 = (d1 - d3) g2

or, with matrices, y = A.T [(G g) * (B.T d)]. Along both axes of an image: tiles of 4 x 4 pixels give 2 x 2 outputs with
16 multiplications instead of 36. Summed over the channels, each of the 16 is a matrix product. Everything is linear, so
the way back is the same chain in reverse with each matrix transposed.

The names below: V are the tiles B.T d B, U the weights G g G.T, M their products; T counts all tiles of all images.
"""
import numpy as np

from ..layer import Array, Shape

TILE, OUT = 4, 2  # pixels of a tile, and outputs that it gives, along each axis


def weights(w: Array) -> Array:
    """U = G w G.T: (3, 3, C, F) to (4, 4, C, F)."""
    return _g(_g(w).swapaxes(0, 1)).swapaxes(0, 1)


def weights_back(du: Array) -> Array:
    """The adjoint of `weights`, G.T dU G: (4, 4, C, F) to (3, 3, C, F)."""
    return _g_back(_g_back(du).swapaxes(0, 1)).swapaxes(0, 1)


def _g(w: Array) -> Array:
    ends, middle = 0.5 * (w[0] + w[2]), 0.5 * w[1]
    return np.stack([w[0], ends + middle, ends - middle, w[2]])


def _g_back(du: Array) -> Array:
    both, apart = 0.5 * (du[1] + du[2]), 0.5 * (du[1] - du[2])
    return np.stack([du[0] + both, apart, both + du[3]])


def tiles(x: Array) -> Array:
    """V = B.T d B for all tiles of padded images.

    Parameters
    ----------
    x : array (N, 2 TH + 2, 2 TW + 2, C)

    Returns
    -------
    array (4, 4, N, TH, TW, C)
    """
    n, h, w, c = x.shape
    th, tw = h // 2 - 1, w // 2 - 1
    out = np.empty((TILE, TILE, n, th, tw, c), dtype=x.dtype)
    d0, d1, d2, d3 = (x[:, i : i + 2 * th : 2] for i in range(TILE))           # row i of each tile, (N, TH, W, C)
    for i, row in enumerate((d0 - d2, d1 + d2, d2 - d1, d1 - d3)):
        e0, e1, e2, e3 = (row[:, :, j : j + 2 * tw : 2] for j in range(TILE))  # column j of each tile, (N, TH, TW, C)
        np.subtract(e0, e2, out=out[i, 0])
        np.add(e1, e2, out=out[i, 1])
        np.subtract(e2, e1, out=out[i, 2])
        np.subtract(e1, e3, out=out[i, 3])
    return out


def tiles_back(dv: Array) -> Array:
    """The adjoint of `tiles`, the sum of B dV B.T at each tile's place: to (N, 2 TH + 2, 2 TW + 2, C)."""
    _, _, n, th, tw, c = dv.shape
    rows = []
    for i in range(TILE):  # across first: (N, TH, 2 TW + 2, C) for each row of the tiles
        m0, m1, m2, m3 = dv[i]
        row = np.zeros((n, th, tw + 1, 2, c), dtype=dv.dtype)  # pairs of an even and an odd column
        row[:, :, :-1, 0] = m0
        row[:, :, 1:, 0] += m1 + m2 - m0
        row[:, :, :-1, 1] = m1 - m2 + m3
        row[:, :, 1:, 1] -= m3
        rows.append(row.reshape(n, th, 2 * tw + 2, c))
    m0, m1, m2, m3 = rows
    x = np.zeros((n, th + 1, 2, 2 * tw + 2, c), dtype=dv.dtype)
    x[:, :-1, 0] = m0
    x[:, 1:, 0] += m1 + m2 - m0
    x[:, :-1, 1] = m1 - m2 + m3
    x[:, 1:, 1] -= m3
    return x.reshape(n, 2 * th + 2, 2 * tw + 2, c)


def outputs(m: Array, y: Array) -> None:
    """Write y = A.T M A: products (4, 4, N, TH, TW, F) into outputs (N, OH, OW, F), at most 2 TH x 2 TW of them."""
    for i, row in enumerate((m[0] + m[1] + m[2], m[1] - m[2] - m[3])):         # (4, N, TH, TW, F)
        for j, pixel in enumerate((row[0] + row[1] + row[2], row[1] - row[2] - row[3])):
            place = y[:, i::OUT, j::OUT]
            place[...] = pixel[:, : place.shape[1], : place.shape[2]]


def outputs_back(dy: Array, th: int, tw: int) -> Array:
    """The adjoint of `outputs`, A dy A.T: (N, OH, OW, F) to (4, 4, N, TH, TW, F); outputs that don't exist count 0."""
    n, oh, ow, f = dy.shape
    if (oh, ow) != (OUT * th, OUT * tw):
        whole = np.zeros((n, OUT * th, OUT * tw, f), dtype=dy.dtype)
        whole[:, :oh, :ow] = dy
        dy = whole
    out = np.empty((TILE, TILE, n, th, tw, f), dtype=dy.dtype)
    up, down = dy[:, 0::OUT], dy[:, 1::OUT]
    for i, row in enumerate((up, up + down, up - down, -down)):
        left, right = row[:, :, 0::OUT], row[:, :, 1::OUT]
        out[i, 0] = left
        np.add(left, right, out=out[i, 1])
        np.subtract(left, right, out=out[i, 2])
        np.negative(right, out=out[i, 3])
    return out


def padded_for_tiles(x: Array, padding: tuple[int, int], size: tuple[int, int]) -> Array:
    """Return `x` (N, H, W, C) with its padding and as many zeros more as whole tiles of an output of `size` need."""
    n, h, w, c = x.shape
    th, tw = tile_count(size)
    out = np.zeros((n, OUT * th + 2, OUT * tw + 2, c), dtype=x.dtype)
    out[:, padding[0] : padding[0] + h, padding[1] : padding[1] + w] = x
    return out


def cropped(x: Array, padding: tuple[int, int], shape: Shape) -> Array:
    """The adjoint of `padded_for_tiles`: the part of `x` that is the image of `shape` (N, H, W, C)."""
    return x[:, padding[0] : padding[0] + shape[1], padding[1] : padding[1] + shape[2]]


def tile_count(size: tuple[int, int]) -> tuple[int, int]:
    """Return (TH, TW), how many tiles of 2 x 2 cover an output of `size`."""
    return -(-size[0] // OUT), -(-size[1] // OUT)
