"""Wrong forms of the update of step 4, to say which of them a student's numbers are."""
from collections.abc import Callable

import numpy as np

Array = np.ndarray
Update = Callable[[Array, Array, Array, float, float, float], tuple[Array, Array]]

# The new w and v of (w, v, g, rate, momentum, decay).
WRONG: dict[str, Update] = {
    "w stays as it was: w = w + v makes a new array, w += v changes the old one": lambda w, v, g, r, m, d: (
        w, m * v - d * r * w - r * g),
    "the step goes up the gradient: the sign of learning_rate * g": lambda w, v, g, r, m, d: moved(
        w, m * v - d * r * w + r * g),
    "momentum brakes: the sign of momentum * v": lambda w, v, g, r, m, d: moved(w, -m * v - d * r * w - r * g),
    "the old velocity is not kept: v = ... makes a new array, v[...] = ... writes into the old one":
        lambda w, v, g, r, m, d: (w - d * r * w - r * g, v),
    "momentum is left out of the step": lambda w, v, g, r, m, d: (w - d * r * w - r * g, m * v - d * r * w - r * g),
    "the sign of the weight decay": lambda w, v, g, r, m, d: moved(w, m * v + d * r * w - r * g),
    "the weight decay is left out": lambda w, v, g, r, m, d: moved(w, m * v - r * g),
    "the weight decay takes a part of v, not of w": lambda w, v, g, r, m, d: moved(w, m * v - d * r * v - r * g),
    "the weight decay lacks the learning rate": lambda w, v, g, r, m, d: moved(w, m * v - d * w - r * g),
    "the weight decay is twice as large": lambda w, v, g, r, m, d: moved(w, m * v - 2 * d * r * w - r * g),
    "the weight decay is taken from w and does not enter v": lambda w, v, g, r, m, d: (
        w + (m * v - r * g) - d * r * w, m * v - r * g),
    "the learning rate is in v and multiplies it once more": lambda w, v, g, r, m, d: (
        w + r * (m * v - d * r * w - r * g), m * v - d * r * w - r * g),
    "the learning rate multiplies v instead of g, as in PyTorch: another path once the rate changes":
        lambda w, v, g, r, m, d: (w - r * (m * v + d * w + g), m * v + d * w + g),
    "the gradient is multiplied by 1 - momentum": lambda w, v, g, r, m, d: moved(
        w, m * v - d * r * w - (1 - m) * r * g),
    "it looks ahead, as Nesterov's momentum does": lambda w, v, g, r, m, d: (
        w + m * (m * v - d * r * w - r * g) - d * r * w - r * g, m * v - d * r * w - r * g),
    "w is changed by the old v, before v is updated": lambda w, v, g, r, m, d: (w + v, m * v - d * r * (w + v) - r * g),
}


def moved(w: Array, v: Array) -> tuple[Array, Array]:
    """Return w after the step v, and v."""
    return w + v, v


class WrongPaths:
    """Where the wrong forms would have led each parameter.

    Parameters
    ----------
    params : dict of str to array
        Before the first step.
    """

    def __init__(self, params: dict[str, Array]) -> None:
        self.paths = {sentence: {name: (w.copy(), np.zeros_like(w)) for name, w in params.items()}
                      for sentence in WRONG}

    def step(self, grads: dict[str, Array], rate: float, momentum: float, decay: float) -> None:
        """Take a step on every path."""
        for sentence, update in WRONG.items():
            path = self.paths[sentence]
            for name, g in grads.items():
                path[name] = update(*path[name], g, rate, momentum, decay)

    def likely(self, name: str, found: Array) -> str:
        """Say which wrong forms a parameter's numbers are; nothing where it is none of them."""
        fits = [sentence for sentence, path in self.paths.items()
                if np.shape(found) == path[name][0].shape and np.allclose(found, path[name][0], rtol=1e-9, atol=1e-12)]
        return f". Likely: {'; or '.join(fits)}" if fits else ""
