"""The numbers of the lesson on ReLU: epochs until a training error, tanh's beside ReLU's, and saturated units."""
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .experiment import Arm
from .result import Result, paired_interval

RAW, SCALED, CONTROL, MAX_POOLS = "raw pixels", "scaled pixels", "scaled, begins like raw", "max pools"
SATURATED = 0.95  # an output of tanh beyond this has a slope below 1 - 0.95**2 = 0.0975
FIRST = 0.6       # the training error from which on epochs are compared
ERRORS = (0.5, 0.4, 0.35)  # at which the sentences do, and at the target
EARLY = 2         # the epoch after which the sentences count saturated units


class Ratio(NamedTuple):
    """How many times ReLU's epochs: geometric mean of the seeds' ratios, and its 95% interval (t), nan for one seed.

    `more`: not every seed got there in its epochs, so that the ratio is larger than `mean`; no interval then.
    """

    mean: float
    low: float
    high: float
    more: bool

    def __str__(self) -> str:
        return f"more than {self.mean:.1f}" if self.more else f"{self.mean:.{1 if self.mean >= 1 else 2}f}"

    @property
    def with_interval(self) -> str:
        """The ratio with its interval, if there is one."""
        return str(self) if math.isnan(self.low) else f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f})"


def last_error(record: Mapping[str, Any]) -> float:
    """Return the training error in a training's last epoch; 1 where it diverged."""
    return 1.0 if record["diverged"] else record["history"][-1]["train_error"]


def epochs_until(history: Sequence[Mapping[str, Any]], target: float | None, chance: float) -> float | None:
    """Return after how many epochs the training error fell from `chance` to `target`, interpolated linearly, or None.

    The error of an epoch is a mean over it, while the network changed: it stands for the middle of the epoch. A target
    that is not below chance takes none.
    """
    if target is not None and target >= chance:
        return 0.0
    before, at = chance, 0.0
    for row in history:
        error, here = row["train_error"], row["epoch"] - 0.5
        if target is not None and error <= target:
            return at + (here - at) * (before - target) / (before - error)
        before, at = error, here
    return None


def epochs_seen(record: Mapping[str, Any]) -> float:
    """Return until when a training was observed: the middle of its last epoch."""
    return max(len(record["history"]) - 0.5, 0.5)


def relu_beside(result: Result, arm: Arm) -> Arm | None:
    """Return the arm with ReLU in the same setting (the control's: on scaled pixels); None for ReLU itself."""
    def setting(each: Arm) -> Any:
        found = each.switches.get("setting", MAX_POOLS)
        return SCALED if found == CONTROL else found

    if arm.switches.get("activation", "relu") == "relu":
        return None
    return next((each for each in result.plan.arms if setting(each) == setting(arm)
                 and each.switches.get("activation", "relu") == "relu"), None)


def ratio(result: Result, arm: Arm, target: float | None) -> Ratio | None:
    """Return how many times ReLU's epochs an arm needs until a training error, over the seeds that both have.

    None where there is no such arm with ReLU, a seed of it did not get there, or the error is not below chance.
    """
    beside, chance, logs, more = relu_beside(result, arm), result.plan.chance, [], False
    if beside is None or target is None or target >= chance:
        return None
    for relu, other in zip(result.of(beside), result.of(arm), strict=False):
        one, two = (epochs_until(record["history"], target, chance) for record in (relu, other))
        if one is None:
            return None
        more |= two is None
        logs.append((math.log(epochs_seen(other) if two is None else two), math.log(one)))
    mean, half = paired_interval(*zip(*logs, strict=True))
    half = math.nan if more else half
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half), more)


def saturated(result: Result, arm: Arm, layer: int, epoch: int) -> float | None:
    """Return which share of a layer's units is saturated after an epoch, the mean over the seeds; None if not seen."""
    seen = [row[f"saturated{layer}"] for record in result.of(arm) for row in record["history"]
            if row["epoch"] == epoch and f"saturated{layer}" in row]
    return statistics.mean(seen) if seen else None


def epochs_cell(result: Result, arm: Arm) -> str:
    """Write after how many epochs the arm reached the target; "more than" its last epoch where a seed did not."""
    own = result.of(arm)
    at = [epochs_until(record["history"], result.plan.budget.until, result.plan.chance) for record in own]
    reached = [value for value in at if value is not None]
    if len(reached) < len(own):
        some = f" ({len(reached)} of {len(own)} seeds: {', '.join(f'{value:.1f}' for value in reached)})"
        seen = [epochs_seen(record) for record, value in zip(own, at, strict=True) if value is None]
        return f"more than {max(seen):.1f}" + (some if reached else "")
    spread = f" +- {statistics.stdev(reached):.1f}" if len(reached) > 1 else ""
    return f"{statistics.mean(reached):.1f}{spread}"


def ratio_cell(result: Result, arm: Arm) -> str:
    """Write how many times ReLU's epochs until the target, with its interval."""
    found = ratio(result, arm, result.plan.budget.until)
    return "" if found is None else found.with_interval


