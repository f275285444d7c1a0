import numpy as np


def output_size(length, kernel, stride, padding):
    return (length + 2 * padding - kernel) // stride + 1


def pixel_numbers(h, w, kernel, stride, padding):
    """Rows and columns, in the padded image, of all windows' pixels: (OH, 1, K, 1) and (1, OW, 1, K)."""
    oh, ow = output_size(h, kernel, stride, padding), output_size(w, kernel, stride, padding)
    down = stride * np.arange(oh)[:, None, None, None] + np.arange(kernel)[None, None, :, None]
    across = stride * np.arange(ow)[None, :, None, None] + np.arange(kernel)[None, None, None, :]
    return down, across


def im2col(x, kernel, stride=1, padding=0):
    down, across = pixel_numbers(x.shape[1], x.shape[2], kernel, stride, padding)
    wide = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    return wide[:, down, across].reshape(-1, kernel * kernel * x.shape[3])


def col2im(rows, shape, kernel, stride=1, padding=0):
    n, h, w, c = shape
    down, across = pixel_numbers(h, w, kernel, stride, padding)
    patches = rows.reshape(n, down.shape[0], across.shape[1], kernel, kernel, c)
    wide = np.zeros((n, h + 2 * padding, w + 2 * padding, c), rows.dtype)
    np.add.at(wide, (slice(None), down, across), patches)
    return wide[:, padding : h + padding, padding : w + padding].copy()
