"""The optimizers' published formulas, one number of one parameter at a time, for `check_optimizer`.

Slow, and written without a look at tinynet's optimizers: Adam's in another form than its algorithm has.
"""
import math
from typing import Any

import numpy as np

from ..ops.arrays import Array


class Reference:
    """The right steps of one parameter, `w`, which it changes in place.

    Parameters
    ----------
    w : array
    settings : dict
        The optimizer's, as `settings` draws them.
    """

    def __init__(self, w: Array, settings: dict[str, Any]) -> None:
        self.w, self.set = w, settings

    def step(self, g: Array, rate: float, decay: float) -> None:
        """Change w by the gradient `g`, of its shape, at the learning rate and the decay of this parameter."""
        raise NotImplementedError

    @staticmethod
    def settings(generator: np.random.Generator, number: int) -> dict[str, Any]:
        """Draw an optimizer's settings; the first draw has none at its usual value, the second no decay."""
        raise NotImplementedError


class SGDReference(Reference):
    """Krizhevsky et al. 2012, section 5."""

    def __init__(self, w: Array, settings: dict[str, Any]) -> None:
        super().__init__(w, settings)
        self.v = np.zeros_like(w)

    def step(self, g: Array, rate: float, decay: float) -> None:
        w, v = self.w, self.v
        for at in np.ndindex(w.shape):
            v[at] = self.set["momentum"] * v[at] - decay * rate * w[at] - rate * g[at]
            w[at] = w[at] + v[at]

    @staticmethod
    def settings(generator: np.random.Generator, number: int) -> dict[str, Any]:
        weight_decay = draw_decay(generator, number)
        return {
            "learning_rate": float(generator.uniform(0.05, 0.5)),
            "momentum": float(generator.uniform(0.3, 0.95)) if number % 4 < 3 else 0.0,
            "weight_decay": weight_decay,
            "bias_rate": 1.0 if number in (1, 2) else float(generator.uniform(0.5, 3)),
            "decay_biases": bool(number % 3),
        }


class AdamReference(Reference):
    """Kingma and Ba 2015, section 3, equation 1; the decay as in Loshchilov and Hutter 2019, algorithm 2.

    With the sum of equation 1 written out, m / (1 - beta1^t) is the mean of all gradients so far, weighted by
    beta1^(t - i), and v / (1 - beta2^t) that of their squares, weighted by beta2^(t - i).
    """

    def __init__(self, w: Array, settings: dict[str, Any]) -> None:
        super().__init__(w, settings)
        self.gradients: list[Array] = []

    def step(self, g: Array, rate: float, decay: float) -> None:
        self.gradients.append(g)
        for at in np.ndindex(self.w.shape):
            past = [float(each[at]) for each in self.gradients]
            mean = weighted_mean(past, self.set["beta1"])
            square = weighted_mean([number * number for number in past], self.set["beta2"])
            self.w[at] -= rate * (mean / (math.sqrt(square) + self.set["epsilon"]) + decay * self.w[at])

    @staticmethod
    def settings(generator: np.random.Generator, number: int) -> dict[str, Any]:
        weight_decay = draw_decay(generator, number)
        return {
            "learning_rate": float(generator.uniform(0.05, 0.5)),
            "beta1": float(generator.uniform(0.3, 0.95)) if number % 4 < 3 else 0.0,
            "beta2": float(generator.uniform(0.3, 0.999)),
            "epsilon": 1e-8 if number in (1, 2) else float(generator.uniform(0.01, 0.5)),
            "weight_decay": weight_decay,
            "decay_biases": bool(number % 3),
        }


REFERENCES: dict[str, type[Reference]] = {"sgd": SGDReference, "adam": AdamReference}


def weighted_mean(numbers: list[float], beta: float) -> float:
    """Return the mean of the numbers, the last one with weight 1, the one before with beta, with beta^2, ..."""
    weights = [beta**age for age in reversed(range(len(numbers)))]
    return sum(weight * number for weight, number in zip(weights, numbers, strict=True)) / sum(weights)


def draw_decay(generator: np.random.Generator, number: int) -> float | dict[str, float]:
    """Draw a weight decay: one for all layers, some by name, in the second draw none."""
    decay = [float(each) for each in generator.uniform(0.01, 0.5, 4)]
    by_layer = [{"fc1": decay[0], "block": decay[1]}, {"block.fc2": decay[2], "block": decay[3]}][number // 2 % 2]
    return 0.0 if number == 1 else by_layer if number % 2 else decay[0]
