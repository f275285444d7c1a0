"""What a layer does to one image, drawn: some of its channels, and what became of them."""
import numpy as np

from tinynet.plots import Picture
from tinynet.plots.thumbnails import full_colour
from tinynet.tracing.pictures import signed

MAPS = 6


def layer_picture(x: np.ndarray, y: np.ndarray, filters: np.ndarray | None = None) -> Picture:
    """Draw the input of a layer above its output, both of one image: (H, W, C), or (units,).

    `filters` (KH, KW, 3, F), those of the first convolution, stand between.
    """
    rows = [row_of(x, y)]
    if filters is not None:
        chosen = strongest(y)
        rows.append([(scaled(filters[..., f]), f"filter {f}") for f in chosen])
    rows.append(row_of(y, y))
    picture = Picture(figsize=(7.4, 1.5 * len(rows) + 0.1), layout="constrained")
    for part, row in zip(picture.subfigures(len(rows), 1), rows, strict=True):
        for axes, (image, title) in zip(np.atleast_1d(part.subplots(1, len(row))), row, strict=True):
            axes.imshow(image, interpolation="nearest", aspect="equal")
            axes.set_title(title, fontsize=11)
            axes.set_axis_off()
    return picture


def row_of(x: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, str]]:
    """Return pictures of one array with their titles: the channels that are strongest in the output, or the units."""
    if x.ndim == 1:
        columns = len(x) if len(x) <= 16 else 64
        return [(signed(x.reshape(-1, columns), full_colour(x)), f"{len(x)} units")]
    if x.shape[-1] == 3:
        return [(scaled(x), "the photograph, its mean subtracted")]
    chosen = strongest(y) if y.ndim == 3 and y.shape[-1] == x.shape[-1] else list(range(MAPS))
    full = full_colour(x[..., chosen])
    return [(signed(x[..., c], full), f"channel {c}") for c in chosen]


def strongest(y: np.ndarray) -> list[int]:
    """Return the channels with the largest spread, in their order."""
    return sorted(np.argsort(y.std(axis=(0, 1)))[-MAPS:].tolist())


def scaled(x: np.ndarray) -> np.ndarray:
    """Return numbers (H, W, 3) as colours, the least black and the largest white."""
    return ((x - x.min()) / (x.max() - x.min())).astype(np.float32)