def saturation_cell(result: Result, arm: Arm) -> str:
    """Write which share of conv1's outputs was saturated after two epochs."""
    found = saturated(result, arm, 1, EARLY)
    return "" if found is None else f"{found:.0%}"


def findings(result: Result) -> list[str]:
    """Say what follows from the numbers: the ratios along the training, what is saturated, what the control shows."""
    target, chance = result.plan.budget.until, result.plan.chance
    said = [f"The target: {target:.0%} training error on the way. There an epoch's error is its mean while the network "
            f"learned; it stands for the middle of the epoch, interpolated linearly, from {chance:.0%} at the start. "
            "Times ReLU's epochs: geometric mean of the seeds' ratios and its 95% interval (t)."]
    said += [text for arm in result.plan.arms if (text := along_the_training(result, arm))]
    return said + who_is_faster(result) + what_is_saturated(result) + what_the_control_shows(result)


def along_the_training(result: Result, arm: Arm) -> str:
    """Say how many times ReLU's epochs an arm needs until one error after the other; nothing where it is not known."""
    until = result.plan.budget.until or 0.0
    found = [(error, ratio(result, arm, error)) for error in (*(each for each in ERRORS if each > until), until)]
    each = [f"{value} to {error:.0%}" for error, value in found if value is not None]
    return f"{arm.name}, times ReLU's epochs to a training error: {', '.join(each)}." if each else ""


def who_is_faster(result: Result) -> list[str]:
    """Say which arms ReLU is faster than, as far as the seeds can tell."""
    names: dict[str, list[str]] = {}
    for arm in result.plan.arms:
        found = ratio(result, arm, result.plan.budget.until)
        if found is None:
            continue
        low, high = (found.mean, found.mean) if math.isnan(found.low) else (found.low, found.high)
        faster = low > 1 or (not found.more and high < 1)
        kind = "not decided against" if not faster else "faster than" if low > 1 else "slower than"
        doubt = " (one seed)" if len(result.of(arm)) == 1 else " (no interval)" if found.more else ""
        names.setdefault(kind, []).append(arm.name + doubt)
    each = "; ".join(f"{kind} {' / '.join(names[kind])}" for kind in sorted(names))
    return [f"On the way to the target ReLU is, in the same setting (for the control: on scaled pixels): {each}."
            ] if each else []


def what_is_saturated(result: Result) -> list[str]:
    """Say which share of each layer's units is saturated after two epochs, and how large ReLU's outputs are."""
    each, sizes = [], []
    for arm in result.plan.arms:
        layers = [saturated(result, arm, layer, EARLY) for layer in (1, 2, 3)]
        if None not in layers:
            each.append(f"{arm.name} {', '.join(f'{share:.0%}' for share in layers)}")
        rms = [row["rms1"] for r in result.of(arm) for row in r["history"] if row["epoch"] == EARLY and "rms1" in row]
        if rms:
            sizes.append(f"{arm.name} {statistics.mean(rms):.2g}")
    said = []
    if each:
        said.append(f"Saturated after {EARLY} epochs, outputs beyond {SATURATED} behind conv1, conv2, conv3: "
                    f"{'; '.join(each)}. Such a unit of tanh multiplies its gradient by less than "
                    f"{1 - SATURATED**2:.3f}; the sigmoid's outputs are stretched to -1 to 1 for this.")
    if sizes:
        said.append(f"ReLU's outputs behind conv1 then have a root mean square of: {', '.join(sizes)}; its slopes are "
                    "0 and 1 at any size.")
    return said


def what_the_control_shows(result: Result) -> list[str]:
    """Say whether the size of the pixels or the initial weights make tanh slow on raw pixels."""
    arms = {arm.switches.get("setting"): arm for arm in result.plan.arms if arm.switches.get("activation") == "tanh"}
    if not {RAW, SCALED, CONTROL} <= set(arms):
        return []
    needed, whole = {}, set()
    for setting in (RAW, SCALED, CONTROL):
        own = result.of(arms[setting])
        at = [epochs_until(record["history"], result.plan.budget.until, result.plan.chance) for record in own]
        needed[setting] = statistics.mean(
            epochs_seen(r) if value is None else value for value, r in zip(at, own, strict=True))
        if None not in at:
            whole.add(setting)
    small = needed[CONTROL] ** 2 < needed[RAW] * needed[SCALED]
    if small and {SCALED, CONTROL} <= whole:  # and if raw pixels need more epochs than were seen, all the more
        why = "it is the size of the pixels, more than the initial weights, that slows tanh down."
    elif not small and whole == set(needed):
        why = "the initial weights, not the size of the pixels alone, have a large part in what slows tanh down."
    else:
        why = "which of the two slows tanh down is not decided, as not every training came to the target."
    cells = [epochs_cell(result, arms[setting]) for setting in (CONTROL, RAW, SCALED)]
    return [f"The control, {arms[CONTROL].name}, begins as the same function as {arms[RAW].name}. It needs {cells[0]} "
            f"epochs, that one {cells[1]}, tanh with weights made for scaled pixels {cells[2]}: {why}"]
