"""How much of a first layer's filters is picture, and how much noise: the correlation of neighbouring weights.

    python benchmarks/filter_noise.py runs/medium-seed0/last.npz ...

Weights drawn independently have a correlation of 0; an edge or a blob of colour is near 1. It is computed for each
filter, over all pairs of weights that lie side by side or one below the other in the same colour; printed are the mean
over the filters, and the share of filters above 0.5. Beside them: He's initialization, which is noise, and gratings
(Gabor filters of 11 x 11) of periods such as the eye finds in figure 3 of the paper, whose numbers are not printed.
"""
import sys

import numpy as np

import tinynet as tn
from tinynet.ops.arrays import Array


def correlations(w: Array) -> np.ndarray:
    """Return the correlation of neighbouring weights within each filter, (F,), for weights (KH, KW, C, F)."""
    found = []
    for filter_weights in np.moveaxis(w.astype(np.float64), -1, 0):                     # (KH, KW, C)
        one = np.concatenate([filter_weights[:-1].ravel(), filter_weights[:, :-1].ravel()])
        two = np.concatenate([filter_weights[1:].ravel(), filter_weights[:, 1:].ravel()])
        found.append(np.corrcoef(one, two)[0, 1])
    return np.array(found)


def told(name: str, w: Array) -> str:
    """Return a line about one layer's filters."""
    each = correlations(w)
    return f"{name}: {each.mean():.2f} on average, {np.mean(each > 0.5):.0%} of {len(each)} filters above 0.5"


def gratings(period: float, count: int = 48) -> np.ndarray:
    """Return grey gratings of all directions and phases under bell curves as wide as the period, (11, 11, 3, F)."""
    rows, columns = np.mgrid[-5:6, -5:6].astype(np.float64)
    angles, phases = np.linspace(0, np.pi, count, endpoint=False), np.linspace(0, 20 * np.pi, count, endpoint=False)
    bell = np.exp(-(rows**2 + columns**2) / (2 * (period / 2) ** 2))
    waves = [bell * np.cos(2 * np.pi / period * (np.cos(a) * columns + np.sin(a) * rows) + p)
             for a, p in zip(angles, phases, strict=True)]
    return np.stack([np.stack(waves, axis=-1)] * 3, axis=2)


if __name__ == "__main__":
    for period in (4, 6, 8):
        print(told(f"gratings of {period} pixels", gratings(period)))
    print(told("He's initialization", tn.alexnet_medium(init="he")["conv1"].params["w"]))
    for path in sys.argv[1:]:
        print(told(path, tn.load_checkpoint(path)["conv1"].params["w"]))
