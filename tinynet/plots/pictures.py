"""Pictures of a training: the learning curve, the first layer's filters, a sheet of images with their predictions.

Each function returns a matplotlib figure of its own (no pyplot, so no window and no global state);
`picture.savefig("name.png")` writes it, and a notebook shows it. matplotlib is the extra `plots`.
"""
import io
import math
import os
import re
from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..files import atomic_write, printable, user_path
from ..network import Network
from ..network.params import single_layers
from ..ops.arrays import Array
from ..ops.checks import check_count

try:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter
except ImportError as missing:
    raise ImportError("pictures need matplotlib, the extra 'plots': pip install 'tinynet[plots]'") from missing

from .letters import columns, drawn, letters_found  # noqa: E402 - without matplotlib the sentence above comes first

# Colours that can be told apart with the common kinds of colour-blindness (Okabe and Ito 2008).
BLUE, ORANGE, SKY = "#0072B2", "#D55E00", "#56B4E9"
LONGEST_NAME = 22  # letters of a class name that fit under an image


class Picture(Figure):
    """A figure that shows itself in a notebook, with any backend of matplotlib."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the picture, as matplotlib does; an old file of that name is replaced once the new one is complete."""
        if not isinstance(fname, str | os.PathLike):
            with letters_found(self):
                return super().savefig(fname, **options)
        path, kind = user_path(fname), options.pop("format", None)
        if kind is None and not path.suffix:
            path = user_path(f"{os.fsdecode(fname)}.{self.canvas.get_default_filetype()}")
        with atomic_write(path) as file, letters_found(self):
            super().savefig(file, format=kind or path.suffix[1:].lower(), **options)

    def draw(self, renderer: Any) -> None:
        """Draw the picture, as matplotlib does, with fonts that have its letters."""
        with letters_found(self):
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def learning_curve(history: Sequence[Mapping[str, Any]]) -> Picture:
    """Draw loss and error rate of each epoch, in training and validation; dotted lines where the learning rate fell.

    Parameters
    ----------
    history : History
        What `fit` returned, or its rows.
    """
    picture = Picture(figsize=(10, 4), layout="constrained")
    epochs = [row["epoch"] for row in history]
    rates = [row["learning_rate"] for row in history]
    for axes, name in zip(picture.subplots(1, 2), ("loss", "error"), strict=True):
        for kind, colour, marker in (("train", BLUE, "o"), ("validation", ORANGE, "s")):
            values = [math.nan if row[f"{kind}_{name}"] is None else row[f"{kind}_{name}"] for row in history]
            if not all(map(math.isnan, values)):
                axes.plot(epochs, values, color=colour, marker=marker, markersize=4, label=kind)
        axes.set(xlabel="epoch", ylabel=name)
        highest = max((value for line in axes.lines for value in line.get_ydata() if math.isfinite(value)), default=1)
        axes.set_ylim(0, 1.08 * highest or 1)
        axes.set_xlim(0.5, max(epochs, default=1) + 0.5)
        for before, after, epoch in zip(rates, rates[1:], epochs[1:], strict=False):
            if after < before:
                axes.axvline(epoch - 0.5, color="grey", linestyle=":", linewidth=1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        if name == "error":
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        if axes.lines:
            axes.legend()
    return picture


def first_layer_filters(net: Network) -> Picture:
    """Draw the filters of the first convolution, as figure 3 of the paper.

    Each filter has its own scale: grey is a weight of 0, black or white (in each colour) its largest one. Where the
    next convolution has groups, the filters are drawn in as many parts: the first half of the paper's filters feeds one
    tower and the second half the other.

    Raises
    ------
    ArgumentError
        When there is no convolution, or its input has not one grey or three colour channels.
    """
    convolutions = [(name, layer) for name, layer in single_layers(net) if layer.params.get("w", np.empty(0)).ndim == 4]
    if not convolutions:
        raise ArgumentError(f"{net.name} has no convolution whose filters could be drawn")
    name, first = convolutions[0]
    weights = first.params["w"]                                                # (KH, KW, C, F)
    if weights.shape[2] not in (1, 3):
        raise ArgumentError(f"{net.name}: the filters of {name} have {weights.shape[2]} channels, "
                            "expected 1 (grey) or 3 (colours)")
    if net.preprocessing is not None and net.preprocessing.channel_order == "BGR":
        weights = weights[:, :, ::-1]                                          # a picture's colours begin with red
    groups = max(getattr(first, "groups", 1), getattr(convolutions[1][1], "groups", 1) if convolutions[1:] else 1)
    towers = np.split(weights, groups, axis=3) if weights.shape[3] % groups == 0 else [weights]

    columns = min(16, towers[0].shape[3])  # as in the paper's figure: three rows for a tower of 48
    rows = math.ceil(towers[0].shape[3] / columns)
    picture = Picture(figsize=(0.5 * columns + 0.4, (0.5 * rows + 0.35) * len(towers) + 0.2), layout="constrained")
    for i, (axes, tower) in enumerate(zip(picture.subplots(len(towers), squeeze=False)[:, 0], towers, strict=True)):
        axes.imshow(filter_grid(tower, columns), interpolation="nearest", cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
        size = f"{weights.shape[0]} x {weights.shape[1]}"
        axes.set_title(f"{drawn(name)}, {size}" + (f", tower {i + 1}" if len(towers) > 1 else ""), fontsize=9)
    return picture


def filter_grid(weights: Array, columns: int) -> np.ndarray:
    """Lay filters out in rows on white.

    Parameters
    ----------
    weights : array (KH, KW, C, F)
    columns : int

    Returns
    -------
    array (height, width, C), or (height, width) for one channel
        Numbers from 0 to 1; a weight of 0 is 0.5.
    """
    kh, kw, channels, count = weights.shape
    largest = np.abs(weights).max(axis=(0, 1, 2))
    scaled = 0.5 + 0.5 * weights / np.where(largest > 0, largest, 1)           # (KH, KW, C, F)
    rows = math.ceil(count / columns)
    grid = np.ones((rows * (kh + 1) + 1, columns * (kw + 1) + 1, channels))
    for i in range(count):
        top, left = i // columns * (kh + 1) + 1, i % columns * (kw + 1) + 1
        grid[top : top + kh, left : left + kw] = scaled[..., i]
    return grid if channels == 3 else grid[..., 0]


def prediction_sheet(
    images: Sequence[Array] | Array, probabilities: Array, labels: Array | None = None,
    class_names: Sequence[str] | None = None, columns: int = 4, top: int = 5,
) -> Picture:
    """Draw images with their most probable classes as bars, as figure 4 of the paper.

    Parameters
    ----------
    images : uint8 (N, H, W, C), or a list of uint8 (H, W, C) of any sizes
        As stored, before any mean is subtracted.
    probabilities : array (N, classes)
        What `predict` returned.
    labels : array of int (N,), optional
        The correct classes: their bars are filled in another colour, hatched, and ticked.
    class_names : list of str, optional
        Default: the numbers of the classes.
    columns, top : int
        Images in a row; bars for each.

    Raises
    ------
    ShapeError
        When images or probabilities don't have the form above, or there are none.
    ArgumentError
        When there are too few class names or labels, or for columns or top below 1.
    """
    images, probabilities = [np.asarray(image) for image in images], np.asarray(probabilities)
    for image in images:
        if image.ndim != 3 or image.dtype != np.uint8 or image.shape[2] not in (1, 3):
            raise ShapeError(f"prediction_sheet: an image is {image.dtype} of shape {image.shape}, "
                             "expected uint8 (H, W, 1 or 3)")
    if not images:
        raise ShapeError("prediction_sheet: the list of images is empty")
    if probabilities.ndim != 2 or len(probabilities) != len(images):
        raise ShapeError(f"prediction_sheet: probabilities have shape {probabilities.shape}, "
                         f"expected ({len(images)}, classes)")
    classes = probabilities.shape[1]
    names = [str(i) for i in range(classes)] if class_names is None else [short(name) for name in class_names]
    if len(names) < classes:
        raise ArgumentError(f"prediction_sheet: got {len(names)} class names for {classes} classes")
    if labels is not None and (len(labels) != len(images) or any(label < 0 for label in labels)):
        raise ArgumentError(f"prediction_sheet: labels are {shorten(str(list(labels)), 60)}, expected one for each of "
                            f"the {len(images)} images, from 0 up")
    columns = min(check_count("prediction_sheet", "columns", columns), len(images))
    rows, bars = math.ceil(len(images) / columns), min(check_count("prediction_sheet", "top", top), classes)
    picture = Picture(figsize=(2.4 * columns, (2.4 + 0.24 * bars) * rows), layout="constrained")
    grid = picture.subplots(2 * rows, columns, squeeze=False, height_ratios=[2.0, 0.24 * bars] * rows)
    for axes in grid.flat:
        axes.set_axis_off()
    for i, image in enumerate(images):
        correct = None if labels is None else int(labels[i])
        above, below = grid[i // columns * 2 : i // columns * 2 + 2, i % columns]
        above.imshow(image if image.shape[2] == 3 else image[..., 0], cmap="gray", vmin=0, vmax=255)
        if correct is not None:
            above.set_title(names[correct] if correct < len(names) else str(correct), fontsize=10)
        draw_bars(below, probabilities[i], correct, names, bars)
    return picture


def draw_bars(axes: Any, probabilities: np.ndarray, correct: int | None, names: Sequence[str], bars: int) -> None:
    """Draw the most probable classes of one image, the most probable on top."""
    order = np.argsort(-probabilities, kind="stable")[:bars]                   # equal ones in the order of the classes
    for row, i in enumerate(order):
        right = int(i) == correct
        axes.barh(row, probabilities[i], height=0.86, color=ORANGE if right else SKY, alpha=0.55,
                  hatch="///" if right else None, edgecolor="white" if right else "none")
        text = f"{names[i]} \N{CHECK MARK}" if right else names[i]
        axes.text(0.02, row, text, va="center", fontsize=8, fontweight="bold" if right else "normal")
        axes.text(0.98, row, f"{probabilities[i]:.0%}", va="center", ha="right", fontsize=7, color="#444444")
    axes.set(xlim=(0, 1), ylim=(bars - 0.5, -0.5))


def short(name: str) -> str:
    """Return a class name that fits under an image: without ImageNet's number in front, n02123045_tabby is "tabby"."""
    name = re.sub(r"^n\d{8}[_ ]", "", printable(str(name))).replace("_", " ")
    if columns(name) > LONGEST_NAME:
        while columns(name) > LONGEST_NAME - 1:
            name = name[:-1]
        name += "\N{HORIZONTAL ELLIPSIS}"
    return drawn(name)


def speed_ladder(milliseconds: Mapping[str, float], limit: float) -> Picture:
    """Draw the time of each rung of the lesson on speed as a bar, on a logarithmic scale, and the machine's limit."""
    picture = Picture(figsize=(8, 3.6), layout="constrained")
    axes = picture.subplots()
    names = [drawn(name) for name in milliseconds]
    axes.barh(range(len(names)), list(milliseconds.values()), color=SKY, edgecolor=BLUE)
    axes.set_yticks(range(len(names)), names)
    for row, t in enumerate(milliseconds.values()):
        axes.text(t * 1.15, row, f"{t:,.0f} ms" if t >= 10 else f"{t:.2f} ms", va="center", fontsize=9)
    axes.axvline(limit, color=ORANGE, linestyle="--", label=f"limit of matrix products: {limit:.2f} ms")
    axes.set_xscale("log")
    axes.set_xlim(limit / 4, max(milliseconds.values()) * 8)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds per image")
    axes.legend(loc="lower right")
    return picture
