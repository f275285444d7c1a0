"""The numbers of the lesson on ReLU: epochs until a training error, their ratios, and what one shared rate shows."""
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .experiment import Arm
from .plan import Plan
from .result import Result, paired_interval


def shared_target(plan: Plan) -> float:
    """Return the training error until which trainings at one shared rate are compared: one that most of them reach."""
    return round(0.6 * (plan.budget.until or 0) + 0.4 * plan.chance, 2)


def last_error(records: Sequence[Mapping[str, Any]], arm: str, rate: float) -> float:
    """Return the training error in the last epoch of an arm's training at a rate; 1 where it diverged."""
    record = next(r for r in records if r["arm"] == arm and r["rate"] == rate)
    return 1.0 if record["diverged"] else record["history"][-1]["train_error"]


def epochs_until(history: Sequence[Mapping[str, Any]], target: float | None, chance: float) -> float | None:
    """Return after how many epochs the training error fell from `chance` to `target`, interpolated linearly, or None.

    The error of an epoch is a mean over it, while the network changed: it stands for the middle of the epoch.
    """
    before, at = chance, 0.0
    for row in history:
        error, here = row["train_error"], row["epoch"] - 0.5
        if target is not None and error <= target:
            return at + (here - at) * (before - target) / (before - error)
        before, at = error, here
    return None


def seconds_an_epoch(result: Result, arm: Arm) -> float:
    """Return the time of an epoch of an arm alone."""
    return next(r["seconds_an_epoch"] for r in result.of(arm, "alone"))


def epochs_to_target(result: Result, arm: Arm) -> list[float]:
    """Return after how many epochs the arm's seeds reached the target; those that did not are left out."""
    reached = [epochs_until(r["history"], result.plan.budget.until, result.plan.chance) for r in result.of(arm)]
    return [value for value in reached if value is not None]


def ratio(result: Result, arm: Arm) -> tuple[float, float, float] | None:
    """Return how many times the epochs of the first arm another one needs: geometric mean, 95% interval (t, paired).

    None where a seed of either did not reach the target.
    """
    pairs = [[math.log(value) for value in epochs_to_target(result, each)] for each in (arm, result.plan.arms[0])]
    if any(len(each) < result.plan.budget.seeds for each in pairs):
        return None
    mean, half = paired_interval(*pairs)
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def shared_ratios(result: Result) -> list[tuple[float, float, str]]:
    """Return (rate, ratio, bound) of the second arm's epochs to the first's, for each rate that both were tried at.

    bound is "" for a ratio that was seen, "at least" where the second did not reach the target in its epochs, "at most"
    where the first did not; where neither did, the rate is left out.
    """
    target, found = shared_target(result.plan), []
    first, second = (
        {r["rate"]: r["history"] for stage in ("search", "shared") for r in result.of(arm, stage)}
        for arm in result.plan.arms[:2]
    )
    for rate in sorted(first.keys() & second.keys()):
        one, two = (epochs_until(each[rate], target, result.plan.chance) for each in (first, second))
        if one is not None or two is not None:
            bound = "at least" if two is None else "at most" if one is None else ""
            # A training that did not get there was observed until the middle of its last epoch.
            one, two = (value or max(len(each[rate]) - 0.5, 0.5) for value, each in ((one, first), (two, second)))
            found.append((rate, two / one, bound))
    return found
