"""The few operations that layers are built from and that plain array expressions would leave unclear or slow.

Each is linear in its array (the maximum aside) and stands beside its adjoint, the operation that backward needs:
im2col and col2im, window_max and window_max_back, window_sum and window_sum_back; nearby_sum and around_sum are their
own. The optimizers' updates stand at the end.
"""
from collections.abc import Callable, Iterator

from .arrays import Array, Shape, array_module
from .matmul import matmul as matmul
from .threads import map_in_order
from .window import Window

BLOCK = 65_536  # numbers; three blocks of float32 and a temporary are 1 MB, which a core's cache holds
PIECE = 16 * BLOCK  # numbers that a thread takes on at a time


def im2col(x: Array, window: Window) -> Array:
    """Lay out what each window sees as one row.

    Parameters
    ----------
    x : array (N, H, W, C)
    window : Window

    Returns
    -------
    array (N*OH*OW, KH*KW*C)
        Row (n, i, j) is the patch under window (i, j) of image n; places outside the image are 0. To be read, not
        written to: it may share x's memory.
    """
    x = padded(x, window)
    n, h, w, c = x.shape
    (kh, kw), (sh, sw) = window.kernel, window.stride
    oh, ow = (h - kh) // sh + 1, (w - kw) // sw + 1
    step_n, step_h, step_w, step_c = x.strides
    patches = array_module(x).lib.stride_tricks.as_strided(  # a view: windows overlap in memory as in the image
        x, (n, oh, ow, kh, kw, c), (step_n, step_h * sh, step_w * sw, step_h, step_w, step_c)
    )
    return patches.reshape(n * oh * ow, kh * kw * c)  # copies, in runs of KW*C; a view for 1 x 1 windows at stride 1


def col2im(cols: Array, shape: Shape, window: Window) -> Array:
    """Add each row of `cols` (N*OH*OW, KH*KW*C) back to the places that im2col read it from.

    Returns
    -------
    array of shape `shape` (N, H, W, C)
    """
    n, h, w, c = shape
    (kh, kw), (oh, ow) = window.kernel, window.output_size((h, w))
    patches = cols.reshape(n, oh, ow, kh, kw, c)
    total, inside = zeros_with_edges(cols, shape, window)
    for i, j, places in offsets(window, oh, ow):
        total[places] += patches[:, :, :, i, j]
    return inside


def window_max(x: Array, window: Window) -> Array:
    """Return the largest value under each window, (N, OH, OW, C): down the rows first, then across."""
    maximum = array_module(x).maximum
    return along_both(padded(x, window, -float("inf")), window, maximum)


def window_max_back(dy: Array, x: Array, y: Array, window: Window) -> Array:
    """Add each window's dy to the one place that its maximum y came from: the first, row by row, that equals it.

    Parameters
    ----------
    dy, y : array (N, OH, OW, C)
    x : array (N, H, W, C)
    window : Window

    Returns
    -------
    array (N, H, W, C)
        A maximum of nan equals no place, not even its own: the dy of such a window goes nowhere.
    """
    seen = padded(x, window, float("nan"))  # nan equals nothing: what is added never wins, not even against -inf
    total, inside = zeros_with_edges(dy, x.shape, window)
    free = array_module(x).ones(y.shape, dtype=bool)  # windows whose winner has not been met yet
    for _, _, places in offsets(window, *y.shape[1:3]):
        wins = (seen[places] == y) & free
        total[places] += dy * wins
        free ^= wins
    return inside


def window_sum(x: Array, window: Window) -> Array:
    """Return the sum under each window, (N, OH, OW, C)."""
    return along_both(padded(x, window), window, array_module(x).add)


def window_sum_back(dy: Array, shape: Shape, window: Window) -> Array:
    """Add each window's dy (N, OH, OW, C) to every place under it; returns an array of `shape` (N, H, W, C)."""
    total, inside = zeros_with_edges(dy, shape, window)
    for _, _, places in offsets(window, *dy.shape[1:3]):
        total[places] += dy
    return inside


