"""The plot of the lesson on ReLU: figure 1 in each setting, the ratio of the epochs, and the saturated units."""
from typing import Any

import numpy as np

from ..plots.letters import drawn
from ..plots.pictures import PercentFormatter, Picture
from .drawing import COLOURS, draw_curves
from .experiment import Arm
from .relu_numbers import CONTROL, FIRST, MAX_POOLS, RAW, SCALED, epochs_seen, epochs_until, ratio, relu_beside
from .result import Result

TITLES = {RAW: "Raw pixels: figure 1", SCALED: "The same layers, pixels / 64", MAX_POOLS: "Max pools, pixels / 64"}
STYLES = {"relu": "-", "tanh": "--", "sigmoid": ":"}
LAYERS = {1: "-", 2: "--", 3: ":"}


def setting_of(arm: Arm) -> str:
    """Return the arm's setting."""
    return arm.switches.get("setting", MAX_POOLS)


def colour_of(arm: Arm) -> int:
    """Return the number of an arm's colour: one for ReLU, and one for what is compared with it in each setting."""
    activation = arm.switches.get("activation", "relu")
    return {"relu": 0, "sigmoid": 4}.get(activation, {RAW: 1, SCALED: 2, CONTROL: 3, MAX_POOLS: 6}[setting_of(arm)])


def figure(result: Result) -> Picture:
    """Draw the curves of each setting above, the ratio and the saturation below."""
    picture = Picture(figsize=(12, 9), layout="constrained")
    parts: Any = picture.subfigures(2, 1)
    above, below = parts
    settings = [setting for setting in TITLES if any(setting_of(arm) == setting for arm in result.plan.arms)]
    panels = above.subplots(1, max(1, len(settings)), sharex=True, sharey=True, squeeze=False)[0]
    for axes, setting in zip(panels, settings, strict=False):
        draw_setting(axes, result, setting)
    panels[0].set(ylabel="training error", ylim=(0, result.plan.chance + 0.02), xlim=(0, None))
    ratios, saturation = below.subplots(1, 2)
    draw_ratios(ratios, result)
    draw_saturation(saturation, result)
    for axes in (*panels, saturation):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in picture.axes:
        axes.grid(alpha=0.3)
    picture.suptitle(drawn(result.title()), fontsize=12)
    return picture


def draw_setting(axes: Any, result: Result, setting: str) -> None:
    """Draw the training errors of a setting's arms, and how far apart they come to the target."""
    target, chance = result.plan.budget.until or 0.0, result.plan.chance
    axes.axhline(target, color="grey", linestyle="--", linewidth=1)
    axes.set(xlabel="epochs")
    axes.set_title(TITLES[setting], fontsize=11)
    for arm in result.plan.arms:
        if setting_of(arm) != setting and (setting, setting_of(arm)) != (SCALED, CONTROL):
            continue
        curves = [[chance] + [row["train_error"] for row in r["history"]] for r in result.of(arm)]
        middles = [0.0] + [epoch - 0.5 for epoch in range(1, max(map(len, curves)))]
        control, colour = setting_of(arm) == CONTROL, COLOURS[colour_of(arm)]
        style = "-." if control else STYLES.get(arm.switches.get("activation", "relu"), "-")
        name = drawn(arm.name if control else arm.name.split(",")[0])
        draw_curves(axes, curves, colour_of(arm), f"{name}, rate {result.of(arm)[0]['rate']:g}", middles, style)
        at = [epochs_until(r["history"], target, chance) for r in result.of(arm)]
        if at and None not in at:
            axes.plot(mean_epochs(result, arm), target, "o", color=colour, markersize=6)
        found, relu = ratio(result, arm, target), relu_beside(result, arm)
        if found is not None and relu is not None and arm.switches.get("activation") == "tanh":
            start, end = (mean_epochs(result, each) for each in (relu, arm))
            low = target - (0.14 if control else 0.05)
            axes.annotate("", (end, low), (start, low), arrowprops={"arrowstyle": "->", "color": colour})
            axes.text(min(start, end), low - 0.01, f"{found} times", va="top", color=colour)
    axes.legend(fontsize=9)


def mean_epochs(result: Result, arm: Arm) -> float:
    """Return after how many epochs an arm's seeds reached the target or, where they did not, ended: their mean."""
    at = [(r, epochs_until(r["history"], result.plan.budget.until, result.plan.chance)) for r in result.of(arm)]
    return float(np.mean([epochs_seen(r) if value is None else value for r, value in at]))


def draw_ratios(axes: Any, result: Result) -> None:
    """Draw how many times ReLU's epochs each other arm needs, along the training error."""
    until = result.plan.budget.until or 0.0
    first = min(FIRST, result.plan.chance - 0.01)
    errors = [*(each / 100 for each in range(round(100 * first), round(100 * until), -1)), until]
    axes.axhline(1, color="grey", linewidth=1)
    axes.axhline(6, color="grey", linestyle="--", linewidth=1, label="the paper's 6, at 25%")
    highest, lowest = 6.0, 1.0
    for arm in result.plan.arms:
        found = [(error, ratio(result, arm, error)) for error in errors]
        known = [(error, value) for error, value in found if value is not None and not value.more]
        if not known:
            continue
        colour, at, values = COLOURS[colour_of(arm)], [error for error, _ in known], [value.mean for _, value in known]
        axes.plot(at, values, color=colour, linewidth=2.2, label=drawn(arm.name))
        low, high = [value.low for _, value in known], [value.high for _, value in known]
        axes.fill_between(at, low, high, color=colour, alpha=0.12, linewidth=0)
        beyond = found[[error for error, _ in found].index(at[-1]) + 1 :]
        if beyond and beyond[0][1] is not None and beyond[0][1].more:  # None: it was ReLU that did not get there
            axes.plot(at[-1], values[-1], "^", color=colour, markersize=9)
        shaded = [value for value in (*low, *high) if not np.isnan(value)]
        highest, lowest = max(highest, *values, *shaded), min(lowest, *values, *shaded)
    axes.set(yscale="log", xlim=(errors[0], until), ylim=(0.8 * lowest, 1.3 * highest),
             xlabel="until this training error", ylabel="times ReLU's epochs")
    axes.set_yticks([each for each in (0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16) if 0.8 * lowest <= each <= 1.3 * highest])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_title("How many times ReLU's epochs? It depends on where you look\n"
                   "(shaded: 95% interval; a triangle: from here on more)", fontsize=10)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize=9)  # covers no curve


def draw_saturation(axes: Any, result: Result) -> None:
    """Draw which share of tanh's outputs is saturated, by layer and epoch."""
    for arm in result.plan.arms:
        if arm.switches.get("activation") != "tanh" or setting_of(arm) == MAX_POOLS:
            continue
        for layer, style in LAYERS.items():
            curves = [[row[f"saturated{layer}"] for row in r["history"]] for r in result.of(arm)]
            shortest = min(map(len, curves))
            mean = np.mean([curve[:shortest] for curve in curves], axis=0)
            axes.plot(np.arange(1, shortest + 1), mean, style, color=COLOURS[colour_of(arm)],
                      linewidth=2.2 if layer == 1 else 1.4, label=drawn(arm.name) if layer == 1 else None)
    for layer, style in LAYERS.items():
        axes.plot([], [], style, color="grey", label=f"behind conv{layer}")
    axes.set(xlabel="epoch", ylabel="share of the outputs beyond ±0.95", ylim=(-0.02, 1.02), xlim=(0, None))
    axes.set_title("Why: units whose slope is next to 0", fontsize=10)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize=9)  # covers no curve
