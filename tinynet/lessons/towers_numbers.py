"""How much of the first layer's filters is colour, tower by tower, and whether chance would part them as well."""
from typing import Any

import numpy as np

DRAWS = 10_000  # random halves of the filters


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
    """
    share, energy = colour_of_filters(w)
    half = len(share) // 2
    means, spreads = zip(*(mean_and_spread(share[part], energy[part]) for part in (slice(half), slice(half, None))),
                         strict=True)
    drawn, found = random_differences(share, energy), abs(means[0] - means[1])
    as_far = (drawn >= found * (1 - 1e-9)).sum()                               # equal ones, but for rounding
    return {"share": list(means), "spread": list(spreads), "chance": float(np.quantile(drawn, 0.95)),
            "p": float((1 + as_far) / (1 + len(drawn)))}
