"""Small pictures of arrays, as PNG inside HTML: blue below zero, white at zero, orange above.

Blue and orange are told apart with any colour vision. The pictures of one array share one scale, up to its larger
numbers. Pillow draws them, so that they need no extra.
"""
import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ..ops.arrays import Array, to_cpu
from ..tables import Html

BELOW, ZERO, ABOVE, GAP = (26, 82, 150), (247, 247, 247), (196, 84, 0), (128, 128, 128)  # as on the page of a trace
TILE = 48  # pixels that the longer side of a map has at most
MATRIX = 144  # pixels that either side of a matrix or of a vector's rows has at most
LARGEST = 16  # pixels that one number has at most
PHOTOGRAPH = 128  # pixels that the longer side of an image has at most
COLUMNS = 48  # units in a row of a vector's picture


def palette() -> list[int]:
    """Return 255 colours from blue (index 0) over white (127) to orange (254), then the grey between tiles."""
    steps = np.linspace(-1, 1, 255)[:, None]
    ends = np.where(steps < 0, np.array(BELOW), np.array(ABOVE))
    colours = np.array(ZERO) + np.abs(steps) ** 0.8 * (ends - np.array(ZERO))  # small values a little stronger
    return [*colours.round().astype(int).reshape(-1), *GAP]


def picture(x: Array, maps: int = 5) -> Html:
    """Return an <img> of one image's array: (H, W, C) as its first channels, (units,) as rows, (H, W) as one map."""
    if x.ndim == 3:
        tiles = [finite(x[:, :, c]) for c in range(min(maps, x.shape[2]))]
        what = f"{len(tiles)} of {x.shape[2]} channels"
    elif x.ndim == 2:
        tiles, what = [finite(x)], f"{x.shape[0]} x {x.shape[1]}"
    else:
        units = finite(x).reshape(-1)
        width = min(COLUMNS, len(units))
        rows = np.pad(units, (0, -len(units) % width)).reshape(-1, width)  # zeros after the last
        tiles, what = [rows], f"{x.size} units, {width} in a row"
    tiles = [sized(tile, keep_proportions=x.ndim == 3) for tile in tiles]
    full = full_colour(np.concatenate([tile.reshape(-1) for tile in tiles]))
    shaded = [shades(tile, full) for tile in tiles]
    return image_tag(side_by_side(shaded), f"{what}; full colour at {full:.2g} and beyond")


def full_colour(x: np.ndarray) -> float:
    """Return the size below which 99% of the numbers other than 0 lie, so that a few large ones don't pale the rest."""
    sizes = np.abs(x[np.isfinite(x) & (x != 0)])
    return float(np.percentile(sizes, 99)) if len(sizes) else 1.0


def shades(x: np.ndarray, full: float) -> np.ndarray:
    """Return numbers as indices into the palette: 0 at -full and below, 127 at 0, 254 at full and above."""
    return np.clip(127 + 127 * x / full, 0, 254).round().astype(np.uint8)


def finite(x: Array) -> np.ndarray:
    """Return an array in float32 and on the CPU, nan as 0 and infinity as the largest finite number in it."""
    x = to_cpu(x).astype(np.float32)
    if np.isfinite(x).all():
        return x
    largest = np.abs(x[np.isfinite(x)]).max(initial=0)
    return np.nan_to_num(x, posinf=largest, neginf=-largest)


def sized(x: np.ndarray, keep_proportions: bool) -> np.ndarray:
    """Return a map (H, W) at a picture's size: a small one with numbers repeated, a large one by means."""
    most = TILE if keep_proportions else MATRIX
    factor = max(1, min(most // max(x.shape), LARGEST))
    x = x.repeat(factor, axis=0).repeat(factor, axis=1)
    if max(x.shape) <= most:
        return x
    scale = most / max(x.shape)
    height, width = (max(1, round(side * scale)) if keep_proportions else min(side, most) for side in x.shape)
    return np.asarray(Image.fromarray(x).resize((width, height), Image.Resampling.BOX))


def side_by_side(tiles: Sequence[np.ndarray], gap: int = 2) -> Image.Image:
    """Return the tiles of palette indices in a row, as one picture."""
    height = max(tile.shape[0] for tile in tiles)
    width = sum(tile.shape[1] + gap for tile in tiles) - gap
    sheet = np.full((height, width), 255, dtype=np.uint8)
    left = 0
    for tile in tiles:
        sheet[: tile.shape[0], left : left + tile.shape[1]] = tile
        left += tile.shape[1] + gap
    image = Image.fromarray(sheet)
    image.putpalette(palette())
    return image


def photograph(x: Array, top: int = 0, left: int = 0, height: int = 0, width: int = 0) -> Html:
    """Return an <img> of an image (H, W, C): three channels as colours, otherwise their mean as grey.

    The least number is black, the largest white. With a height and a width, a frame shows a window on it.
    """
    x = finite(x)
    if x.shape[2] != 3:
        x = x.mean(axis=2, keepdims=True)
    bright = (x - x.min()) / (float(np.ptp(x)) or 1)
    image = Image.fromarray((255 * np.broadcast_to(bright, (*x.shape[:2], 3))).round().astype(np.uint8))
    scale = PHOTOGRAPH / max(image.size)
    scale = int(scale) if scale >= 1 else scale
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image = image.resize(size, Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX)
    text = f"black is {x.min():.3g}, white {x.max():.3g}"
    if height and width:
        box = [round(side * scale) for side in (left, top, left + width, top + height)]
        pen = ImageDraw.Draw(image)
        for colour, out in (("white", 1), ("black", 2)):  # seen on light and on dark
            pen.rectangle((box[0] - out, box[1] - out, box[2] + out - 1, box[3] + out - 1), outline=colour)
        text += f"; the window from row {top}, column {left}, {height} x {width}"
    return image_tag(image, text)


def image_tag(image: Image.Image, text: str) -> Html:
    """Return the picture inside an <img>, with `text` as its alternative text and tooltip."""
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    code = base64.b64encode(data.getvalue()).decode()
    text = html.escape(text)
    return Html(
        f'<img src="data:image/png;base64,{code}" width="{image.width}" height="{image.height}" '
        f'alt="{text}" title="{text}">'
    )
