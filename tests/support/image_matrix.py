"""Every kind of pixels in each format that keeps them, in every condition: files, and what `load_image` has to give.

The pixels are worked out without it. `cases` gives them for `tests/reliability/test_images.py` and
`tests/long/image_files.py`.
"""
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from support.parser_oracles import claiming

from tinynet.data import load_image
from tinynet.errors import DataError

GENERATOR = np.random.default_rng(3)
BYTES = GENERATOR.integers(0, 256, (5, 7, 4), np.uint8)
FEW = GENERATOR.integers(0, 3, (5, 7), np.uint8)    # indices into a palette of three colours
PALETTE = np.array([[200, 10, 60], [5, 250, 130], [90, 80, 255]], np.uint8)
WORDS = GENERATOR.integers(0, 2**16, (5, 7)).astype(np.uint16)


def grey(values: np.ndarray) -> np.ndarray:
    """(H, W) -> (H, W, 3)."""
    return np.repeat(values[..., None], 3, axis=2).astype(float)


def on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours of which the share alpha / 255 covers a white ground."""
    share = alpha[..., None] / 255
    return colours * share + 255 * (1 - share)


def from_ycbcr(planes: np.ndarray) -> np.ndarray:
    """JFIF's formula."""
    y, blue, red = planes[..., 0].astype(float), planes[..., 1] - 128.0, planes[..., 2] - 128.0
    return np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], axis=-1).clip(0, 255)


def palette_image() -> Image.Image:
    image = Image.frombytes("P", (7, 5), FEW.tobytes())
    image.putpalette(PALETTE.tobytes())
    return image


PILLOW = int(Image.__version__.split(".")[0])
CMYK = (255.0 - BYTES[..., :3]) * (255.0 - BYTES[..., 3:]) / 255
# Mode: the image, the formats that keep its pixels as they are, and the pixels that load_image has to give.
MODES: dict[str, tuple[Callable[[], Image.Image], list[str], np.ndarray | None]] = {
    "1": (lambda: Image.fromarray(BYTES[..., 0] > 127), ["PNG", "TIFF", "BMP", "PPM"],
          grey(255 * (BYTES[..., 0] > 127))),
    "L": (lambda: Image.fromarray(BYTES[..., 0]), ["PNG", "TIFF", "JPEG", "BMP", "PPM"], grey(BYTES[..., 0])),
    "LA": (lambda: Image.merge("LA", [Image.fromarray(BYTES[..., i].copy()) for i in (0, 1)]), ["PNG", "TIFF"],
           on_white(grey(BYTES[..., 0]), BYTES[..., 1])),
    "P": (palette_image, ["PNG", "TIFF", "GIF", "BMP"], PALETTE[FEW].astype(float)),
    "RGB": (lambda: Image.fromarray(BYTES[..., :3].copy()), ["PNG", "TIFF", "JPEG", "WEBP", "BMP", "PPM"],
            BYTES[..., :3].astype(float)),
    "RGBA": (lambda: Image.fromarray(BYTES), ["PNG", "TIFF", "WEBP"],
             on_white(BYTES[..., :3].astype(float), BYTES[..., 3])),
    "CMYK": (lambda: Image.frombytes("CMYK", (7, 5), BYTES.tobytes()), ["TIFF", "JPEG"], CMYK),
    "YCbCr": (lambda: Image.frombytes("YCbCr", (7, 5), BYTES[..., :3].tobytes()), ["TIFF"],
              from_ycbcr(BYTES[..., :3]) if PILLOW >= 13 else None),    # refused: Pillow before 13 misreads them
    "I;16": (lambda: Image.fromarray(WORDS), ["PNG", "TIFF", "PPM"], grey(WORDS / 257)),
    "I": (lambda: Image.fromarray(WORDS.astype(np.int32)), ["TIFF"], None),    # refused, as the next
    "F": (lambda: Image.fromarray(WORDS.astype(np.float32)), ["TIFF"], None),    # refused: the range is not known
}
# What each of EXIF's orientations does to the stored rows and columns to make the image upright.
ORIENTATIONS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: a[::-1].swapaxes(0, 1), 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}
CONDITIONS = ["good", "wrong extension", *(f"orientation {number}" for number in ORIENTATIONS), "animated", "truncated",
              "bomb", "zero bytes", "unreadable", "folder"]
ENDINGS = {"PNG": "png", "TIFF": "tiff", "GIF": "gif", "JPEG": "jpeg", "WEBP": "webp", "BMP": "bmp", "PPM": "ppm"}
WITHOUT_EXIF = ("GIF", "BMP", "PPM")
ONE_FRAME = ("JPEG", "BMP", "PPM")
NEARLY_AS_IT_IS = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True, "exact": True}}


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield (mode, format, condition)."""
    for mode, (_, forms, _) in MODES.items():
        for form in forms:
            for condition in CONDITIONS:
                # Pillow before 10.4 does not write animated PNG files of these modes.
                if not (form in WITHOUT_EXIF and condition.startswith("orientation")
                        or form in ONE_FRAME and condition == "animated"
                        or form == "PNG" and condition == "animated" and mode in ("P", "I;16")):
                    yield mode, form, condition


def write_case(mode: str, form: str, condition: str, folder: Path) -> tuple[Path, np.ndarray | None]:
    """Write the file; return its path and the pixels to expect, None where there has to be an error."""
    make, _, expected = MODES[mode]
    options: dict[str, Any] = dict(NEARLY_AS_IT_IS.get(form, {}))
    if condition.startswith("orientation"):
        number = int(condition.split()[1])
        exif = Image.Exif()
        exif[0x0112] = number
        options["exif"] = exif
        expected = None if expected is None else ORIENTATIONS[number](expected)
    if condition == "animated":
        options |= {"save_all": True, "append_images": [make().transpose(Image.Transpose.ROTATE_180)]}
    image = make()
    if form == "PPM" and mode == "I;16":    # which the oldest versions of Pillow write from 32 bits only
        image = image.convert("I")
    content = encoded(image, form, **options)
    if condition == "truncated":
        content = content[:len(content) // 2]
    elif condition == "bomb":
        content = claiming(content, 30_000, 30_000)
    elif condition == "zero bytes":
        content = b""
    wrong_ending = "png" if form == "JPEG" else "jpg"
    path = folder / f"image.{wrong_ending if condition in ('wrong extension', 'folder') else ENDINGS[form]}"
    if condition == "folder":
        path.mkdir()
    else:
        path.write_bytes(content)
    if condition == "unreadable":
        path.chmod(0)
    bad = condition in ("truncated", "bomb", "zero bytes", "unreadable", "folder")
    return path, None if bad else expected


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Be somebody who may not read everything, for a while; the system's root may."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def wrong(mode: str, form: str, condition: str, folder: Path) -> str | None:
    """Try one case; return what is wrong about the outcome, or None."""
    path, expected = write_case(mode, form, condition, folder)
    try:
        with ordinary_user() if condition == "unreadable" else nullcontext():
            found = load_image(path)
    except DataError as error:
        if expected is not None:
            return f"refused: {error}"
        return None if str(path) in str(error) else f"the error does not name the file: {error}"
    if expected is None:
        return f"loaded, as {found.shape}"
    if found.shape != expected.shape:
        return f"{found.shape} instead of {expected.shape}"
    # Rounding in one or two steps; Pillow computes YCbCr and transparency in integers.
    difference = np.abs(found - expected).max()
    allowed = 3 if form == "JPEG" else 0 if mode in ("1", "L", "P", "RGB") else 1.01
    return f"wrong by up to {difference:.1f}" if difference > allowed else None
