import numpy as np


def random_crop(images, size, generator):
    out = []
    for image in images:
        top = generator.integers(image.shape[0] - size + 1)
        left = generator.integers(image.shape[1] - size + 1)
        out.append(image[top : top + size, left : left + size])
    return np.stack(out)


def random_mirror(images, generator):
    out = images.copy()
    for i in range(len(out)):
        if generator.random() < 0.5:
            out[i] = images[i][:, ::-1]
    return out


def pca_colour(images, eigenvalues, eigenvectors, generator):
    out = np.empty_like(images)
    for i in range(len(images)):
        shift = np.zeros(3)
        for j in range(3):
            shift += generator.normal(0, 0.1) * eigenvalues[j] * eigenvectors[:, j]
        out[i] = images[i] + (255 * shift).astype(images.dtype)
    return out
