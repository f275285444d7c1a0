"""How much of the first layer's filters is colour, tower by tower, and whether chance would part them as well."""
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from .experiment import Arm
from .result import Result

DRAWS = 10_000  # random halves of the filters
RARE = 0.05     # how many of them may be as far apart as the towers are, for these to count as different


def colour_of_filters(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which part of each filter's energy is colour, and the energy.

    A filter's energy is the sum of its squared weights. Its grey part has in red, green and blue the mean of the three;
    the rest is colour, orthogonal to it, so that the two energies add up. A filter that weighs red, green and blue
    alike has no colour, 0; one that cannot see brightness is all colour, 1; random weights have 2/3.

    Parameters
    ----------
    w : array (KH, KW, 3, F)

    Returns
    -------
    share, energy : float64 (F,)
        The share of a filter of zeros is 0.
    """
    w = w.astype(np.float64)
    energy = (w * w).sum(axis=(0, 1, 2))
    colour = ((w - w.mean(axis=2, keepdims=True)) ** 2).sum(axis=(0, 1, 2))
    return colour / np.where(energy > 0, energy, 1), energy


def mean_and_spread(share: np.ndarray, energy: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of the filters' shares of colour, weighted by their energy.

    The mean is the part of all the filters' energy that is colour. A filter that learned nothing has kept the little
    energy of its initial weights and counts little.
    """
    weight = energy / max(energy.sum(), np.finfo(float).tiny)
    mean = (weight * share).sum()
    return float(mean), float(np.sqrt((weight * (share - mean) ** 2).sum()))


def random_differences(share: np.ndarray, energy: np.ndarray, draws: int = DRAWS) -> np.ndarray:
    """Return how far the means of two random halves of these filters are apart: float64 (draws,)."""
    halves = np.random.default_rng(0).permuted(np.tile(np.arange(len(share)), (draws, 1)), axis=1)
    colour, energy = (share * energy)[halves], energy[halves]                  # (draws, F)
    half = len(share) // 2
    one, two = (colour[:, part].sum(axis=1) / np.maximum(energy[:, part].sum(axis=1), np.finfo(float).tiny)
                for part in (slice(half), slice(half, None)))
    return np.abs(one - two)


def colour_of_towers(w: np.ndarray) -> dict[str, Any]:
    """Return the numbers of conv1's two halves, the towers.

    Parameters
    ----------
    w : array (KH, KW, 3, F)

    Returns
    -------
    dict
        "share" and "spread": for each tower what `mean_and_spread` gives. "chance": the difference of means that 95%
        of random halves of the same filters stay below. "p": how many of them differ at least as much as the towers
        do, themselves counted among them (a permutation test, with either tower as the more colourful one).

    Raises
    ------
    ShapeError
        For an odd number of filters.
    """
    share, energy = colour_of_filters(w)
    half = len(share) // 2
    if half * 2 != len(share):
        raise ShapeError(f"conv1 has {len(share)} filters, expected an even number: its halves are the two towers")
    means, spreads = zip(*(mean_and_spread(share[part], energy[part]) for part in (slice(half), slice(half, None))),
                         strict=True)
    drawn, found = random_differences(share, energy), abs(means[0] - means[1])
    as_far = (drawn >= found * (1 - 1e-9)).sum()                               # equal ones, but for rounding
    numbers = {"share": means, "spread": spreads}
    return {name: [round(each, 4) for each in pair] for name, pair in numbers.items()} | {
        "chance": round(float(np.quantile(drawn, 1 - RARE)), 4), "p": round(float((1 + as_far) / (1 + len(drawn))), 4)}


def seeds_of(result: Result, arm: Arm) -> list[dict[str, Any]]:
    """Return what `colour_of_towers` gave for an arm's trained networks, in the order of the seeds."""
    return [record["measured"]["towers"] for record in result.of(arm) if "towers" in record["measured"]]


def difference(found: dict[str, Any]) -> float:
    """Return how far the halves' shares of colour are apart."""
    return abs(found["share"][0] - found["share"][1])


def differs(found: dict[str, Any]) -> bool:
    """Tell whether few random halves of the filters would be so far apart."""
    return found["p"] < RARE


def divided(found: dict[str, Any]) -> bool:
    """Tell whether the halves differ, and one is mostly colour and the other mostly grey."""
    return differs(found) and max(found["share"]) > 0.5 > min(found["share"])


def colour_cell(result: Result, arm: Arm) -> str:
    """Write mean and spread of both halves, the more colourful one first, in the order of the seeds."""
    return "; ".join(shares(found) for found in seeds_of(result, arm))


def shares(found: dict[str, Any]) -> str:
    """Write mean and spread of both halves, the more colourful one first."""
    pairs = sorted(zip(found["share"], found["spread"], strict=True), reverse=True)
    return f"{' and '.join(f'{100 * mean:.0f} +- {100 * spread:.0f}' for mean, spread in pairs)}%"


def apart_cell(result: Result, arm: Arm) -> str:
    """Write how many points the halves are apart, and how many by chance, in the order of the seeds."""
    return "; ".join(map(apart, seeds_of(result, arm)))


def apart(found: dict[str, Any]) -> str:
    """Write how many points the halves are apart, and in brackets how many by chance."""
    return f"{100 * difference(found):.0f} ({100 * found['chance']:.0f}, p {found['p']:.2g})"


def is_two(result: Result, arm: Arm) -> bool:
    """Tell whether an arm has two towers: conv2 in groups."""
    return getattr(result.plan.make(arm, 1)["conv2"], "groups", 1) == 2


def findings(result: Result) -> list[str]:
    """Say what the shares of colour are, and whether the towers divide colour between them."""
    arms = [arm for arm in result.plan.arms if seeds_of(result, arm)]
    if not arms:
        return []
    first = result.plan.make(arms[0], 1)["conv1"].params["w"]
    texts = [
        "Colour: the part of conv1's energy (squared weights) that differs between red, green and blue; mean and "
        "standard deviation over the filters, each weighted by its energy, in the half of the filters with more colour "
        f"and in the other one, seed by seed. Random filters have 67%, these before training (seed 1) "
        f"{shares(colour_of_towers(first))}.",
        "Points apart: between the two halves; in brackets what 95% of random halves of the same filters stay below, "
        f"and the part p of {DRAWS:,} of them that are as far apart.",
    ]
    towers = [arm for arm in arms if is_two(result, arm)]
    others = [arm for arm in arms if arm not in towers]
    if towers:
        texts.append(f"{verdict(seeds_of(result, towers[0]), towers[0].name)} Seeds with halves further apart than "
                     f"chance (p below {RARE:g}), and in brackets those where besides one half is above 50% colour and "
                     f"the other below: {counts(result, towers)}.")
    if others:
        texts.append("The same for halves of one tower's filters, which nothing tells apart: "
                     f"{counts(result, others)}.")
    curves = {arm.name: watched_of(result, arm) for arm in towers}
    since = [f"{name} {', '.join(map(since_when, each))}" for name, each in curves.items() if each]
    if since:
        texts.append(f"After which epoch the halves are further apart than chance and stay so, seed by seed: "
                     f"{'; '.join(since)}.")
    return texts


def verdict(found: Sequence[dict[str, Any]], name: str) -> str:
    """Answer the question for an arm with two towers."""
    count, one = sum(map(divided, found)), len(found) == 1
    answer = f"with {count} of {len(found)} seeds"
    if count == 0:
        answer = "no, not with the one seed" if one else f"no, with none of {len(found)} seeds"
    elif count == len(found):
        answer = "yes, with the one seed" if one else f"yes, with all {count} seeds"
    return ("Does one tower become colour's and the other grey, whatever the initial weights? "
            f"{name[:1].upper()}{name[1:]}: {answer}.")


def counts(result: Result, arms: Sequence[Arm]) -> str:
    """Write in how many seeds the halves differ, and in how many they divide colour between them."""
    found = {arm.name: seeds_of(result, arm) for arm in arms}
    return "; ".join(f"{name} {sum(map(differs, each))} of {len(each)} ({sum(map(divided, each))})"
                     for name, each in found.items())


def watched_of(result: Result, arm: Arm) -> list[list[dict[str, Any]]]:
    """Return by seed what `colour_of_towers` gave before training and after each epoch, where it was kept."""
    return [record["watched"] for record in result.of(arm) if record.get("watched")]


def since_when(curve: Sequence[dict[str, Any]]) -> str:
    """Return the epoch from whose end on the halves differ, to the end of the training; "none" if they do not."""
    same = [epoch for epoch, found in enumerate(curve) if not differs(found)]
    since = same[-1] + 1 if same else 0
    return str(since) if since < len(curve) else "none"
