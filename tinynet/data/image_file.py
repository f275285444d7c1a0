"""Reads one image file, of any common format, as 8-bit pixels."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from ..errors import ArgumentError, DataError
from ..files import name_in_errors, user_path
from ..ops import pair
from ..ops.checks import check_count, check_path

RESIZES = ("crop", "squash")    # the ways to bring an image to a size
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
MOST_PIXELS = 25_000_000    # to decode from a file, so that it takes less than 300 MB
PHOTOMETRIC, MIN_IS_WHITE, YCBCR = 262, 0, 6    # a tag of TIFF, and two of its values
ROWS = 256                  # to put on white at a time
# The 8 bits for each value of 16 and of 12 bits: 65535, or 4095, becomes 255.
SIXTEEN_BITS = [(value + 128) // 257 for value in range(2**16)]
TWELVE_BITS = [(255 * min(value, 4095) + 2047) // 4095 for value in range(2**16)]
# Pillow's name for the form of a PNG file's grey pixels of few bits: the factor that it multiplies them by.
FEW_BITS = {"1": 255, "L;2": 85, "L;4": 17}
# System errors that a file's own name, permissions or contents cause; None: those that Pillow raises.
OF_THE_FILE = {None, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM,
               errno.EINVAL, errno.EIO}


def load_image(path, size=None, channels: int = 3, resize: str = "crop") -> np.ndarray:
    """Read one image file.

    Parameters
    ----------
    path : path-like
        A file that Pillow reads as one of `FORMATS`, whatever its name ends in (some .JPEG files of ImageNet
        are PNG). Of several frames the first is read.
    size : int, (int, int) or None
        (height, width) or one number for both, in pixels. None keeps the size.
    channels : 3 (red, green, blue) or 1 (grey)
    resize : "crop" or "squash"
        "crop": scale the image until it just covers the size and cut out its centre: for one number, the shorter
        side gets that length and the middle square is kept, as in section 2 of the paper. "squash": scale the whole
        image to height x width; nothing is cut off, and its proportions are lost.

    Returns
    -------
    uint8 (H, W, channels)
        Upright as its EXIF orientation says, on white where it is transparent, 12-bit and 16-bit values scaled to
        8 bits.

    Raises
    ------
    DataError
        When the file is missing, damaged, of another format, or has more than `MOST_PIXELS` pixels, a WEBP file
        half as many; for a JPEG file, the pixels count that remain when its finest detail is left out for `size`, and
        more than 178,956,970 are too many in any case, which is Pillow's own limit. Also
        when the range of the pixels is not known (TIFF files of floating-point numbers, of 32-bit or of signed whole
        numbers), or Pillow misreads them (YCbCr in a TIFF file without compression, PNG files of 16-bit colours one
        of which is transparent).
    ArgumentError
        For a size, channels or a way to resize that does not exist.
    MemoryError, OSError
        With the file's name, when the machine fails: no memory, too many open files, a drive that is gone.
    """
    check_channels("load_image", channels)
    check_path("load_image", path)
    check_resize("load_image", resize)
    size = None if size is None else pair("load_image", "size", size, 1)
    path = user_path(path)
    with opened(path, size) as file:
        greys = SIXTEEN_BITS
        if isinstance(file, TiffImageFile):
            greys = _check_tiff(file, path)
        elif isinstance(file, PngImageFile):
            _mend_png(file, path)
        _turn_upright(file)
        image = _to_eight_bits(file, path, greys)
        if size is not None:
            image = _cover(image, *size) if resize == "crop" else _squash(image, *size)
        image = _converted(image, "L" if channels == 1 else "RGB")
        pixels = np.asarray(image).reshape(image.height, image.width, channels)
        image.close()
        return pixels.copy()    # a writable one


@contextmanager
def opened(path, size: tuple[int, int] | None) -> Iterator[Image.Image]:
    """Open an image file to be read at `size`: its header is read, and no pixel yet.

    Raises
    ------
    DataError, MemoryError, OSError
        As `load_image`, which has the rest of its work inside the `with`; what goes wrong there is told in the same
        words.
    """
    path = user_path(path)
    try:
        # Not Path.is_file, which reports a drive that does not answer as a missing file.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DataError(f"{path} is not a file: expected an image")
        # Not by its name: Pillow (13) would map a TIFF file into memory, and misreads those that lie on their side.
        with name_in_errors(path), open(path, "rb") as stream, Image.open(stream, formats=FORMATS) as file:
            if size is not None:
                # A JPEG may leave out its finest detail while decoding. Twice the size is kept, for the filter.
                file.draft(None, (2 * max(size), 2 * max(size)))
            most = MOST_PIXELS // 2 if file.format == "WEBP" else MOST_PIXELS    # its decoder holds two frames
            if not 0 < file.width * file.height <= most:
                raise DataError(f"{path} has {file.width} x {file.height} pixels, expected 1 to {most}")
            yield file
    except DataError:
        raise
    except Image.UnidentifiedImageError as problem:
        raise DataError(f"{path} is damaged or not an image of a known format ({', '.join(FORMATS)})") from problem
    except MemoryError as problem:  # the file may be sound: it must not be left out as damaged
        raise MemoryError(f"no memory to read {path}: {str(problem) or type(problem).__name__}") from problem
    except OSError as problem:
        if problem.errno not in OF_THE_FILE:    # as above
            raise
        raise DataError(f"{path} cannot be read as an image: {problem.strerror or problem}") from problem
    except Exception as problem:    # a damaged file can cause a dozen kinds of errors inside Pillow
        raise DataError(f"{path} cannot be read as an image: {str(problem) or type(problem).__name__}") from problem


def check_channels(where: str, channels: int) -> int:
    """Return `channels`, or raise an error unless it is 1 or 3."""
    if check_count(where, "channels", channels) not in (1, 3):
        raise ArgumentError(f"{where}: channels must be 1 or 3, got {channels}")
    return channels


def check_resize(where: str, resize: str) -> str:
    """Return `resize`, or raise an error unless it is one of `RESIZES`."""
    if resize not in RESIZES:
        raise ArgumentError(f"{where}: resize is {resize!r}, expected {' or '.join(map(repr, RESIZES))}")
    return resize


def _check_tiff(file: TiffImageFile, path) -> list[int]:
    """Refuse pixels of unknown range, or misread by Pillow; return the table from their values to 8 bits."""
    meaning = file.tag_v2.get(PHOTOMETRIC)
    if file.mode == "RGB" and file.tile[0][0] == "raw" and meaning == YCBCR:
        raise DataError(f"{path} has YCbCr pixels without compression, which Pillow before 13 misreads")
    if file.mode == "I":
        raise DataError(f"{path} has 32-bit or signed pixels, whose range is not known: expected 8 or 16 bits")
    if file.mode == "I;16":
        settings: Any = file.tile[0][3]    # of the decoder; first Pillow's name for the form of the pixels
        form = settings[0]
        if form == "I;12":
            return TWELVE_BITS
        if form in ("I;16", "I;16N") and meaning == MIN_IS_WHITE:    # which Pillow respects with 8 bits only
            return SIXTEEN_BITS[::-1]
    return SIXTEEN_BITS


def _mend_png(file: PngImageFile, path) -> None:
    """Scale the transparent value, which Pillow leaves as it is stored, as it scales the pixels."""
    if "transparency" not in file.info:
        return
    form = file.tile[0][3]
    if form == "RGB;16B":
        raise DataError(f"{path} has 16-bit colours, one of them transparent, of which Pillow reads 8 bits: expected "
                        "a transparent colour of 8 bits, or an alpha channel")
    if form in FEW_BITS:
        file.info["transparency"] = min(255, file.info["transparency"] * FEW_BITS[form])


def _turn_upright(file: Image.Image) -> None:
    """Turn the image as its EXIF orientation says; one whose EXIF cannot be read stays as it is stored."""
    file.load()    # so that what is wrong with the pixels is told
    try:
        file.getexif()    # Pillow keeps what it has read
    except MemoryError:
        raise
    except Exception:    # like a damaged file, damaged EXIF can cause a dozen kinds of errors
        return
    for name in ("exif", "Raw profile type exif"):    # else it is written anew, which a tag of an odd type does not let
        file.info.pop(name, None)
    ImageOps.exif_transpose(file, in_place=True)


def _to_eight_bits(image: Image.Image, path, greys: list[int]) -> Image.Image:
    """Convert any mode of Pillow's to grey (L) or RGB; `greys` is the table from values of 16 bits to 8."""
    if image.mode == "F":
        raise DataError(f"{path} has floating-point pixels, whose range is not known: expected 8 or 16 bits")
    if image.mode.startswith("I"):    # 16 bits; Pillow's own conversion to 8 would clip them at 255
        image = _converted(image, "I")
        grey = image.point(greys, "L")
        if "transparency" in image.info:
            clear = image.info["transparency"]
            grey.paste(255, mask=image.point([255 * (value == clear) for value in range(2**16)], "L"))
        image.close()
        return grey
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return _on_white(image)
    return image if image.mode == "L" else _converted(image, "RGB")


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """Convert the image to another mode; the old one's memory is freed."""
    if image.mode == mode:
        return image
    other = image.convert(mode)
    image.close()
    return other


