"""How fast trainings learn: when each reached the lowest training error that all of them reached."""
from .relu_numbers import epochs_until
from .result import Result


def training_curves(result: Result) -> dict[str, list[list[float]]]:
    """Return by arm the training errors of each seed, epoch by epoch, without the trainings that diverged."""
    return {arm.name: [[row["train_error"] for row in r["history"]] for r in result.of(arm) if not r["diverged"]]
            for arm in result.plan.arms}


def common_error(result: Result) -> float:
    """Return the lowest training error that every training reached."""
    return max((min(curve) for each in training_curves(result).values() for curve in each), default=1.0)


def epochs_to_common_error(result: Result) -> dict[str, list[float]]:
    """Return by arm after how many epochs each seed was at it, interpolated; those that diverged are left out."""
    target = common_error(result)
    return {arm.name: [epochs_until(r["history"], target, result.plan.chance) or 0.0 for r in result.of(arm)
                       if not r["diverged"]] for arm in result.plan.arms}