def nearby_sum(x: Array, size: int, groups: int = 1) -> Array:
    """Return, for each channel (the last axis), the sum over the `size` (odd) channels around it that exist.

    With `groups`, the channels fall into that many equal parts, and no sum reaches from one part into another.
    """
    xp, half, length = array_module(x), size // 2, x.shape[-1] // groups
    # Each part with zeros at both ends, all of them in one row: what is `shift` channels away is `shift` places away,
    # and the sums run through memory without a break.
    parts = xp.zeros((x.size // length, half + length + half), dtype=x.dtype)
    parts[:, half : half + length] = x.reshape(-1, length)
    row, total = parts.reshape(-1), xp.zeros_like(parts)
    count = row.size - 2 * half
    sums = total.reshape(-1)[:count]
    for shift in range(size):
        sums += row[shift : shift + count]
    return total[:, :length].reshape(x.shape)


def around_sum(x: Array, size: int) -> Array:
    """Return, for each place of images (N, H, W, C), the sum over the `size` x `size` (odd) places around it."""
    for axis in (1, 2):
        total = x.copy()
        for shift in range(1, min(size // 2 + 1, x.shape[axis])):
            before, after = [slice(None)] * 4, [slice(None)] * 4
            before[axis], after[axis] = slice(None, -shift), slice(shift, None)
            total[tuple(after)] += x[tuple(before)]
            total[tuple(before)] += x[tuple(after)]
        x = total
    return x


def padded(x: Array, window: Window, value: float = 0.0) -> Array:
    """Return `x` (N, H, W, C) with `value` around it, as far as the windows reach; `x` itself where they don't."""
    n, h, w, c = x.shape
    (top, bottom), (left, right) = window.edges((h, w))
    if not (top or bottom or left or right):
        return x
    out = array_module(x).full((n, top + h + bottom, left + w + right, c), value, dtype=x.dtype)
    out[:, top : top + h, left : left + w] = x
    return out


def zeros_with_edges(like: Array, shape: Shape, window: Window) -> tuple[Array, Array]:
    """Return zeros as large as `padded` makes an image of `shape`, and the view of them that is the image itself."""
    n, h, w, c = shape
    (top, bottom), (left, right) = window.edges((h, w))
    total = array_module(like).zeros((n, top + h + bottom, left + w + right, c), dtype=like.dtype)
    return total, total[:, top : top + h, left : left + w]


def offsets(window: Window, oh: int, ow: int):
    """Yield (i, j, places) for each place (i, j) in the window, row by row.

    `places` picks out of a padded image what all (OH, OW) windows have at (i, j).
    """
    for i in range(window.kernel[0]):
        for j in range(window.kernel[1]):
            yield i, j, (slice(None), every(window.stride[0], i, oh), every(window.stride[1], j, ow))


def every(stride: int, start: int, count: int) -> slice:
    """Return the slice that takes `count` places from `start` on, `stride` apart."""
    return slice(start, start + (count - 1) * stride + 1, stride)


def along_both(x: Array, window: Window, combine: Callable) -> Array:
    """Combine what each window of `x` (N, H, W, C) sees: first down its rows, then across its columns."""
    for axis in (0, 1):
        kernel, stride = window.kernel[axis], window.stride[axis]
        count = (x.shape[1 + axis] - kernel) // stride + 1
        before = (slice(None),) * (1 + axis)
        total = x[before + (every(stride, 0, count),)].copy()
        for offset in range(1, kernel):
            combine(total, x[before + (every(stride, offset, count),)], out=total)
        x = total
    return x


def sgd_update(w: Array, v: Array, g: Array, rate: float, momentum: float, decay: float) -> None:
    """Change w and v in place: v <- momentum v - decay rate w - rate g;  w <- w + v.

    Goes through memory in blocks that fit the cache, shared out among threads: the update does little arithmetic on
    much memory, and with temporaries of the size of the largest parameter it would take three times as long.
    """

    def change(piece: tuple[Array, ...]) -> None:
        for w, v, g in blocks(BLOCK, *piece):
            v *= momentum
            v -= decay * rate * w
            v -= rate * g
            w += v

    for _ in map_in_order(change, blocks(PIECE, w, v, g)):
        pass  # each piece is changed in its place


def adam_update(
    w: Array, m: Array, v: Array, g: Array, rate: float, betas: tuple[float, float], epsilon: float, decay: float,
    t: int,
) -> None:
    """Change w, m and v in place, in the t-th step, from 1 on:

    m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;
    w <- w - decay rate w - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).

    In blocks and threads, as in `sgd_update`.
    """
    (beta1, beta2), xp = betas, array_module(w)
    step, left = rate / (1 - beta1**t), 1 - beta2**t

    def change(piece: tuple[Array, ...]) -> None:
        for w, m, v, g in blocks(BLOCK, *piece):
            g = g.astype(m.dtype, copy=False)  # float16 becomes float32, as m and v are
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            w -= decay * rate * w
            w -= step * m / (xp.sqrt(v / left) + epsilon)

    for _ in map_in_order(change, blocks(PIECE, w, m, v, g)):
        pass  # as above


def blocks(numbers: int, *arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Yield views of the same part of all arrays, of at most `numbers` numbers each.

    An array whose numbers do not lie in a row cannot be flattened without a copy: then all is one block.
    """
    if not all(array.flags.c_contiguous for array in arrays):
        yield arrays
        return
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, flat[0].size, numbers):
        yield tuple(array[start : start + numbers] for array in flat)
