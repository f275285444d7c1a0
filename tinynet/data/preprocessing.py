"""From stored bytes to the numbers that a network takes: minus the mean, and cropped (section 2 of the paper)."""

from __future__ import annotations

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..ops import pair
from ..ops.arrays import shape_text
from ..ops.checks import as_array, check_count
from .bad_files import readable_at
from .dataset import as_data, check_images, lacking_axis
from .image_file import check_resize, load_image

CHANNEL_ORDERS = ("RGB", "BGR")
SAMPLE = 10_000    # a mean over more files than this takes hours and changes by less than a grey level


class Preprocessing:
    """Minus the training set's mean, central crop; by default the numbers stay in the range of bytes.

    Parameters
    ----------
    mean : (H, W, C) mean image of the stored size, or (C,) mean colour
        In the network's order of colours.
    input_size : int or (int, int)
        Height and width that the network takes.
    image_size : int or (int, int), optional
        Height and width of the stored images; by default those of a mean image, or the input's.
    padding : int
        See `Dataset`: pixels of 0 on each side of a stored image, which `load_image` adds. Images without them, as
        digits of 28 x 28 where 32 x 32 are stored, get them too.
    deviation : float, or (C,) one for each channel
        What the differences from the mean are divided by. 1 leaves them as AlexNet's authors had them.
    resize : "crop" or "squash"
        How `load_image` brings an image to the stored size, see the function `load_image`.
    channel_order : "RGB" or "BGR"
        The order of colours that the network takes; stored images are red, green, blue. Networks that were trained with
        Caffe take blue first, as OpenCV reads images.

    Raises
    ------
    ShapeError
        When the mean has another form, or a mean image another size than the stored images.
    ArgumentError
        For another setting that makes no sense; names it.
    """

    def __init__(self, mean, input_size, image_size=None, padding: int = 0, deviation=1.0, resize: str = "crop",
                 channel_order: str = "RGB"):
        if np.asarray(mean).dtype.kind not in "iuf":
            raise ShapeError(f"Preprocessing: mean is {mean!r}, expected an array of numbers, (H, W, C) or (C,)")
        self.mean = np.asarray(mean, np.float32)
        if self.mean.ndim not in (1, 3) or self.mean.shape[-1] not in (1, 3):
            raise ShapeError("Preprocessing: mean must be a mean image (H, W, C) or a mean colour (C,) of 1 or 3 "
                             f"channels, got the shape {self.mean.shape}")
        self.input_size = pair("Preprocessing", "input_size", input_size, 1)
        if image_size is None:
            image_size = self.mean.shape[:2] if self.mean.ndim == 3 else self.input_size
        self.image_size = pair("Preprocessing", "image_size", image_size, 1)
        if self.mean.ndim == 3 and self.mean.shape[:2] != self.image_size:
            raise ShapeError(f"Preprocessing: the mean image is {shape_text(self.mean.shape)}, the stored images are "
                             f"{shape_text(self.image_size)}")
        self.padding = check_count("Preprocessing", "padding", padding, least=0)
        self.deviation = check_deviation(deviation, self.channels)
        self.resize = check_resize("Preprocessing", resize)
        if channel_order not in CHANNEL_ORDERS:
            raise ArgumentError(f"Preprocessing: channel_order is {channel_order!r}, expected "
                                f"{' or '.join(map(repr, CHANNEL_ORDERS))}")
        if channel_order == "BGR" and self.channels != 3:
            raise ArgumentError("Preprocessing: channel_order is 'BGR', and the mean has one channel, grey")
        self.channel_order = channel_order

    @classmethod
    def fit(cls, dataset, input_size, mean: str = "image", deviation: float = 1.0, padding: int = 0) -> Preprocessing:
        """Take the mean of `dataset` (a folder of more than 10,000 files: of 10,000 of them, evenly spread).

        Parameters
        ----------
        dataset : Dataset or ImageFolder
        input_size : int or (int, int)
        mean : "image" (each pixel its own, as the paper) or "colour" (one colour for all)
        deviation : float
            See the class.
        padding : int
            Pixels of 0 to add on each side of the data set's images.

        Raises
        ------
        ArgumentError
            For a setting that makes no sense, and for what is no data set of stored images.
        DataError
            When more than 1% of a folder's files cannot be read.
        """
        if mean not in ("image", "colour"):
            raise ArgumentError(f"Preprocessing.fit: mean must be 'image' or 'colour', got {mean!r}")
        check_stored("Preprocessing.fit", dataset)
        padding = check_count("Preprocessing.fit", "padding", padding, least=0)
        total = np.zeros(dataset.image_shape, np.int64)    # whole numbers: exact, in whatever order they are added
        count = 0
        for images in image_blocks(dataset):
            total += images.sum(axis=0, dtype=np.int64)
            count += len(images)
        mean_image = _with_border(total[None], padding)[0] / count
        return cls(mean_image if mean == "image" else mean_image.mean(axis=(0, 1)), input_size, mean_image.shape[:2],
                   dataset.padding + padding, deviation, getattr(dataset, "resize", "crop"))

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (red, green, blue)."""
        return self.mean.shape[-1]

    @property
    def unpadded_size(self) -> tuple[int, int]:
        """(height, width) of a stored image without its padding."""
        height, width = self.image_size
        return height - 2 * self.padding, width - 2 * self.padding

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and the columns of a stored image that the central crop keeps."""
        top, left = ((full - part) // 2 for full, part in zip(self.image_size, self.input_size, strict=True))
        return slice(top, top + self.input_size[0]), slice(left, left + self.input_size[1])

    def __call__(self, images) -> np.ndarray:
        """uint8 (N, H, W, C) -> float32 (N, h, w, C): minus the mean, central crop."""
        mean = self.mean[self.window] if self.mean.ndim == 3 else self.mean
        return self.scaled(self.in_network_order(self.central_crop(images)) - mean)

    def central_crop(self, images) -> np.ndarray:
        """uint8 (N, H, W, C) -> uint8 (N, h, w, C): what the network takes of stored images, in their own colours."""
        return self.check(images)[:, *self.window]

    def scaled(self, differences: np.ndarray) -> np.ndarray:
        """Divide the differences from the mean by `deviation`, in place."""
        if self.deviation != 1:    # never equal: one for each channel
            differences /= np.asarray(self.deviation, differences.dtype)
        return differences

    def ten_crops(self, images) -> np.ndarray:
        """uint8 (N, H, W, C) -> float32 (N, 10, h, w, C): minus the mean, then `ten_crops`."""
        return ten_crops(self.scaled(self.in_network_order(self.check(images)) - self.mean), self.input_size)

    def check(self, images, pad: int = 0) -> np.ndarray:
        """Return `images` as an array of the stored size, or raise an error that says how they do not fit."""
        images = check_images(images, "Preprocessing")
        if images.shape[1:3] == self.unpadded_size:
            images = _with_border(images, self.padding)
        if images.shape[3] != self.channels:
            raise ShapeError(f"Preprocessing: the mean has {self.channels} channels, the images have "
                             f"{images.shape[3]}")
        # With a mean colour they would fit, but at another scale than the network was trained at.
        if images.shape[1:3] != self.image_size:
            bare = f" (or {shape_text(self.unpadded_size)}, without padding)" if self.padding else ""
            raise ShapeError(f"Preprocessing: made for stored images of {shape_text(self.image_size)}{bare}, these are "
                             f"{shape_text(images.shape[1:3])}; resize them to that size (load_image does)")
        _check_crop(images.shape[1:3], self.input_size, pad)
        return images

    def in_network_order(self, images: np.ndarray) -> np.ndarray:
        """(..., C), red first -> (..., C), the colours in the order that the network takes."""
        return images[..., ::-1] if self.channel_order == "BGR" else images

    def load_image(self, path) -> np.ndarray:
        """Read any image file and bring it to the form of the stored images: uint8 (H, W, C).

        Cropped or squashed, as `resize` says, to the stored size; with `padding`, to what remains inside it, with 0
        around.
        """
        return _with_border(load_image(path, self.unpadded_size, self.channels, self.resize)[None], self.padding)[0]

    def state(self) -> dict:
        """{"mean": the array, "settings": what JSON can hold}, for a checkpoint."""
        settings = {"input_size": list(self.input_size), "image_size": list(self.image_size), "padding": self.padding,
                    "deviation": self.deviation, "resize": self.resize}
        if self.channel_order != "RGB":    # so that runs from before there was `channel_order` resume
            settings["channel_order"] = self.channel_order
        return {"mean": self.mean, "settings": settings}

    @classmethod
    def from_state(cls, state: dict) -> Preprocessing:
        """The inverse of `state`; what an older state lacks is as it was then: cropped, and RGB."""
        return cls(state["mean"], **state["settings"])


def check_deviation(deviation, channels: int) -> float | list[float]:
    """Return a deviation as a number, or as a list of one for each channel; ArgumentError for any other."""
    numbers = np.asarray(deviation)
    if numbers.dtype.kind not in "iuf" or numbers.shape not in ((), (channels,)) or not (
            (numbers > 0) & np.isfinite(numbers)).all():
        raise ArgumentError(f"Preprocessing: deviation is {deviation!r}, expected a number above 0, or one for each of "
                            f"{channels} channels")
    return numbers.astype(float).tolist()


def ten_crops(images, input_size) -> np.ndarray:
    """Ten views of each image: the four corners, the centre, and the mirror images of these five.

    (N, H, W, C) -> (N, 10, h, w, C), in the order top left, top right, bottom left, bottom right, centre; the
    mirror image of view i is view i + 5.
    """
    images = as_array("ten_crops", images)
    if images.ndim != 4:
        raise ShapeError(f"ten_crops: images have shape {images.shape}, expected (N, H, W, C)"
                         f"{lacking_axis(images.shape)}")
    height, width = pair("ten_crops", "input_size", input_size, 1)
    _check_crop(images.shape[1:3], (height, width))
    bottom, right = images.shape[1] - height, images.shape[2] - width
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    views = np.stack([images[:, top:top + height, left:left + width] for top, left in corners], axis=1)
    return np.concatenate([views, views[:, :, :, ::-1]], axis=1)


def check_stored(who: str, dataset) -> None:
    """Raise ArgumentError unless it is a data set of stored images."""
    if not hasattr(as_data(dataset, f"{who}: dataset"), "padding"):
        raise ArgumentError(f"{who}: dataset is a {type(dataset).__name__}, expected a Dataset or an ImageFolder")


def image_blocks(dataset, block: int = 500):
    """Yield the images of a data set, some at a time; only a sample of a large folder, without unreadable files."""
    indices = np.arange(len(dataset))
    if not hasattr(dataset, "images") and len(dataset) > SAMPLE:
        indices = np.linspace(0, len(dataset) - 1, SAMPLE).astype(int)
    for start in range(0, len(indices), block):
        yield readable_at(dataset, indices[start:start + block])[0]


def _with_border(images: np.ndarray, width: int) -> np.ndarray:
    """Add so many rows and columns of 0 on each side: (N, H, W, C); the same array where there are none."""
    return np.pad(images, ((0, 0), (width, width), (width, width), (0, 0))) if width else images


def _check_crop(stored, wanted, pad: int = 0) -> None:
    """Raise an error when `wanted` (height, width) does not fit into the stored image."""
    if any(part > full + 2 * pad for full, part in zip(stored, wanted, strict=True)):
        padded = f" with {pad} pixels on each side" if pad else ""
        raise ShapeError(f"the network takes {shape_text(wanted)} images, the stored ones are only "
                         f"{shape_text(stored)}{padded}: store larger ones, or build the network for this size")
