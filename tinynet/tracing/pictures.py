"""Pictures of a network at work: maps of activations, im2col's matrix, the flow of gradients, which pixels matter.

As in `plots.pictures`, each function returns a matplotlib figure that shows itself in a notebook. Where numbers have
signs, blue is below zero, white zero and orange above.
"""
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..network.params import flat, is_bias
from ..ops import im2col
from ..ops.arrays import Array, to_cpu
from ..ops.checks import check_count
from ..plots.letters import drawn
from ..plots.pictures import BLUE, ORANGE, Picture
from ..plots.thumbnails import GAP, full_colour, palette, shades
from .records import StepRecord, TraceRecord
from .statistics import statistics

SIGNED = np.array(palette()[: 3 * 255], dtype=np.uint8).reshape(255, 3)
GREY = GAP[0]  # between maps
MARKS = ((BLUE, "o"), (ORANGE, "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("black", "v"))  # Okabe and Ito's colours
WRITTEN = 250  # cells up to which each has its number written into it
CHANNELS = 3  # of an image, drawn one below the other


def activation_maps(x: Array, title: str = "", count: int = 32, columns: int = 8) -> Picture:
    """Draw the first channels of one image's activations, or of their gradients, all on one scale.

    Parameters
    ----------
    x : array (H, W, C) or (units,)
        `trace["conv1"].output[0]`, `trace["conv1"].upstream[0]`; units are drawn in rows.
    title : str
    count, columns : int
        Channels drawn; channels, or units, in a row.

    Raises
    ------
    ShapeError
        For another form of x, also that of a whole batch.
    ArgumentError
        For a count or columns below 1.
    """
    x = to_cpu(x)
    if x.ndim not in (1, 3) or 0 in x.shape:
        raise ShapeError(f"activation_maps: x has shape {x.shape}, expected one image's (H, W, C) or (units,)")
    check_count("activation_maps", "count", count)
    check_count("activation_maps", "columns", columns)
    if x.ndim == 1:
        columns = min(columns, len(x))
        rows = np.pad(x, (0, -len(x) % columns), constant_values=np.nan).reshape(-1, columns)
        what, strongest, inch = f"{len(x)} units", full_colour(x), 0.25
        sheet = signed(rows, strongest)
    else:
        h, w, channels = x.shape
        count = min(count, channels)
        columns = min(columns, count)
        what = f"{count} of {channels} channels" if count < channels else f"{channels} channels"
        strongest, inch = full_colour(x[..., :count]), min(6.4 / columns, 1.5) / w
        sheet = np.full((math.ceil(count / columns) * (h + 1) - 1, columns * (w + 1) - 1, 3), GREY, np.uint8)
        for c in range(count):
            top, left = c // columns * (h + 1), c % columns * (w + 1)
            sheet[top : top + h, left : left + w] = signed(x[..., c], strongest)
    width = max(sheet.shape[1] * inch, 5)                                      # of 5 inches at least, for the title
    picture = Picture(figsize=(width + 0.2, sheet.shape[0] * inch + 0.4), layout="constrained")
    axes = picture.subplots()
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()
    note = f"{what}; full colour at {strongest:.2g}"
    axes.set_anchor("W")
    axes.set_title(f"{drawn(title)}: {note}" if title else note, fontsize=9, loc="left")
    return picture


def im2col_picture(layer: Any, image: Array, at: tuple[int, int] = (0, 0)) -> Picture:
    """Draw an image with one window on it, the patch under the window, and im2col's matrix with the patch as a row.

    Parameters
    ----------
    layer : Conv2d, or another layer with a window
    image : array (H, W, C)
        Up to three channels, drawn one below the other; a grey frame separates them from the padding.
    at : (int, int)
        Which window: the position (i, j) of the output.

    Raises
    ------
    ArgumentError
        For a layer that has no window.
    ShapeError
        For another form of the image, and for a window that does not exist.
    """
    image, window = to_cpu(image), getattr(layer, "window", None)
    if window is None:
        raise ArgumentError(f"im2col_picture: {type(layer).__name__} has no window that slides over the image")
    if image.ndim != 3 or not 1 <= image.shape[2] <= CHANNELS:
        raise ShapeError(f"im2col_picture: the image has shape {image.shape}, expected (H, W, 1 to {CHANNELS})")
    (kh, kw), (h, w, channels) = window.kernel, image.shape
    oh, ow = window.output_size((h, w), "im2col_picture")
    if not (len(at) == 2 and 0 <= at[0] < oh and 0 <= at[1] < ow):
        raise ShapeError(f"im2col_picture: window {at} does not exist, the output is {oh} x {ow}")
    edges = window.edges((h, w))
    padded = np.pad(image, (*edges, (0, 0)))
    top, left = at[0] * window.stride[0], at[1] * window.stride[1]
    cols, row = im2col(image[None], window), at[0] * ow + at[1]                # (OH*OW, KH*KW*C)
    largest = float(np.abs(image).max()) or 1.0

    picture = Picture(figsize=(11, 1 + max(2.6 * channels, 0.3 * min(len(cols), 12))), layout="constrained")
    widths = [padded.shape[1], kw, 1, max(8, min(cols.shape[1], 24))]          # of cells; the 1 is a gap
    grid = picture.add_gridspec(channels, 4, width_ratios=widths)
    around = " and its padding" if padded.shape != image.shape else ""
    for c in range(channels):
        of_channel = f", channel {c}" if channels > 1 else ""
        on_image = picture.add_subplot(grid[c, 0])
        cells(on_image, padded[..., c], largest)
        frame(on_image, edges[0][0], edges[1][0], h, w, "grey")
        frame(on_image, top, left, kh, kw)
        on_image.set_title(f"image{of_channel}{around}", fontsize=9)
        patch = picture.add_subplot(grid[c, 1])
        cells(patch, padded[top : top + kh, left : left + kw, c], largest)
        frame(patch, 0, 0, kh, kw)
        patch.set_title(f"patch ({at[0]}, {at[1]})", fontsize=9)
    matrix = picture.add_subplot(grid[:, 3])
    cells(matrix, cols, largest, square=cols.size <= WRITTEN)
    frame(matrix, row, 0, 1, cols.shape[1])
    matrix.set_title(f"the matrix: the patch is row {at[0]} * {ow} + {at[1]} = {row}", fontsize=9)
    sees = f"{kh} x {kw}" + (f" x {channels}" if channels > 1 else "")
    matrix.set_xlabel(f"{cols.shape[1]} columns: {sees} numbers under a window", fontsize=9)
    matrix.set_ylabel(f"{len(cols)} rows: {oh} x {ow} windows", fontsize=9)
    return picture


def gradient_flow(traces: TraceRecord | Mapping[str, TraceRecord]) -> Picture:
    """Draw the root mean square of the gradient at each layer's output, and of its weights' gradient, on a log scale.

    Parameters
    ----------
    traces : Trace, or dict of str to Trace
        Several, of networks with the same number of layers, are drawn as a line each. A gradient that is 0 throughout
        cannot be drawn on a log scale and is left out.

    Raises
    ------
    ArgumentError
        For no trace, traces of networks with different numbers of layers, or more of them than there are colours.
    """
    named: Mapping[str, Any] = traces if isinstance(traces, Mapping) else {"": traces}
    if not named or len({len(trace.steps) for trace in named.values()}) != 1:
        raise ArgumentError("gradient_flow: expected a trace, or several with the same number of layers")
    if len(named) > len(MARKS):
        raise ArgumentError(f"gradient_flow: got {len(named)} traces, expected at most {len(MARKS)}")
    picture = Picture(figsize=(11, 4), layout="constrained")
    outputs, weights = picture.subplots(1, 2, width_ratios=[3, 2])
    ticks: dict[int, str] = {}  # at a layer's place in the network: two networks may learn in other layers
    for (name, trace), (colour, marker) in zip(named.items(), MARKS, strict=False):
        steps = trace.steps if trace.loss is None else trace.steps[:-1]        # at the loss itself it is 1
        kind: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 4, "label": drawn(name)}
        outputs.plot(range(len(steps)), [size_of(step.upstream) for step in steps], **kind)
        outputs.set_xticks(range(len(steps)), [drawn(step.name) for step in steps], rotation=90)
        learned = [i for i, step in enumerate(steps) if weight_gradients(step).size]
        weights.plot(learned, [size_of(weight_gradients(steps[i])) for i in learned], **kind)
        ticks |= {i: drawn(steps[i].name) for i in learned}
    weights.set_xticks(list(ticks), list(ticks.values()), rotation=90)
    for axes, title in ((outputs, "gradient at the layer's output"), (weights, "gradient of the layer's weights")):
        if any(np.isfinite(line.get_ydata()).any() for line in axes.lines):
            axes.set_yscale("log")
        axes.set_title(f"{title}, root mean square", fontsize=10)
        axes.grid(alpha=0.3)
        if len(named) > 1:
            axes.legend()
    return picture


def pixel_maps(image: Array, maps: Mapping[str, Array]) -> Picture:
    """Draw an image and beside it maps that say how much each position matters: of saliency, of occlusion.

    Parameters
    ----------
    image : array (H, W, C)
        One or three channels; its least number is drawn black and its largest white.
    maps : dict of str to array (h, w)
        By title. A map that is smaller than the image is stretched over it; each has its own scale.

    Raises
    ------
    ShapeError
        For another form of the image or of a map.
    """
    image = to_cpu(image).astype(np.float64)
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ShapeError(f"pixel_maps: the image has shape {image.shape}, expected (H, W, 1 or 3)")
    picture = Picture(figsize=(3.4 * (len(maps) + 1), 3.2), layout="constrained")
    first, *rest = picture.subplots(1, len(maps) + 1, squeeze=False)[0]
    bright = (image - image.min()) / (float(np.ptp(image)) or 1)
    first.imshow(bright if image.shape[2] == 3 else bright[..., 0], cmap="gray", vmin=0, vmax=1)
    first.set_title("the image", fontsize=9)
    extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
    for axes, (title, values) in zip(rest, maps.items(), strict=True):
        values = to_cpu(values)
        if values.ndim != 2:
            raise ShapeError(f"pixel_maps: the map {title!r} has shape {values.shape}, expected (h, w)")
        shown = axes.imshow(values, cmap="cividis", extent=extent, interpolation="nearest")
        axes.set_title(drawn(title), fontsize=9)
        picture.colorbar(shown, ax=axes, shrink=0.8)
    for axes in (first, *rest):
        axes.set(xticks=[], yticks=[])
    return picture


def signed(x: np.ndarray, largest: float) -> np.ndarray:
    """Return numbers (H, W) as colours (H, W, 3): full blue at -largest, white at 0, full orange; nan is grey."""
    return np.where(np.isnan(x)[..., None], np.uint8(GREY), SIGNED[shades(np.nan_to_num(x), largest)])


def weight_gradients(step: StepRecord) -> np.ndarray:
    """Return the gradients of all of a layer's parameters but its biases, in one row."""
    found = [to_cpu(gradient).ravel() for path, gradient in flat(step.gradients).items() if not is_bias(path[-1])]
    return np.concatenate(found) if found else np.zeros(0)


def size_of(gradient: Array) -> float:
    """Return a gradient's root mean square; nan for one of zeros, which a log scale cannot show."""
    return statistics(gradient).rms or math.nan


def cells(axes: Any, x: np.ndarray, largest: float, square: bool = True) -> None:
    """Draw numbers (H, W) as coloured cells, few of them with the numbers inside."""
    axes.imshow(signed(x, largest), interpolation="nearest", aspect="equal" if square else "auto")
    axes.set(xticks=[], yticks=[])
    if x.size > WRITTEN:
        return
    for i, j in np.ndindex(x.shape):
        colour = "white" if abs(x[i, j]) > 0.7 * largest else "black"
        axes.text(j, i, f"{x[i, j] + 0.0:.2g}", ha="center", va="center", fontsize=7, color=colour)


def frame(axes: Any, top: int, left: int, height: int, width: int, colour: str = "black") -> None:
    """Draw the edge of a part of the cells."""
    bottom, right = top + height, left + width
    x, y = np.array([left, right, right, left, left]), np.array([top, top, bottom, bottom, top])
    axes.plot(x - 0.5, y - 0.5, color=colour, linewidth=2.5, clip_on=False)
