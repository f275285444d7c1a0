"""The checks of crops, mirror images and shifts of colour, which are random: by what many draws have to be like."""
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .common import dtype_fault, unchanged
from .step import Part, Point


def examine_crop(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    n, size = 300, int(generator.integers(3, 5))
    h, w = size + 2, size + 3
    images = numbered(n, h, w)
    given = images.copy()
    found = student(given, size, generator)
    shape = (n, size, size, 2)
    if getattr(found, "shape", None) != shape:
        yield Point("numbers", "crops", f"the shape is {np.shape(found)}, expected {shape}")
        return
    yield Point("contract", "dtype", "" if found.dtype == images.dtype else f"dtype is {found.dtype}, of the images "
                f"{images.dtype}")
    yield unchanged("the images", {"the images": (given, images)})
    # The first number tells the image, and the place in it, that a crop begins at.
    first = found[:, 0, 0, 0] // 2
    tops, lefts = (first % (h * w)) // w, first % w
    inside = (tops <= h - size) & (lefts <= w - size)
    for i in range(n):
        own = images[i, tops[i] : tops[i] + size, lefts[i] : lefts[i] + size] if inside[i] else None
        if own is None or not np.array_equal(found[i], own):
            yield Point("numbers", "crops", f"result {i} is no part of image {i}")
            return
    yield Point("numbers", "crops")
    places = len(set(zip(tops.tolist(), lefts.tolist(), strict=True)))
    for what, drawn, last in (("down", tops, h - size), ("across", lefts, w - size)):
        never = sorted(set(range(last + 1)) - set(drawn.tolist()))
        counts = np.bincount(drawn, minlength=last + 1)
        fault = f"in {n} images no crop begins at place {never[0]} {what}, of 0 to {last}" if never else ""
        if not fault and np.abs(counts - n / (last + 1)).max() > 6 * np.sqrt(n / (last + 1)):
            fault = f"the places {what} are not equally probable: {counts.tolist()} crops at places 0 to {last}"
        yield Point("numbers", f"places {what}", fault)
    some = int((h - size + 1) * (w - size + 1))
    yield Point("numbers", "places in both directions", "" if places == some else f"{places} different places in {n} "
                f"images, of {some}: does each image have a draw of its own, in both directions?")
    yield Point("contract", "where the places come from", draws_fault(
        lambda own: student(images.copy(), size, own), int(generator.integers(1000))))


def draws_fault(call: Callable[[np.random.Generator], Any], seed: int) -> str:
    """Say where random numbers come from something else than the generator that a function is given."""
    generators = [np.random.default_rng(seed) for _ in range(2)]
    first, same = map(call, generators)
    if not np.array_equal(first, same):
        return "for a generator in the same state it gives another result: draw from the generator that it is given"
    if np.array_equal(first, call(generators[0])):
        return "a second call with the same generator gives the same result: draw from the one that it is given"
    return ""


def numbered(n: int, h: int, w: int) -> np.ndarray:
    """Return images (n, h, w, 2), all of whose numbers are different, in order."""
    return np.arange(n * h * w * 2, dtype=np.int64).reshape(n, h, w, 2)


def examine_mirror(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    images = numbered(200, 2, 3)
    given = images.copy()
    found = student(given, generator)
    if getattr(found, "shape", None) != images.shape:
        yield Point("numbers", "mirror images", f"the shape is {np.shape(found)}, expected {images.shape}")
        return
    yield Point("contract", "dtype", "" if found.dtype == images.dtype else f"dtype is {found.dtype}, of the images "
                f"{images.dtype}")
    yield unchanged("the images", {"the images": (given, images)})
    plain = (found == images).all(axis=(1, 2, 3))
    mirrored = (found == images[:, :, ::-1]).all(axis=(1, 2, 3))
    neither = np.flatnonzero(~(plain | mirrored))
    fault = f"result {neither[0]} is neither image {neither[0]} nor its mirror image (left and right exchanged)" \
        if len(neither) else ""
    yield Point("numbers", "mirror images", fault)
    if not fault:
        share = mirrored.mean()
        yield Point("numbers", "how many", "" if 0.3 < share < 0.7 else f"{share:.0%} of 200 images were mirrored, "
                    "expected about half: does each have a draw of its own?")
    yield Point("contract", "where the draws come from", draws_fault(
        lambda own: student(images.copy(), own), int(generator.integers(1000))))


def examine_colour(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    eigenvectors, _ = np.linalg.qr(generator.standard_normal((3, 3)))
    eigenvalues = np.array([0.2, 0.03, 0.008]) * generator.uniform(0.8, 1.2, 3)
    images = generator.uniform(0, 255, (400, 2, 3, 3))
    given = images.copy()
    found = student(given, eigenvalues, eigenvectors, generator)
    if getattr(found, "shape", None) != images.shape:
        yield Point("numbers", "colours", f"the shape is {np.shape(found)}, expected {images.shape}")
        return
    yield unchanged("the images", {"the images": (given, images)})
    shifts = found - images
    shift = shifts[:, 0, 0]                                                    # (N, 3)
    if np.abs(shifts - shift[:, None, None]).max() > 1e-6:
        yield Point("numbers", "one shift an image", "the pixels of an image get different shifts, expected one for "
                    "the whole image")
        return
    yield Point("numbers", "one shift an image", "all images get the same shift: each needs a draw of its own"
                if np.abs(shift - shift[0]).max() < 1e-9 else "")
    alpha = shift @ eigenvectors / (255 * eigenvalues)                         # (N, 3), N(0, 0.1**2) if it is right
    yield Point("numbers", "shifts", colour_fault(alpha, shift, eigenvalues, eigenvectors))
    single = student(images[:2].astype(np.float32), eigenvalues, eigenvectors, generator)
    yield Point("contract", "float32 stays float32", dtype_fault(single))
    yield Point("contract", "where the draws come from", draws_fault(
        lambda own: student(images.copy(), eigenvalues, eigenvectors, own), int(generator.integers(1000))))


def colour_fault(
    alpha: np.ndarray, shift: np.ndarray, eigenvalues: np.ndarray, eigenvectors: np.ndarray
) -> str:
    """Say what is wrong with the shifts; nothing if along each eigenvector they are 255 * N(0, 0.1**2) * eigenvalue."""

    def fits(numbers: np.ndarray) -> bool:
        return bool((np.abs(numbers.std(axis=0) / 0.1 - 1) < 0.25).all())

    if not fits(alpha):
        if fits(255 * alpha):
            return "the shifts are 255 times too small: eigenvalues are for pixels from 0 to 1"
        if fits(10 * alpha) or fits(alpha / 10):
            return "the shifts have 10 times, or a tenth of, the size: a ~ N(0, 0.1**2) has the standard deviation 0.1"
        if fits(shift @ eigenvectors.T / (255 * eigenvalues)):
            return "the eigenvectors are transposed: each is a COLUMN, eigenvectors[:, i]"
        if fits(shift @ eigenvectors / (255 * np.sqrt(eigenvalues))):
            return "the shifts are too large: they have the eigenvalues' square roots as factors"
        sizes = ", ".join(f"{each:.3g}" for each in alpha.std(axis=0))
        return (f"along the three eigenvectors the shifts, divided by 255 and the eigenvalue, have the standard "
                f"deviations {sizes}, expected 0.1 each")
    if (np.abs(alpha.mean(axis=0)) > 0.1 * 6 / np.sqrt(len(alpha))).any():
        return "the shifts go to one side: their mean over many images should be about 0"
    correlation = np.corrcoef(alpha.T)
    if np.abs(correlation - np.eye(3)).max() > 0.4:
        return "one number is drawn for all three eigenvectors, expected three numbers an image"
    return ""


AUGMENTATION: dict[str, Part] = {
    "random_crop": Part("random_crop", examine_crop),
    "random_mirror": Part("random_mirror", examine_mirror),
    "pca_colour": Part("pca_colour", examine_colour),
}
