"""Layers in which one input makes one output: ReLU, tanh, sigmoid, dropout's mask, flatten."""

import numpy as np

from ..records import StepRecord
from .explanation import Explanation
from .reading import Place, constant, explanation, factor, name_of_gradient, name_of_output, value_at
from .terms import Factor, Part


def one_term(
    step: StepRecord, at: Place, factors: tuple[Factor, ...], formula: str, reason: str, back: bool = False,
    slack: float = 0.0,
) -> Explanation:
    """Return the explanation of an output, or of the input's gradient, that has a single term."""
    what, array = (
        (name_of_gradient(step, "x", at), step.input_gradient) if back else (name_of_output(step, at), step.output)
    )
    parts = [Part("gradient" if back else "output", factors)]
    return explanation(what, array, at, parts, formula, reason, slack=slack)


class Rectifier:
    """ReLU."""

    @staticmethod
    def output(step: StepRecord, at: Place) -> Explanation:
        x = factor("x[]", step.input, at)
        on = bool(x.values[0] > 0)
        reason = "The input is above zero and passes." if on else "The input is not above zero, so the unit is off."
        return one_term(step, at, (x, constant("on", on)), "y = max(x, 0)", reason)

    @staticmethod
    def input_gradient(step: StepRecord, at: Place) -> Explanation:
        on = value_at(step.saved.y, at) > 0
        reason = (
            "The unit was on: the upstream gradient passes as it is." if on
            else "The unit was off: its slope is 0, and nothing passes."
        )
        factors = (factor("dy[]", step.upstream, at), constant("slope", on))
        return one_term(step, at, factors, "dx = dy where y > 0, else 0", reason, back=True)


class Squash:
    """tanh or sigmoid: a curve, and the slope that its output tells."""

    def __init__(self, name: str, formula: str, slope: str) -> None:
        self.name, self.formula, self.slope_text = name, formula, slope

    def curve(self, x: np.ndarray) -> np.ndarray:
        return np.tanh(x) if self.name == "tanh" else 0.5 + 0.5 * np.tanh(0.5 * x)

    def slope(self, y: np.ndarray) -> np.ndarray:
        return 1 - y**2 if self.name == "tanh" else y * (1 - y)

    def output(self, step: StepRecord, at: Place) -> Explanation:
        x = factor("x[]", step.input, at)
        squashed = Factor(f"{self.name}(x[])", self.curve(x.values), x.places)
        return one_term(step, at, (squashed,), self.formula, f"The {self.name} of the input {x.values[0]:.6g}.")

    def input_gradient(self, step: StepRecord, at: Place) -> Explanation:
        y = factor("y[]", step.saved.y, at)
        factors = (factor("dy[]", step.upstream, at), Factor(self.slope_text, self.slope(y.values), y.places))
        formula = f"dx = dy * {self.slope_text.replace('[]', '')}"
        reason = "The upstream gradient times the slope of the curve there."
        # Where y is next to 1 the slope is a small difference of numbers next to 1, and off by the last digit of these.
        slack = float(np.finfo(step.input_gradient.dtype).eps) * abs(float(factors[0].values[0]))
        return one_term(step, at, factors, formula, reason, back=True, slack=slack)


class Mask:
    """Dropout."""

    @staticmethod
    def output(step: StepRecord, at: Place) -> Explanation:
        factors = (factor("x[]", step.input, at), factor("mask[]", step.saved.mask, at))
        formula = "y = x * mask,  mask is 0 with probability p, else 1 / (1 - p); 1 in evaluation"
        return one_term(step, at, factors, formula, Mask.reason(step, at))

    @staticmethod
    def input_gradient(step: StepRecord, at: Place) -> Explanation:
        factors = (factor("dy[]", step.upstream, at), factor("mask[]", step.saved.mask, at))
        return one_term(step, at, factors, "dx = dy * mask", Mask.reason(step, at), back=True)

    @staticmethod
    def reason(step: StepRecord, at: Place) -> str:
        mask = value_at(step.saved.mask, at)
        return "The unit was dropped." if mask == 0 else f"The unit was kept, and is multiplied by {mask:g}."


class Flattened:
    """Flatten."""

    @staticmethod
    def output(step: StepRecord, at: Place) -> Explanation:
        n, k = at
        place = (n, *map(int, np.unravel_index(k, step.input.shape[1:])))
        formula = "y[n, k] = x[n, h, w, c],  k = (h * W + w) * C + c"
        reason = "The same number at its place in a row."
        return one_term(step, at, (factor("x[]", step.input, place),), formula, reason)

    @staticmethod
    def input_gradient(step: StepRecord, at: Place) -> Explanation:
        n, *place = at
        k = int(np.ravel_multi_index(place, step.input.shape[1:]))
        formula = "dx[n, h, w, c] = dy[n, k],  k = (h * W + w) * C + c"
        factors = (factor("dy[]", step.upstream, (n, k)),)
        reason = "The gradient of the same number at its place in the row."
        return one_term(step, at, factors, formula, reason, back=True)
