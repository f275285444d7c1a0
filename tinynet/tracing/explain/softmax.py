"""Softmax as a layer, with its row of the Jacobian; and the loss that it is fused with."""
from typing import Any

import numpy as np

from ...ops.arrays import to_cpu
from ..records import StepRecord
from .explanation import Explanation
from .reading import Index, constant, explained, explanation, factor, grid, name_of_gradient, name_of_output
from .terms import Factor, Part
from .texts import wording


def probability(step: StepRecord, at: Index, what: str, probabilities: Any) -> Explanation:
    """Where one probability came from: an exponential and the sum of them all."""
    *row, c = at
    indices = grid(*row, range(step.input.shape[-1]))
    x = factor("x[]", step.input, indices)
    largest = x.values.max()
    exps = Factor("exp(x[] - largest)", np.exp(x.values - largest), indices)
    total = float(exps.values.sum())
    one = Factor(exps.name, exps.values[[c]], indices[[c]])
    inner = explained(
        "sum of exp", total, step.input.dtype, [Part("exponentials", (exps,))], wording("Softmax.sum")
    )
    parts = [Part("probability", (one, constant("1 / sum of exp", 1 / total)))]
    says = wording("Softmax.output", largest=float(largest), count=len(indices))
    # An exponent is rounded in its last digit, and an exponential is off by as large a part of itself.
    there = exps.values > 0                                                    # not for a score of -infinity
    exponents = largest - x.values
    off = exponents[c] + float((exps.values[there] * exponents[there]).sum()) / total
    slack = 2 * float(np.finfo(probabilities.dtype).eps) * float(off * one.values[0]) / total if there[c] else 0.0
    return explanation(what, probabilities, at, parts, says, [inner], slack=slack)


class Rows:
    """Softmax."""

    @staticmethod
    def output(step: StepRecord, at: Index) -> Explanation:
        return probability(step, at, name_of_output(step, at), step.output)

    @staticmethod
    def input_gradient(step: StepRecord, at: Index) -> Explanation:
        *row, c = at
        indices = grid(*row, range(step.input.shape[-1]))
        y = factor("y[]", step.saved.y, indices)
        same = np.arange(len(indices)) == c
        jacobian = Factor("d y[] / d x", y.values * (same - y.values[c]), indices)
        dy = factor("dy[]", step.upstream, indices)
        part = Part("products", (dy, jacobian))
        says = wording("Softmax.x", count=len(indices))
        # dy[c] and the sum of dy * y, whose difference the layer takes, are nearly equal where y[c] is next to 1.
        size = float(y.values[c] * (abs(dy.values[c]) + np.abs(dy.values * y.values).sum()))
        slack = 4 * float(np.finfo(step.output.dtype).eps) * size
        return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], says, slack=slack)


class Loss:
    """Softmax and cross-entropy, the last step of a trace."""

    @staticmethod
    def output(step: StepRecord, at: Index) -> Explanation:
        labels = labels_of(step.layer)
        n = len(step.input)
        scores = to_cpu(step.input).astype(np.float64)                         # (N, classes)
        shifted = scores - scores.max(axis=1, keepdims=True)
        indices = np.stack([np.arange(n), labels], axis=1)
        surprise = np.log(np.exp(shifted).sum(axis=1)) - shifted[tuple(indices.T)]  # -log p, also for a p near 0
        part = Part("images", (Factor("-log p[]", surprise, indices), constant("1 / N", 1 / n, n)))
        label = int(labels[0])
        says = wording("SoftmaxCrossEntropy.output", "one" if n == 1 else "several", n=n, label=f"class {label}")
        inner = [probability(step, (0, label), f"p[0, {label}]", step.saved.probabilities)] if n == 1 else []
        slack = 8 * float(np.finfo(step.output.dtype).eps)  # near 0 a loss is the logarithm of a sum next to 1
        return explanation(name_of_output(step, at), step.output, at, [part], says, inner, slack=slack)

    @staticmethod
    def input_gradient(step: StepRecord, at: Index) -> Explanation:
        n, c = at
        label = int(labels_of(step.layer)[n])
        share = constant("1 / N", 1 / len(step.input))
        parts = [
            Part("probability", (factor("p[]", step.saved.probabilities, at), share)),
            Part("one-hot label", (constant(f"-(class {c} is the label)", -(label == c)), share)),
        ]
        says = wording(
            "SoftmaxCrossEntropy.x", chosen=f"class {c}", label=f"class {label}", n=len(step.input)
        )
        what = name_of_gradient(step, "x", at)
        inner = [probability(step, at, f"p[{n}, {c}]", step.saved.probabilities)]
        scores = to_cpu(step.input[n]).astype(np.float64)
        log_p = scores[c] - scores.max() - np.log(np.exp(scores - scores.max()).sum())  # the layer's exponent
        slack = 4 * float(np.finfo(step.output.dtype).eps) * float(-log_p * np.exp(log_p)) / len(step.input) \
            if log_p > -np.inf else 0.0
        return explanation(what, step.input_gradient, at, parts, says, inner, slack=slack)


def labels_of(layer: Any) -> np.ndarray:
    """Return the labels in NumPy, (N,)."""
    return to_cpu(layer.labels)