def _on_white(image: Image.Image) -> Image.Image:
    """Put a transparent image on white, as RGB; some rows at a time, to hold no copy of it with its transparency."""
    white = Image.new("RGB", image.size, "white")
    for top in range(0, image.height, ROWS):
        rows = image.crop((0, top, image.width, min(top + ROWS, image.height))).convert("RGBA")
        white.paste(rows, (0, top), mask=rows)
    image.close()
    return white


def _cover(image: Image.Image, height: int, width: int) -> Image.Image:
    """Scale the image until it just covers the size, to whole pixels, and cut out its centre, both in one step.

    The same pixels as torchvision's Resize and CenterCrop give, without the scaled image between them.
    """
    wide = image.width * height >= image.height * width
    scaled_width = int(height * image.width / image.height) if wide else width
    scaled_height = height if wide else int(width * image.height / image.width)
    left, top = round((scaled_width - width) / 2), round((scaled_height - height) / 2)
    across, down = image.width / scaled_width, image.height / scaled_height    # its pixels for one of the scaled image
    box = (left * across, top * down, min((left + width) * across, image.width),
           min((top + height) * down, image.height))
    return image.resize((width, height), Image.Resampling.BILINEAR, box)


def _squash(image: Image.Image, height: int, width: int) -> Image.Image:
    """Bring the whole image to the size, whatever its proportions."""
    return image.resize((width, height), Image.Resampling.BILINEAR)
