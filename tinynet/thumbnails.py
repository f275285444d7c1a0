"""Small pictures of arrays, as PNG inside HTML: blue below zero, white at zero, orange above.

Blue and orange are told apart with any colour vision. The pictures of one array share one scale, up to its largest
absolute value. Pillow draws them, so that they need no extra.
"""
import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from .device import to_cpu
from .layer import Array
from .tables import Html

BLUE, WHITE, ORANGE, GAP = (26, 82, 150), (247, 247, 247), (196, 84, 0), (128, 128, 128)
TILE = 56  # pixels that the longer side of a map has at most
LEAST = 4  # pixels that a number has at least, where that keeps within TILE
COLUMNS = 64  # units in a row of a vector's picture


def palette() -> list[int]:
    """Return 255 colours from blue (index 0) over white (127) to orange (254), then the grey between tiles."""
    steps = np.linspace(-1, 1, 255)[:, None]
    ends = np.where(steps < 0, np.array(BLUE), np.array(ORANGE))
    colours = np.array(WHITE) + np.abs(steps) ** 0.8 * (ends - np.array(WHITE))  # small values a little stronger
    return [*colours.round().astype(int).reshape(-1), *GAP]


def picture(x: Array, maps: int = 8) -> Html:
    """Return an <img> of one image's array: (H, W, C) as its first channels, (units,) as rows of units, or (H, W)."""
    x = np.nan_to_num(to_cpu(x).astype(np.float64))
    if x.ndim == 3:
        tiles = [x[:, :, c] for c in range(min(maps, x.shape[2]))]
        what = f"{len(tiles)} of {x.shape[2]} channels"
    elif x.ndim == 2:
        tiles, what = [x], "one map"
    else:
        flat = x.reshape(-1)
        width = min(COLUMNS, max(1, len(flat)))
        rows = -(-len(flat) // width)
        padded = np.zeros(rows * width)
        padded[: len(flat)] = flat
        tiles, what = [padded.reshape(rows, width)], f"{len(flat)} units"
    largest = float(np.abs(x).max(initial=0))
    return image_tag(side_by_side([shaded(tile, largest) for tile in tiles]), f"{what}, full colour at {largest:.3g}")


def shaded(x: np.ndarray, largest: float) -> np.ndarray:
    """Return palette indices for a map (H, W), scaled to a picture's size: large maps by means, small ones enlarged."""
    height, width = x.shape
    longest = max(height, width)
    if width == COLUMNS or longest <= TILE:
        factor = max(1, min(TILE // longest, 12)) if longest <= TILE else LEAST
        x = np.kron(x, np.ones((factor, factor)))
    else:
        size = (max(1, round(width * TILE / longest)), max(1, round(height * TILE / longest)))
        x = np.asarray(Image.fromarray(x.astype(np.float32)).resize(size, Image.Resampling.BOX))
    return np.clip(127 + 127 * x / (largest or 1), 0, 254).round().astype(np.uint8)


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


def photograph(x: Array) -> Html:
    """Return an <img> of an image (H, W, 1 or 3) as a network gets it, its least number black, its largest white."""
    x = np.nan_to_num(to_cpu(x).astype(np.float64))
    grey = (x - x.min()) / (float(np.ptp(x)) or 1)
    pixels = (255 * np.broadcast_to(grey, (*x.shape[:2], 3))).round().astype(np.uint8)
    image = Image.fromarray(pixels)
    longest = max(image.size)
    size = tuple(max(1, round(side * 2 * TILE / longest)) for side in image.size)
    smooth = Image.Resampling.BOX if longest > 2 * TILE else Image.Resampling.NEAREST
    return image_tag(image.resize((size[0], size[1]), smooth), f"the image, {x.min():.3g} black, {x.max():.3g} white")


def image_tag(image: Image.Image, text: str) -> Html:
    """Return the picture inside an <img>, with `text` for those who cannot see it and as a tip."""
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    code = base64.b64encode(data.getvalue()).decode()
    text = html.escape(text)
    return Html(
        f'<img src="data:image/png;base64,{code}" width="{image.width}" height="{image.height}" '
        f'alt="{text}" title="{text}">'
    )
