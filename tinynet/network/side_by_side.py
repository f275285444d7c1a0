"""Several windows side by side as one wide window, whose filters are shifted copies of the filters.

Two neighbouring outputs of a filter of three taps see four inputs d, and with a matrix of two columns they are one
product:

    y0 = d0 g0 + d1 g1 + d2 g2                                 | g0  0 |
    y1 = d1 g0 + d2 g1 + d3 g2      or (y0 y1) = (d0 d1 d2 d3) | g1 g0 |
                                                               | g2 g1 |
                                                               |  0 g2 |

The zeros are multiplied too. What is won: im2col copies fewer and longer rows, and a product with many columns goes
faster than one with few.
"""
from ..ops.arrays import Array, Shape, array_module
from ..ops.numpy_ops import zeros_with_edges
from ..ops.window import Window

MOST_COLUMNS = 128  # of the matrix: from there on products go as fast as they ever will


def windows_beside(width: int, taps: int, filters: int) -> int:
    """Return how many windows to take as one: a divisor of the output's width, with not too many zeros."""
    most = min(MOST_COLUMNS // filters, 3 * taps)
    return max((count for count in range(1, most + 1) if width % count == 0), default=1)


def wide_window(window: Window, count: int) -> Window:
    """Return the window that covers `count` windows (stride 1) side by side."""
    kh, kw = window.kernel
    return Window((kh, kw + count - 1), (1, count), window.padding, False)


def wide_weights(w: Array, channels: int, count: int) -> Array:
    """Lay out shifted copies of filters: (R, KW*C, F) to (R, (KW + count - 1)*C, count*F)."""
    rows, length, filters = w.shape
    wide = array_module(w).zeros((rows, length + (count - 1) * channels, count, filters), dtype=w.dtype)
    for t in range(count):
        wide[:, t * channels : t * channels + length, t] = w
    return wide.reshape(rows, -1, count * filters)


def wide_weights_back(dwide: Array, channels: int, count: int) -> Array:
    """Add the copies up: (R, (KW + count - 1)*C, count*F) to (R, KW*C, F)."""
    rows, total, columns = dwide.shape
    length = total - (count - 1) * channels
    copies = dwide.reshape(rows, total, count, columns // count)
    return sum(copies[:, t * channels : t * channels + length, t] for t in range(count))


def wide_col2im(cols: Array, shape: Shape, window: Window) -> Array:
    """Add each row of `cols` (N*OH*OW, KH*KW*C) back to the places of `shape` (N, H, W, C) that im2col read it from.

    What col2im does, in runs of KW*C numbers: for windows of which few stand side by side.
    """
    n, h, w, c = shape
    (kh, kw), (oh, ow) = window.kernel, window.output_size((h, w))
    patches = cols.reshape(n, oh, ow, kh, kw * c)
    total, inside = zeros_with_edges(cols, shape, window)
    rows = total.reshape(n, total.shape[1], -1)
    for j in range(ow):
        start = j * window.stride[1] * c
        for i in range(kh):
            rows[:, i : i + oh, start : start + kw * c] += patches[:, :, j, i]
    return inside

