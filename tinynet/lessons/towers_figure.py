"""The plot of the lesson on towers: errors, when the towers part, and each tower's filters with their colour."""
from typing import Any

import numpy as np

from ..training.checkpoint import load_checkpoint
from .result import Result
from .towers_numbers import colour_of_filters, colour_of_towers, difference, is_two, watched_of

COLUMNS = 16  # filters in a row, as in the paper's figure 3


def draw_towers(result: Result) -> Any:
    """Draw the errors and the difference of the towers by epoch, and the filters of every seed with two towers."""
    from ..plots.letters import drawn
    from ..plots.pictures import MaxNLocator, Picture
    from .drawing import draw_curves, draw_seeds, finish

    arms = result.plan.arms
    towers = [arm for arm in arms if is_two(result, arm)]
    rows = max((len(result.of(arm)) for arm in towers), default=1)
    height = 2.7 * rows if towers else 0.1
    picture = Picture(figsize=(8 * max(1.6, len(towers)), 4.4 + height), layout="constrained")
    parts: Any = picture.subfigures(2, 1, height_ratios=[4.4, height])
    above, below = parts
    curves = {arm.name: [list(map(difference, curve)) for curve in watched_of(result, arm)] for arm in arms}
    errors, *rest = above.subplots(1, 2 if any(curves.values()) else 1, squeeze=False)[0]
    draw_seeds(errors, result, lambda record: record["test_error"])
    errors.set_ylabel("test error at the end")
    for axes in rest:
        for i, arm in enumerate(arms):
            draw_curves(axes, curves[arm.name], i, arm.name, np.arange(result.plan.budget.epochs + 1))
        axes.set(xlabel="epoch", ylabel="colour, one half of conv1 minus the other", ylim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=8)
    finish(picture, result)
    places = below.subfigures(rows, max(1, len(towers)), squeeze=False)
    for column, arm in enumerate(towers):
        for row, record in enumerate(result.of(arm)):
            last = result.plan.job(arm, record["seed"], record["rate"]).folder / "last.npz"
            if last.exists():  # else it diverged at once
                draw_filters(places[row, column], load_checkpoint(last)["conv1"].params["w"],
                             drawn(f"{arm.name}, seed {record['seed']}"))
    return picture


def draw_filters(place: Any, w: np.ndarray, name: str) -> None:
    """Draw the filters of two towers into a figure, the grey tower above the other, sorted by their share of colour.

    Beside them is a dot for each filter at its share of colour, as large as its energy, and a line at the tower's mean.
    """
    from ..plots.pictures import PercentFormatter, filter_grid

    found = colour_of_towers(w)
    share, energy = colour_of_filters(w)
    paint = "#444444", "#D55E00"
    grid = place.add_gridspec(2, 2, width_ratios=[5, 2])
    dots = place.add_subplot(grid[:, 1])
    half = len(share) // 2
    for row, tower in enumerate(np.argsort(found["share"])):
        own = np.arange(half) + tower * half
        own = own[np.argsort(share[own])]
        axes = place.add_subplot(grid[row, 0])
        axes.imshow(filter_grid(w[..., own], min(COLUMNS, half)), interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(f"tower {tower + 1}: {100 * found['share'][tower]:.0f}% colour", fontsize=8, loc="left", pad=2)
        beside = row + 0.5 * (np.random.default_rng(0).random(half) - 0.5)    # so that few dots hide others
        dots.scatter(share[own], beside, s=40 * energy[own] / energy.max() + 2, color=paint[row], alpha=0.6,
                     linewidths=0)
        dots.plot([found["share"][tower]] * 2, [row - 0.35, row + 0.35], color=paint[row], linewidth=2)
    dots.axvline(2 / 3, color="black", linestyle=":", linewidth=0.8)
    dots.set_xlabel("colour of each filter\n(dotted: random weights)", fontsize=7)
    dots.set(xlim=(0, 1), ylim=(1.5, -0.5), yticks=[])
    dots.xaxis.set_major_formatter(PercentFormatter(1.0))
    dots.tick_params(labelsize=7)
    apart = round(100 * difference(found))
    place.suptitle(f"{name}: {apart} point{'' if apart == 1 else 's'} apart (by chance up to "
                   f"{100 * found['chance']:.0f}, p {found['p']:.2g})", fontsize=9)
