"""A confusion matrix as a heat map: which classes a network takes for which others."""
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from .pictures import ORANGE, PercentFormatter, Picture, short

MOST_NUMBERS = 20  # classes whose cells have room for their counts
MOST_TICKS = 50  # names at a side
LEVELS = 0, 0.01, 0.05, 0.1, 0.25, 0.5, 1  # shares that the scale of colours names


def confusion_matrix(counts: Any, class_names: Sequence[str]) -> Picture:
    """Draw how often each class is taken for each other one, and each class's error rate at the right.

    A cell's colour goes from white to blue with the square root of its share of the row, so that small shares can be
    seen; a row without images is grey. Up to 20 classes have their counts in the cells.

    Parameters
    ----------
    counts : int (classes, classes)
        What `confusion_matrix` of tinynet.training.evaluation returned: the row is the true class, the column the
        network's first guess.
    class_names : list of str
        Long ones are cut; of more than 50, some stand beside the rows and columns.

    Raises
    ------
    ShapeError, ArgumentError
        When the counts are not a square of whole numbers from 0, or the names are not as many.
    """
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ShapeError(f"confusion_matrix: counts have shape {counts.shape}, expected (classes, classes)")
    if counts.dtype.kind not in "iu" or counts.min() < 0:
        raise ArgumentError("confusion_matrix: counts must be whole numbers from 0 up, found "
                            + (f"dtype {counts.dtype}" if counts.dtype.kind not in "iu" else f"{counts.min()}"))
    if len(class_names) != len(counts):
        raise ArgumentError(f"confusion_matrix: got {len(class_names)} class names for {len(counts)} classes")
    classes, shares, errors = len(counts), row_shares(counts), class_errors(counts)
    names = [short(name) for name in class_names]
    side = float(np.clip(0.6 * classes, 2.4, 9))  # inches
    margin = 0.08 * max(len(name) for name in names) + 0.5
    picture = Picture(figsize=(side + margin + 2.2, side + margin + 0.6), layout="constrained")
    cells, bars = picture.subplots(1, 2, sharey=True, width_ratios=[side, 1.0])
    image = cells.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    cells.set_facecolor("0.85")  # seen where there is no share
    if classes <= MOST_NUMBERS:
        write_counts(cells, counts, shares)
    step = math.ceil(classes / MOST_TICKS)
    ticks, size = range(0, classes, step), 9 if classes <= MOST_NUMBERS else 7
    labels = [names[i] for i in ticks]
    upright = max(map(len, labels)) > 4 or classes > MOST_NUMBERS
    cells.set_xticks(ticks, labels, rotation=90 if upright else 0, fontsize=size)
    cells.set_yticks(ticks, labels, fontsize=size)
    cells.set(xlabel="first guess", ylabel="true class")
    draw_errors(bars, errors, classes <= MOST_NUMBERS)
    scale = picture.colorbar(image, ax=bars, fraction=0.12, pad=0.08)
    scale.set_ticks(np.sqrt(LEVELS).tolist(), labels=[f"{level:.0%}" for level in LEVELS], fontsize=7)
    scale.set_label("share of the true class", fontsize=8)
    return picture


def row_shares(counts: np.ndarray) -> np.ndarray:
    """Return each count as a share of its row, nan in a row without images."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1), np.nan)


def class_errors(counts: np.ndarray) -> np.ndarray:
    """Return the error rate of each true class, nan for a class without images."""
    return 1 - np.diagonal(row_shares(counts))


def write_counts(axes: Any, counts: np.ndarray, shares: np.ndarray) -> None:
    """Write the counts other than 0 into the cells, on dark cells in white."""
    digits = len(str(counts.max()))
    for row, column in zip(*np.nonzero(counts), strict=True):
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=9 if digits < 5 else 7,
                  color="white" if shares[row, column] > 0.36 else "black")


def draw_errors(axes: Any, errors: np.ndarray, numbers: bool) -> None:
    """Draw the classes' error rates as bars beside the rows."""
    axes.barh(range(len(errors)), np.nan_to_num(errors), height=0.8, color=ORANGE, alpha=0.55)
    largest = float(np.nan_to_num(errors).max()) or 1.0
    axes.set_xlim(0, largest * (2.2 if numbers else 1.1))
    if numbers:
        for row, error in enumerate(errors):
            text = "no images" if math.isnan(error) else f"{error:.1%}"
            axes.text(np.nan_to_num(error) + 0.06 * largest, row, text, va="center", fontsize=8)
        axes.set_xticks([])
        for name in ("top", "right", "bottom"):
            axes.spines[name].set_visible(False)
    else:
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.set_title("error", fontsize=9, loc="left")
