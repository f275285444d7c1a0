"""Ten shapes drawn by a program: a data set in colour that needs no download.

Each image has one shape of random colour, texture, size, angle and position on a cluttered background. No class
has a typical colour or a typical pixel, so that a linear classifier on the pixels finds little to hold on to,
while a small convolutional network learns the outlines within a minute.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ..errors import ArgumentError
from ..ops.checks import check_count
from .dataset import Dataset

SMALLEST, LARGEST = 16, 227    # pixels
STROKES, SPOTS = 3, 3           # in the background
FINER = 3                      # images are drawn this many times larger, then reduced: smooth outlines
CLOUDS, PATCHES = Image.Resampling.BICUBIC, Image.Resampling.NEAREST


def _arc(start: float, stop: float, radius: float = 1.0, centre: complex = 0.0, points: int = 60) -> np.ndarray:
    """Points on a circle, as complex numbers x + iy; angles in turns."""
    return centre + radius * np.exp(2j * np.pi * np.linspace(start, stop, points))


def _outlines() -> dict[str, list[np.ndarray]]:
    """Each shape as polygons of complex numbers within the unit circle: what to fill, then holes in it."""
    star = np.exp(2j * np.pi * np.arange(10) / 10) * np.where(np.arange(10) % 2, 0.42, 1.0)
    quarter = np.array([1 + 0.3j, 0.3 + 0.3j, 0.3 + 1j]) / abs(1 + 0.3j)    # of a cross, in the corner of x, y > 0
    turns = np.linspace(0, 2 * np.pi, 60)
    heart = (16 * np.sin(turns) ** 3 - 1j * (13 * np.cos(turns) - 5 * np.cos(2 * turns)
                                             - 2 * np.cos(3 * turns) - np.cos(4 * turns))) / 16.5
    return {
        "disc": [_arc(0, 1, 0.9)],
        "ring": [_arc(0, 1), _arc(0, 1, 0.55)],
        "half disc": [_arc(0, 0.5, centre=-0.4j)],
        # The inner arc is half a circle on the line between the ends of the outer one.
        "crescent": [np.concatenate([_arc(0.15, 0.85),
                                     _arc(0.75, 0.25, np.sin(0.3 * np.pi), np.cos(0.3 * np.pi))])],
        "triangle": [np.exp(2j * np.pi * np.arange(3) / 3)],
        "square": [np.exp(2j * np.pi * np.arange(4) / 4)],
        "star": [star],
        "cross": [np.concatenate([quarter * 1j ** corner for corner in range(4)])],
        "arrow": [np.array([1, 0.85j, 0.28j, -0.95 + 0.28j, -0.95 - 0.28j, -0.28j, -0.85j])],
        "heart": [heart],
    }


OUTLINES = _outlines()
CLASS_NAMES = list(OUTLINES)


def draw_shapes(count: int, size: int = 32, seed: int = 0) -> Dataset:
    """Draw `count` images of size x size pixels in ten classes.

    Parameters
    ----------
    count : int
    size : int
        Height and width in pixels, 16 to 227.
    seed : int
        Image i depends on (seed, i), size and the version of Pillow alone: the first images stay the same when
        more are asked for. Take another seed for the test images.

    Returns
    -------
    Dataset
        Images uint8 (count, size, size, 3) and their labels.

    Raises
    ------
    ArgumentError
        For a count below 1, a size out of this range, or a seed below 0.
    """
    check_count("draw_shapes", "count", count)
    if check_count("draw_shapes", "size", size, least=SMALLEST) > LARGEST:
        raise ArgumentError(f"draw_shapes: size is {size}, expected {SMALLEST} to {LARGEST} pixels")
    check_count("draw_shapes", "seed", seed, least=0)
    images = np.empty((count, size, size, 3), np.uint8)
    labels = np.empty(count, np.int64)
    for index in range(count):
        generator = np.random.default_rng([seed, index])
        labels[index] = generator.integers(len(CLASS_NAMES))
        images[index] = _draw(CLASS_NAMES[labels[index]], size, generator)
    return Dataset(images, labels, CLASS_NAMES, f"shapes of seed {seed}")


def load_shapes(size: int = 32, train_count: int = 8000, test_count: int = 2000) -> tuple[Dataset, Dataset]:
    """Draw training images (seed 0) and test images (seed 1); at 227 x 227 they take 1.5 GB of memory."""
    return draw_shapes(train_count, size, seed=0), draw_shapes(test_count, size, seed=1)


def _draw(name: str, size: int, generator: np.random.Generator) -> np.ndarray:
    """One image of the shape `name`: uint8 (size, size, 3)."""
    width = FINER * size
    colour = generator.integers(0, 256, 3)
    picture = _texture(width, colour, 40, generator)
    _scatter_strokes(picture, generator)
    _scatter_spots(picture, generator)
    mask = Image.new("L", (width, width))
    _fill_outline(ImageDraw.Draw(mask), OUTLINES[name], width, generator)
    # Half a turn of the colour scale away from the background in each channel: it can always be seen.
    shape_colour = (colour + 128 + generator.integers(-35, 36, 3)) % 256
    picture.paste(_texture(width, shape_colour, 25, generator), (0, 0), mask)
    return np.asarray(picture.reduce(FINER))


def _texture(width: int, colour: np.ndarray, spread: int, generator: np.random.Generator) -> Image.Image:
    """Clouds, patches or stripes: a few pixels near one colour, enlarged smoothly or with sharp edges."""
    rows, columns, smooth = generator.integers((1, 1, 0), (7, 7, 2)).tolist()
    cells = np.clip(colour + generator.integers(-spread, spread + 1, (rows, columns, 3)), 0, 255)
    few = Image.fromarray(cells.astype(np.uint8))
    return few.resize((width, width), CLOUDS if smooth else PATCHES)


def _scatter_strokes(picture: Image.Image, generator: np.random.Generator) -> None:
    """Draw lines of random colours, positions and widths."""
    pencil, width = ImageDraw.Draw(picture), picture.width
    ends = (generator.uniform(-0.1, 1.1, (STROKES, 4)) * width).tolist()
    colours = generator.integers(0, 256, (STROKES, 3)).tolist()
    thick = generator.uniform(0.01, 0.04, STROKES) * width
    for line, colour, stroke in zip(ends, colours, thick.tolist(), strict=True):
        pencil.line(line, tuple(colour), max(1, round(stroke)))


def _scatter_spots(picture: Image.Image, generator: np.random.Generator) -> None:
    """Draw small four-cornered spots of random colours and forms; far smaller than any shape."""
    pencil, width = ImageDraw.Draw(picture), picture.width
    corners = generator.uniform(0, 1, (SPOTS, 1, 2)) + generator.uniform(-0.09, 0.09, (SPOTS, 4, 2))
    colours = generator.integers(0, 256, (SPOTS, 3)).tolist()
    for spot, colour in zip((corners * width).reshape(SPOTS, 8).tolist(), colours, strict=True):
        pencil.polygon(spot, tuple(colour))


def _fill_outline(pencil: ImageDraw.ImageDraw, polygons: list[np.ndarray], width: int,
                  generator: np.random.Generator) -> None:
    """Fill the shape, turned by any angle, with 255 and its holes with 0; it stays inside the image."""
    size, turn, left, top = generator.random(4).tolist()
    radius = width * (0.33 + 0.12 * size)
    room = width - 2 * radius
    centre = complex(radius + left * room, radius + top * room)
    for polygon, value in zip(polygons, (255, 0), strict=False):
        points = centre + radius * np.exp(2j * np.pi * turn) * polygon
        pencil.polygon(points.view(float).tolist(), fill=value)
