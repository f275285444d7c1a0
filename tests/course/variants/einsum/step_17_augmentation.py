import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def random_crop(images, size, generator):
    parts = sliding_window_view(images, (size, size), axis=(1, 2))                            # (N, ., ., C, size, size)
    n = np.arange(len(images))
    tops, lefts = generator.integers([parts.shape[1], parts.shape[2]], size=(len(images), 2)).T
    return np.einsum("nchw->nhwc", parts[n, tops, lefts]).copy()


def random_mirror(images, generator):
    which = generator.integers(0, 2, len(images)).astype(bool)
    out = images.copy()
    out[which] = out[which][:, :, ::-1]
    return out


def pca_colour(images, eigenvalues, eigenvectors, generator):
    a = 0.1 * generator.standard_normal((images.shape[0], 3))
    return images + np.einsum("kj,nj,j->nk", 255 * eigenvectors, a, eigenvalues)[:, None, None].astype(images.dtype)
