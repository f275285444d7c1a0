"""What a parser of data files may do with any bytes at all: give what is in them, worked out here, or a DataError.

(Of images only form and type are known here: Pillow, which decodes them, takes many damaged ones.)

`tests/long/fuzz_parsers.py` looks for bytes with which it does something else; `tests/reliability/test_data_files.py`
tries a few hundred.
"""
import gzip
import io
import math
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from support.data_files import idx_bytes, random_images, write_cifar10

from tinynet.data import load_cifar10, load_image
from tinynet.data.mnist import read_idx
from tinynet.errors import DataError

DIGITS = random_images(2, 3, 4, 1)[..., 0]
CIFAR10_FILE = "data_batch_1.bin"


def try_idx(content: bytes, folder: Path) -> bool:
    """Read the bytes as an idx file; return whether they are one, AssertionError for a wrong answer."""
    path = folder / "images"
    path.write_bytes(content)
    try:
        array = read_idx(path)
    except DataError as error:
        assert str(path) in str(error)
        return False
    plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert plain[:3] == b"\0\0\x08" and plain[3] == array.ndim and array.dtype == np.uint8
    lengths = [int.from_bytes(plain[place:place + 4], "big") for place in range(4, 4 + 4 * array.ndim, 4)]
    assert lengths == list(array.shape) and len(plain) == 4 + 4 * array.ndim + math.prod(lengths)
    assert array.tobytes() == plain[4 + 4 * array.ndim:]
    return True


def try_cifar10(content: bytes, folder: Path) -> bool:
    """Read the bytes as the first of CIFAR-10's files, the others with a record each."""
    if not folder.joinpath(CIFAR10_FILE).exists():
        write_cifar10(folder, per_file=1)
    (folder / CIFAR10_FILE).write_bytes(content)
    try:
        train, _ = load_cifar10(folder)
    except DataError as error:
        assert CIFAR10_FILE in str(error)
        return False
    assert len(content) == 3073 and train.images.shape == (5, 32, 32, 3)
    assert train.labels[0] == content[0] <= 9
    red_green_blue = [content[1 + 1024 * channel:1025 + 1024 * channel] for channel in range(3)]
    assert [train.images[0, ..., channel].tobytes() for channel in range(3)] == red_green_blue
    return True


def cifar10_seeds() -> list[bytes]:
    """A record, one with a label out of range, and two records."""
    record = bytes([7]) + random_images(1, 32, 32).tobytes()
    return [record, b"\x0a" + record[1:], 2 * record]


def try_image(content: bytes, folder: Path) -> bool:
    """Read the bytes as an image file."""
    path = folder / "image.jpg"
    path.write_bytes(content)
    try:
        image = load_image(path, (8, 6))
    except DataError as error:
        assert str(path) in str(error)
        return False
    assert image.shape == (8, 6, 3) and image.dtype == np.uint8
    return True


def image_seeds() -> list[bytes]:
    """Small JPEG and PNG files: grey, colour, a palette with transparency, 16 bits; progressive; with EXIF."""
    colours = Image.fromarray(random_images(1, 6, 7, seed=1)[0]).resize((40, 32), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(np.arange(35, dtype=np.uint16).reshape(5, 7) * 1800)
    palette = colours.quantize(16)
    made = []
    for image, form, options in (
        (colours, "JPEG", {"exif": exif}), (colours, "JPEG", {"progressive": True}), (colours.convert("L"), "JPEG", {}),
        (colours.convert("CMYK"), "JPEG", {}), (colours, "PNG", {"exif": exif}), (colours.convert("LA"), "PNG", {}),
        (palette, "PNG", {"transparency": 3}), (deep, "PNG", {}),
    ):
        file = io.BytesIO()
        image.save(file, form, **options)
        made.append(file.getvalue())
    return made


PARSERS: dict[str, tuple[Callable[[bytes, Path], bool], Callable[[], list[bytes]]]] = {
    "idx": (try_idx, lambda: [idx_bytes(DIGITS), idx_bytes(DIGITS[0, 0]), gzip.compress(idx_bytes(DIGITS), mtime=0)]),
    "cifar10": (try_cifar10, cifar10_seeds),
    "image": (try_image, image_seeds),
}


def mutated(content: bytes, generator: np.random.Generator) -> bytes:
    """Change bytes, take some away, put some in, cut off; half of the PNG files get right checksums for it."""
    changed = bytearray(content)
    for _ in range(generator.integers(1, 6)):
        place = int(generator.integers(len(changed) + 1))
        length = int(min(2 ** generator.uniform(0, 9), len(changed) - place))
        kind = generator.integers(7)
        if kind == 0 and place < len(changed):
            changed[place] ^= 1 << generator.integers(8)
        elif kind == 1:
            changed[place:place + length] = generator.bytes(length)
        elif kind == 2:    # numbers that tend to be the last or the first of their kind
            value = bytes([[0, 1, 0x7f, 0x80, 0xff][generator.integers(5)]])
            changed[place:place + length] = value * length
        elif kind == 3:
            del changed[place:place + length]
        elif kind == 4:
            changed[place:place] = changed[place:place + length]
        elif kind == 5:
            place = int(len(changed) * generator.uniform(0, 0.1))    # headers come first
            changed[place:place + 1] = generator.bytes(1)
        elif generator.random() < 0.3:
            del changed[place:]
    if bytes(changed[:8]) == b"\x89PNG\r\n\x1a\n" and generator.random() < 0.5:
        mend_checksums(changed)
    return bytes(changed)


def claiming(content: bytes, width: int, height: int) -> bytes:
    """Change the size that the header of an image file claims.

    Of PNG, GIF, BMP, PPM, WEBP without loss (where it has 14 bits), TIFF in Intel's order, JPEG.
    """
    changed = bytearray(content)
    if content[:4] == b"\x89PNG":
        changed[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
        mend_checksums(changed)
    elif content[:3] == b"GIF":
        changed[6:10] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    elif content[:2] == b"BM":
        changed[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    elif re.match(rb"P[4-6]\n", content):
        changed[3:content.index(b"\n", 3)] = b"%d %d" % (width, height)
    elif content[12:16] == b"VP8L":
        size = min(width, 2**14) - 1 | min(height, 2**14) - 1 << 14
        changed[21:25] = (int.from_bytes(content[21:25], "little") >> 28 << 28 | size).to_bytes(4, "little")
    elif content[:4] == b"II*\0":
        directory = int.from_bytes(content[4:8], "little")
        for entry in range(int.from_bytes(content[directory:directory + 2], "little")):
            place = directory + 2 + 12 * entry    # tag, type (4: four bytes), count, value
            tag = int.from_bytes(content[place:place + 2], "little")
            if tag in (256, 257):
                changed[place + 2:place + 4] = b"\4\0"
                changed[place + 8:place + 12] = (width if tag == 256 else height).to_bytes(4, "little")
    else:
        place = next(place for place in map(content.find, (b"\xff\xc0", b"\xff\xc2")) if place >= 0)
        changed[place + 5:place + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(changed)


def mend_checksums(content: bytearray) -> None:
    """Give every chunk of a PNG file the checksum of what it has now."""
    place = 8
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place:place + 4], "big")
        if end + 4 > len(content):
            break
        content[end:end + 4] = zlib.crc32(content[place + 4:end]).to_bytes(4, "big")
        place = end + 4
