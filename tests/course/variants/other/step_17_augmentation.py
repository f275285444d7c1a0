import numpy as np


def random_crop(images, size, generator):
    n, h, w, _ = images.shape
    top = generator.integers(0, h - size, n, endpoint=True)[:, None, None]
    left = generator.integers(0, w - size, n, endpoint=True)[:, None, None]
    return images[np.arange(n)[:, None, None], top + np.arange(size)[:, None], left + np.arange(size)]


def random_mirror(images, generator):
    columns = np.arange(images.shape[2])
    flip = generator.random((len(images), 1)) > 0.5
    columns = np.where(flip, columns[::-1], columns)                                          # (N, W)
    return np.take_along_axis(images, columns[:, None, :, None], axis=2)


def pca_colour(images, eigenvalues, eigenvectors, generator):
    shifts = [eigenvectors @ (generator.normal(0, 0.1, 3) * eigenvalues) * 255 for _ in images]
    return (images + np.array(shifts, dtype=images.dtype).reshape(-1, 1, 1, 3)).astype(images.dtype)
