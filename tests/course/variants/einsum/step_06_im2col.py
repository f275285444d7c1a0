import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def output_size(length, kernel, stride, padding):
    return (length + 2 * padding - kernel) // stride + 1


def windows(x, kernel, stride, padding):
    wide = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    seen = sliding_window_view(wide, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]   # (N, OH, OW, C, K, K)
    return np.einsum("nijcab->nijabc", seen)


def im2col(x, kernel, stride=1, padding=0):
    seen = windows(x, kernel, stride, padding)
    return seen.reshape(seen.shape[0] * seen.shape[1] * seen.shape[2], -1)


def col2im(rows, shape, kernel, stride=1, padding=0):
    # Which pixel each number of a row came from is known once the pixels' numbers are laid out in the same way.
    n, h, w, c = shape
    pixels = im2col(np.arange(1, h * w * c + 1).reshape(1, h, w, c), kernel, stride, padding)
    image = np.zeros((n, h * w * c + 1), rows.dtype)
    for i, own in enumerate(rows.reshape(n, -1)):
        np.add.at(image[i], pixels.ravel(), own)
    return image[:, 1:].reshape(shape)
