"""Softmax as a layer, with its row of the Jacobian; and the loss that it is fused with."""
from typing import Any

import numpy as np

from ...ops.arrays import to_cpu
from ..records import StepRecord
from .explanation import Explanation
from .reading import Place, constant, count_of, explained, explanation, factor, grid, name_of_gradient, name_of_output
from .terms import Factor, Part


def probability(step: StepRecord, at: Place, what: str, probabilities: Any) -> Explanation:
    """Where one probability came from: an exponential and the sum of them all."""
    *row, c = at
    places = grid(*row, range(step.input.shape[-1]))
    x = factor("x[]", step.input, places)
    largest = x.values.max()
    exps = Factor(f"exp(x[] - {largest:.4g})", np.exp(x.values - largest), places)
    total = float(exps.values.sum())
    one = Factor(exps.name, exps.values[[c]], places[[c]])
    reason = (
        "The exponential of its score, less the row's largest (which cancels), divided by the sum of the exponentials "
        f"of {count_of(len(places), 'score')}."
    )
    inner = explained(
        "sum of exp", total, step.input.dtype, [Part("exponentials", (exps,))], "sum of exp(x - largest)",
        "The exponentials of the row.",
    )
    parts = [Part("probability", (one, constant("1 / sum of exp", 1 / total)))]
    return explanation(what, probabilities, at, parts, "y[c] = exp(x[c]) / sum of exp(x)", reason, [inner])


class Rows:
    """Softmax."""

    @staticmethod
    def output(step: StepRecord, at: Place) -> Explanation:
        return probability(step, at, name_of_output(step, at), step.output)

    @staticmethod
    def input_gradient(step: StepRecord, at: Place) -> Explanation:
        *row, c = at
        places = grid(*row, range(step.input.shape[-1]))
        y = factor("y[]", step.saved.y, places)
        same = np.arange(len(places)) == c
        jacobian = Factor("d y[] / d x", y.values * (same - y.values[c]), places)
        part = Part("products", (factor("dy[]", step.upstream, places), jacobian))
        reason = (
            f"The input moves every probability of its row, {len(places)} in all: each upstream gradient times its "
            "entry in the Jacobian."
        )
        formula = "dx[c] = sum over i of dy[i] * y[i] * ((1 if i == c else 0) - y[c])"
        return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], formula, reason)


class Loss:
    """Softmax and cross-entropy, the last step of a trace."""

    @staticmethod
    def output(step: StepRecord, at: Place) -> Explanation:
        layer: Any = step.layer
        n = len(step.input)
        scores = to_cpu(step.input).astype(np.float64)                         # (N, classes)
        shifted = scores - scores.max(axis=1, keepdims=True)
        places = np.stack([np.arange(n), labels_of(layer)], axis=1)
        surprise = np.log(np.exp(shifted).sum(axis=1)) - shifted[tuple(places.T)]  # -log p, which p near 0 cannot break
        part = Part("images", (Factor("-log p[]", surprise, places), constant("1 / N", 1 / n, n)))
        formula = "loss = mean over images n of -log p[n, label of n],  p = softmax of the scores"
        reason = f"The mean over {count_of(n, 'image')} of minus the logarithm of the correct class's probability."
        return explanation(name_of_output(step, at), step.output, at, [part], formula, reason)

    @staticmethod
    def input_gradient(step: StepRecord, at: Place) -> Explanation:
        layer: Any = step.layer
        n, c = at
        label = int(labels_of(layer)[n])
        share = constant("1 / N", 1 / len(step.input))
        parts = [
            Part("probability", (factor("p[]", step.saved.probabilities, at), share)),
            Part("one-hot label", (constant(f"-(class {c} is the label)", -(label == c)), share)),
        ]
        reason = f"The probability of class {c}, less 1 where it is the label (here {label}), over N images."
        what = name_of_gradient(step, "x", at)
        inner = [probability(step, at, f"p[{n}, {c}]", step.saved.probabilities)]
        return explanation(what, step.input_gradient, at, parts, "dx = (p - one-hot label) / N", reason, inner)


def labels_of(layer: Any) -> np.ndarray:
    """Return the labels in NumPy, (N,)."""
    return to_cpu(layer.labels)
