"""Layers in which one input makes one output: ReLU, tanh, sigmoid, dropout's mask, flatten."""

import numpy as np

from ..records import StepRecord
from .explanation import Explanation
from .reading import Index, constant, explanation, factor, name_of_gradient, name_of_output, value_at
from .terms import Factor, Part
from .texts import Wording, wording


def output_term(
    step: StepRecord, at: Index, factors: tuple[Factor, ...], says: Wording, slack: float = 0.0, selects: bool = False
) -> Explanation:
    """Return the explanation of an output that has a single term."""
    part = Part("output", factors, selects=selects)
    return explanation(name_of_output(step, at), step.output, at, [part], says, slack=slack)


def gradient_term(
    step: StepRecord, at: Index, factors: tuple[Factor, ...], says: Wording, slack: float = 0.0
) -> Explanation:
    """Return the explanation of an entry of the input's gradient that has a single term."""
    what, parts = name_of_gradient(step, "x", at), [Part("gradient", factors)]
    return explanation(what, step.input_gradient, at, parts, says, slack=slack)


class Rectifier:
    """ReLU."""

    @staticmethod
    def output(step: StepRecord, at: Index) -> Explanation:
        x = factor("x[]", step.input, at)
        on = not x.values[0] <= 0                                              # nan passes
        which = "nan" if np.isnan(x.values[0]) else "on" if on else "off"
        return output_term(step, at, (x, constant("on", on)), wording("ReLU.output", which), selects=True)

    @staticmethod
    def input_gradient(step: StepRecord, at: Index) -> Explanation:
        on = value_at(step.saved.y, at) > 0
        factors = (factor("dy[]", step.upstream, at), constant("slope", on))
        return gradient_term(step, at, factors, wording("ReLU.x", "on" if on else "off"))


class Squash:
    """tanh or sigmoid: a curve, and its slope, which follows from the output."""

    def __init__(self, name: str, output_section: str, gradient_section: str, slope: str) -> None:
        self.name, self.slope_text = name, slope
        self.output_section, self.gradient_section = output_section, gradient_section

    def curve(self, x: np.ndarray) -> np.ndarray:
        return np.tanh(x) if self.name == "tanh" else 0.5 + 0.5 * np.tanh(0.5 * x)

    def slope(self, y: np.ndarray) -> np.ndarray:
        return 1 - y**2 if self.name == "tanh" else y * (1 - y)

    def output(self, step: StepRecord, at: Index) -> Explanation:
        x = factor("x[]", step.input, at)
        squashed = Factor(f"{self.name}(x[])", self.curve(x.values), x.indices)
        # A sigmoid near 0 is the difference of tanh and -1, and off by the last digit of these.
        slack = 0.0 if self.name == "tanh" else float(np.finfo(step.output.dtype).eps)
        return output_term(step, at, (squashed,), wording(self.output_section, x=float(x.values[0])), slack)

    def input_gradient(self, step: StepRecord, at: Index) -> Explanation:
        y = factor("y[]", step.saved.y, at)
        factors = (factor("dy[]", step.upstream, at), Factor(self.slope_text, self.slope(y.values), y.indices))
        # Where y is next to 1 the slope is a small difference of numbers next to 1, and off by the last digit of these.
        slack = float(np.finfo(step.input_gradient.dtype).eps) * abs(float(factors[0].values[0]))
        return gradient_term(step, at, factors, wording(self.gradient_section), slack)


class Mask:
    """Dropout."""

    @staticmethod
    def output(step: StepRecord, at: Index) -> Explanation:
        mask = factor("mask[]", step.saved.mask, at)
        says = wording("Dropout.output", Mask.reason(mask), mask=float(mask.values[0]))
        return output_term(step, at, (factor("x[]", step.input, at), mask), says)

    @staticmethod
    def input_gradient(step: StepRecord, at: Index) -> Explanation:
        mask = factor("mask[]", step.saved.mask, at)
        says = wording("Dropout.x", Mask.reason(mask), mask=float(mask.values[0]))
        return gradient_term(step, at, (factor("dy[]", step.upstream, at), mask), says)

    @staticmethod
    def reason(mask: Factor) -> str:
        return "dropped" if mask.values[0] == 0 else "kept"


class Flattened:
    """Flatten."""

    @staticmethod
    def output(step: StepRecord, at: Index) -> Explanation:
        n, k = at
        before = (n, *map(int, np.unravel_index(k, step.input.shape[1:])))
        return output_term(step, at, (factor("x[]", step.input, before),), wording("Flatten.output"))

    @staticmethod
    def input_gradient(step: StepRecord, at: Index) -> Explanation:
        n, *before = at
        k = int(np.ravel_multi_index(before, step.input.shape[1:]))
        return gradient_term(step, at, (factor("dy[]", step.upstream, (n, k)),), wording("Flatten.x"))
