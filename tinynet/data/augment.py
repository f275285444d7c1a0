"""Augmentation, changes that keep the class: random crops, mirror images, colour (section 4.1 of the paper)."""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError
from ..ops.checks import check_count
from .preprocessing import Preprocessing, image_blocks


class PCAColour:
    """Change the colour and the brightness of a whole image along the colours' principal components.

    The paper adds [p1 p2 p3] [a1 l1, a2 l2, a3 l3] to every pixel: p and l are eigenvectors and eigenvalues of
    the covariance of red, green and blue over all pixels of the training set; a ~ N(0, 0.1) is drawn once for
    each image and use. An eigenvalue is a variance, so the formula means something only with pixels from 0 to 1
    (with 0 to 255 the shifts would be hundreds of grey levels): eigenvalues here have that scale, and shifts are
    multiplied by 255. (The paper says eigenvalues; with their square roots, the standard deviations, the shifts
    would be larger.)

    Parameters
    ----------
    eigenvalues : (3,), for pixels from 0 to 1
    eigenvectors : (3, 3), one in each column
    """

    def __init__(self, eigenvalues, eigenvectors):
        self.eigenvalues = np.asarray(eigenvalues, np.float64)
        self.eigenvectors = np.asarray(eigenvectors, np.float64)
        if self.eigenvalues.shape != (3,) or self.eigenvectors.shape != (3, 3):
            raise ShapeError("PCAColour: expected eigenvalues (3,) and eigenvectors (3, 3), got "
                             f"{self.eigenvalues.shape} and {self.eigenvectors.shape}")

    @classmethod
    def fit(cls, dataset) -> PCAColour:
        """Compute both from the pixels of `dataset` (of a folder of more than 10,000 files: from 10,000 of them)."""
        if dataset.image_shape[2] != 3:
            raise ShapeError(f"PCAColour: expected images of 3 channels, got {dataset.image_shape[2]}")
        count, total, products = 0, np.zeros(3), np.zeros((3, 3))
        for images in image_blocks(dataset):
            pixels = images.reshape(-1, 3).astype(np.float64)    # whole numbers: the sums below are exact
            count, total, products = count + len(pixels), total + pixels.sum(0), products + pixels.T @ pixels
        mean = total / count
        covariance = (products / count - np.outer(mean, mean)) / 255**2
        return cls(*np.linalg.eigh(covariance))

    def shift(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw what to add to each of `count` images: float32 (count, 3), for pixels from 0 to 255."""
        alpha = generator.normal(0, 0.1, (count, 3))
        return (255 * (alpha * self.eigenvalues) @ self.eigenvectors.T).astype(np.float32)


class Augmentation:
    """Random crop, mirror image and colour for each use of a training image.

    Parameters
    ----------
    crop : bool
        A random crop instead of the central one.
    mirror : bool
        Left and right exchanged with probability 1/2.
    pad : int
        First add so many pixels of the mean on each side of the stored image, so that there is room to crop where
        images are stored at the size that the network takes.
    colour : PCAColour or None
    """

    def __init__(self, crop: bool = True, mirror: bool = True, pad: int = 0, colour: PCAColour | None = None):
        self.crop, self.mirror, self.colour = crop, mirror, colour
        self.pad = check_count("Augmentation", "pad", pad, least=0)

    def __call__(self, images, preprocessing: Preprocessing, generator: np.random.Generator) -> np.ndarray:
        """uint8 (N, H, W, C) -> float32 (N, h, w, C), minus the mean of `preprocessing`, at its input size."""
        images = preprocessing.check(images, self.pad)
        count, height, width, channels = images.shape
        pad = self.pad
        canvas = np.zeros((height + 2 * pad, width + 2 * pad, channels), np.float32)    # 0 is the mean
        inner = canvas[pad:pad + height, pad:pad + width]
        out_height, out_width = preprocessing.input_size
        room = np.array([canvas.shape[0] - out_height, canvas.shape[1] - out_width])
        corners = generator.integers(0, room + 1, (count, 2)) if self.crop else np.tile(room // 2, (count, 1))
        mirrored = generator.random(count) < 0.5 if self.mirror else np.zeros(count, bool)
        out = np.empty((count, out_height, out_width, channels), np.float32)
        for image, view, (top, left), flip in zip(images, out, corners.tolist(), mirrored.tolist(), strict=True):
            np.subtract(image, preprocessing.mean, out=inner)
            window = canvas[top:top + out_height, left:left + out_width]
            view[:] = window[:, ::-1] if flip else window
        if self.colour is not None:
            out += self.colour.shift(generator, count)[:, None, None, :]
        return preprocessing.scaled(out)

    @property
    def settings(self) -> dict:
        """What JSON can hold; `from_settings` rebuilds the augmentation."""
        colour = self.colour and {"eigenvalues": self.colour.eigenvalues.tolist(),
                                  "eigenvectors": self.colour.eigenvectors.tolist()}
        return {"crop": self.crop, "mirror": self.mirror, "pad": self.pad, "colour": colour}

    @classmethod
    def from_settings(cls, settings: dict) -> Augmentation:
        """The inverse of `settings`."""
        colour = settings.get("colour") and PCAColour(**settings["colour"])
        return cls(**{**settings, "colour": colour})
