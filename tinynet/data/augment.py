"""Augmentation, changes that keep the class: random crops, mirror images, colour (section 4.1 of the paper)."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..errors import ArgumentError, ShapeError
from ..ops.checks import check_count
from .preprocessing import Preprocessing, check_stored, image_blocks


class PCAColour:
    """Change the colour and the brightness of a whole image along the colours' principal components.

    The paper adds [p1 p2 p3] [a1 l1, a2 l2, a3 l3] to every pixel: p and l are eigenvectors and eigenvalues of
    the covariance of red, green and blue over all pixels of the training set; a ~ N(0, 0.1²) is drawn once for
    each image and use. An eigenvalue is a variance, so the formula means something only with pixels from 0 to 1
    (with 0 to 255 the shifts would be hundreds of grey levels): eigenvalues here have that scale, and shifts are
    multiplied by 255. (The paper says eigenvalues; with their square roots, the standard deviations, the shifts
    would be larger.)

    Parameters
    ----------
    eigenvalues : (3,), for pixels from 0 to 1
    eigenvectors : (3, 3), one in each column

    Raises
    ------
    ShapeError
        For arrays of other shapes.
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
        check_stored("PCAColour.fit", dataset)
        if dataset.image_shape[2] != 3:
            raise ShapeError(f"PCAColour: expected images of 3 channels, got {dataset.image_shape[2]}")
        count, total, products = 0, np.zeros(3), np.zeros((3, 3))
        for images in image_blocks(dataset, 50):    # as float64 they take eight times the memory
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
    """Random stretch, crop, mirror image and colour for each use of a training image.

    Parameters
    ----------
    crop : bool
        A random crop instead of the central one.
    mirror : bool
        Left and right exchanged with probability 1/2.
    pad : int
        After the stretch, add so many pixels of the mean on each side of the image, so that there is room to crop where
        images are stored at the size that the network takes.
    colour : PCAColour or None
    stretch : float
        Before the crop, make the image wider or higher by a random factor of up to 1 + stretch: the logarithm of the
        proportions' change is uniform. 0: never. 1/3 gives the range of Szegedy et al. 2015 (section 6), 3/4 to 4/3.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.
    """

    def __init__(self, crop: bool = True, mirror: bool = True, pad: int = 0, colour: PCAColour | None = None,
                 stretch: float = 0.0):
        if colour is not None and not isinstance(colour, PCAColour):
            raise ArgumentError(f"Augmentation: colour is {colour!r}, expected a PCAColour, such as "
                                "PCAColour.fit(train), or None")
        self.crop, self.mirror, self.colour = crop, mirror, colour
        self.pad = check_count("Augmentation", "pad", pad, least=0)
        if isinstance(stretch, bool) or not isinstance(stretch, int | float) or not 0 <= stretch < float("inf"):
            raise ArgumentError(f"Augmentation: stretch is {stretch!r}, expected a number from 0 up")
        self.stretch = float(stretch)

    def __call__(self, images, preprocessing: Preprocessing, generator: np.random.Generator, start: int = 0,
                 count: int | None = None) -> np.ndarray:
        """uint8 (N, H, W, C) -> float32 (N, h, w, C), minus the mean of `preprocessing`, at its input size.

        The images may be some of a batch of `count`, those from `start` on: they get the numbers that are drawn for
        them in the whole batch.
        """
        if self.colour is not None and preprocessing.channels != 3:
            raise ShapeError(f"Augmentation: colour changes red, green and blue, and the images have "
                             f"{preprocessing.channels} channel")
        images = preprocessing.in_network_order(preprocessing.check(images, self.pad))
        height, width, channels = images.shape[1:]
        own = slice(start, start + len(images))
        count = len(images) if count is None else count
        pad, mean = self.pad, preprocessing.mean
        sizes = self._draw_sizes(generator, count, height, width)
        canvas = np.zeros((*(sizes.max(axis=0) + 2 * pad), channels), np.float32)    # 0 is the mean
        out_height, out_width = preprocessing.input_size
        room = sizes + 2 * pad - np.array([out_height, out_width])
        corners = generator.integers(0, room + 1, (count, 2)) if self.crop else room // 2
        mirrored = generator.random(count) < 0.5 if self.mirror else np.zeros(count, bool)
        out = np.empty((len(images), out_height, out_width, channels), np.float32)
        for image, view, size, (top, left), flip in zip(
                images, out, sizes[own].tolist(), corners[own].tolist(), mirrored[own].tolist(), strict=True):
            if self.stretch:
                canvas[:] = 0    # an image before this one may have been larger
                image = stretched(image, *size)
                mean = stretched(preprocessing.mean, *size) if mean.ndim == 3 else mean
            np.subtract(image, mean, out=canvas[pad:pad + size[0], pad:pad + size[1]])
            window = canvas[top:top + out_height, left:left + out_width]
            view[:] = window[:, ::-1] if flip else window
        if self.colour is not None:
            shift = self.colour.shift(generator, count)[own]                   # (N, 3), red first
            out += preprocessing.in_network_order(shift)[:, None, None, :]
        return preprocessing.scaled(out)

    def _draw_sizes(self, generator: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
        """Heights and widths of the stretched images, at least the stored ones, so that every crop fits: (count, 2)."""
        sizes = np.tile([height, width], (count, 1))
        if self.stretch == 0:
            return sizes    # and nothing is drawn
        most = np.log1p(self.stretch)
        wider = generator.uniform(-most, most, count)    # the logarithm of width / height, after over before
        # Above 0 the width grows by e**wider, below 0 the height by e**-wider: nothing gets smaller.
        return np.rint(sizes * np.exp(np.maximum(0, np.stack([-wider, wider], axis=1)))).astype(int)

    @property
    def settings(self) -> dict:
        """What JSON can hold; `from_settings` rebuilds the augmentation. `stretch` is in it only where it is not 0."""
        colour = self.colour and {"eigenvalues": self.colour.eigenvalues.tolist(),
                                  "eigenvectors": self.colour.eigenvectors.tolist()}
        settings = {"crop": self.crop, "mirror": self.mirror, "pad": self.pad, "colour": colour}
        return settings | {"stretch": self.stretch} if self.stretch else settings    # runs from before it resume

    @classmethod
    def from_settings(cls, settings: dict) -> Augmentation:
        """The inverse of `settings`."""
        colour = settings.get("colour") and PCAColour(**settings["colour"])
        return cls(**{**settings, "colour": colour})


def stretched(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bring an image (H, W, C), uint8 or float32, to height x width by bilinear interpolation."""
    planes = [np.asarray(Image.fromarray(image[:, :, channel]).resize((width, height), Image.Resampling.BILINEAR))
              for channel in range(image.shape[2])]
    return np.stack(planes, axis=2)
