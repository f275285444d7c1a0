"""The usual plot of a lesson: learning curves, and each seed's error at the end."""
from collections.abc import Callable
from textwrap import fill
from typing import Any

import numpy as np

from ..plots.letters import drawn
from ..plots.pictures import PercentFormatter, Picture
from .result import Result

# Okabe and Ito's colours, which people with the usual kinds of colour blindness can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"


def curves_and_errors(
    result: Result, second: str = "", of: Callable[[dict[str, Any]], float] | None = None,
) -> Picture:
    """Draw the test error by epoch (mean, and each seed), and the last one of each seed; without a test set training's.

    `second` names a further error of each seed, drawn hollow, and `of` is the function that returns it for a record.
    """
    picture = Picture(figsize=(11, 4.6), layout="constrained")
    left, right = picture.subplots(1, 2)
    arms = result.plan.arms
    which, column = ("test", "validation_error") if result.has_test else ("training", "train_error")
    for i, arm in enumerate(arms):
        draw_curves(left, [[row[column] for row in r["history"]] for r in result.of(arm)], i, arm.name)
    left.set(xlabel="epoch", ylabel=f"{which} error")
    if left.lines:  # else every training diverged
        picture.legend(loc="outside lower center", ncols=min(4, len(arms)))
    draw_seeds(right, result, lambda record: record["test_error" if result.has_test else "train_error"])
    right.set_ylabel(f"{which} error at the end")
    if of is not None:
        draw_seeds(right, result, of, hollow=True)
        right.set_ylabel(f"{which} error at the end\n(hollow: {drawn(second)})")
    finish(picture, result)
    return picture


def draw_curves(axes: Any, curves: list[list[float]], i: int, label: str, at: Any = None, style: str = "-") -> None:
    """Draw the mean of some curves as far as they all go, and each of them thinly."""
    curves = [curve for curve in curves if curve]
    if not curves:
        return
    x = np.arange(1, max(map(len, curves)) + 1) if at is None else at
    colour, shortest = COLOURS[i % len(COLOURS)], min(map(len, curves))
    for curve in curves:
        axes.plot(x[: len(curve)], curve, linestyle=style, color=colour, alpha=0.4, linewidth=0.8)
    mean = np.mean([curve[:shortest] for curve in curves], axis=0)
    axes.plot(x[:shortest], mean, linestyle=style, color=colour, label=drawn(label), linewidth=2.2)


def draw_seeds(
    axes: Any, result: Result, of: Callable[[dict[str, Any]], float], hollow: bool = False, letters: int = 70
) -> None:
    """Draw a dot for each arm and seed, the dots of a seed joined, and a bar for the mean.

    `letters` is how many fit below the axis, next to each other.
    """
    arms = result.plan.arms
    values = [[of(record) for record in result.of(arm)] for arm in arms]                     # by arm and seed
    for seed in range(max(map(len, values), default=0)):
        row = [own[seed] if seed < len(own) else np.nan for own in values]                   # an arm may have fewer
        axes.plot(range(len(arms)), row, color="grey", alpha=0.5, linewidth=1)
    for i, row in enumerate(values):
        axes.plot([i] * len(row), row, MARKERS[i % len(MARKERS)], color=COLOURS[i % len(COLOURS)],
                  markerfacecolor="white" if hollow else None)
        axes.plot([i - 0.2, i + 0.2], [np.mean(row)] * 2, color=COLOURS[i % len(COLOURS)], linewidth=3)
    names = [fill(drawn(arm.name).replace("+ ", "+\N{NO-BREAK SPACE}"), letters // len(arms), break_long_words=False)
             for arm in arms]
    axes.set_xticks(range(len(arms)), names, fontsize=9 if len(arms) < 6 else 7.5)
    axes.set_xlim(-0.5, len(arms) - 0.5)


def name_rates(axes: Any, rates: list[float]) -> None:
    """Write at the axis the learning rates that were tried, and no others."""
    at = sorted(set(rates))
    axes.set_xticks(at, [f"{rate:g}" for rate in at])
    axes.minorticks_off()


def finish(picture: Picture, result: Result) -> None:
    """Add per cent, grids and the title."""
    for axes in picture.axes:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(alpha=0.3)
    picture.suptitle(drawn(result.title()), fontsize=11)
