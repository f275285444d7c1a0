"""The plot of the lesson on ReLU: figure 1 by epochs and by seconds, the search, and one shared learning rate."""
from statistics import mean, stdev
from typing import Any

from ..plots.letters import drawn
from ..plots.pictures import PercentFormatter, Picture
from .drawing import COLOURS, MARKERS, draw_curves, name_rates
from .relu_numbers import epochs_to_target, last_error, seconds_an_epoch, shared_ratios, shared_target
from .result import Result


def four_panels(result: Result) -> Picture:
    """Draw the four panels."""
    picture = Picture(figsize=(12, 9), layout="constrained")
    (by_epochs, by_seconds), (search, shared) = picture.subplots(2, 2)
    target, chance = result.plan.budget.until, result.plan.chance
    for i, arm in enumerate(result.plan.arms):
        curves = [[chance] + [row["train_error"] for row in r["history"]] for r in result.of(arm)]
        longest = max(map(len, curves))
        middles = [0.0] + [epoch - 0.5 for epoch in range(1, longest)]
        seconds = seconds_an_epoch(result, arm)
        draw_curves(by_epochs, curves, i, arm.name, middles)
        draw_curves(by_seconds, curves, i, f"{arm.name}, {seconds:.2f} s an epoch", [t * seconds for t in middles])
        draw_search(search, result, i)
        epochs = epochs_to_target(result, arm)
        if len(epochs) == result.plan.budget.seeds:
            for axes, each in ((by_epochs, 1.0), (by_seconds, seconds)):
                axes.errorbar(each * mean(epochs), target, xerr=each * (stdev(epochs) if len(epochs) > 1 else 0.0),
                              fmt=MARKERS[i], color=COLOURS[i], capsize=4, zorder=3)
    for axes, unit in ((by_epochs, "epochs"), (by_seconds, "seconds on one thread, training alone")):
        axes.axhline(target, color="grey", linestyle="--", linewidth=1)
        axes.set(xlabel=unit, ylabel="training error", ylim=(0, chance), xlim=(0, None))
        axes.legend()
    by_epochs.set_title("Each at its best learning rate (mean, and each seed;\n"
                        "on the dashed line: when each got there, mean and standard deviation)", fontsize=10)
    by_seconds.set_title("The same, by time", fontsize=10)
    search.set(xscale="log", xlabel="learning rate", ylim=(0, 1),
               ylabel=f"training error in epoch {result.plan.budget.search_epochs}")
    name_rates(search, [r["rate"] for arm in result.plan.arms for r in result.of(arm, "search")])
    search.set_title("The search (one seed)", fontsize=10)
    search.legend()
    draw_shared(shared, result)
    for axes in picture.axes:
        axes.grid(alpha=0.3)
    for axes in (by_epochs, by_seconds, search):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    picture.suptitle(drawn(result.title()), fontsize=12)
    return picture


def draw_search(axes: Any, result: Result, i: int) -> None:
    """Draw an arm's error after the search's epochs, by learning rate."""
    arm = result.plan.arms[i]
    own = result.of(arm, "search")
    rates = sorted(r["rate"] for r in own)
    axes.plot(rates, [last_error(own, arm.name, rate) for rate in rates], MARKERS[i] + "-", color=COLOURS[i],
              label=f"{drawn(arm.name)}, then {result.of(arm)[0]['rate']:g}")


def draw_shared(axes: Any, result: Result) -> None:
    """Draw the ratio at one learning rate for both: what it is depends on the rate."""
    if len(result.plan.arms) < 2:
        return axes.set_axis_off()
    first, second = result.plan.arms[:2]
    target, found = shared_target(result.plan), shared_ratios(result)
    axes.axhline(1, color="grey", linewidth=1)
    axes.axhline(6, color="grey", linestyle="--", linewidth=1)
    axes.plot([rate for rate, *_ in found], [value for _, value, _ in found], "-", color="black", linewidth=1)
    for bound, marker, label in (("", "o", "seen"), ("at least", "^", f"at least: {second.name} did not get there"),
                                 ("at most", "v", f"at most: {first.name} did not get there")):
        points = [(rate, value) for rate, value, kind in found if kind == bound]
        if points:
            axes.plot(*zip(*points, strict=True), marker, color="black", markersize=8, label=drawn(label))
    axes.set(xscale="log", yscale="log")
    name_rates(axes, [rate for rate, *_ in found])
    axes.set_yticks([0.125, 0.25, 0.5, 1, 2, 4, 6, 8, 16])
    values = [value for _, value, _ in found]
    axes.set_ylim(0.7 * min([0.5, *values]), 1.4 * max([6, *values]))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="one learning rate for both",
             ylabel=drawn(f"epochs of {second.name} / epochs of {first.name}"))
    axes.set_title(f"At one shared rate: until {target:.0%} training error (one seed)", fontsize=10)
    if found:
        axes.legend()
