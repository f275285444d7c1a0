"""Fully connected layers: dot products, forwards and back."""

from ..records import StepRecord
from .explanation import Explanation
from .reading import Place, bias, count_of, explanation, factor, grid, name_of_gradient, name_of_output
from .terms import Part


def output(step: StepRecord, at: Place) -> Explanation:
    n, f = at
    w = step.layer.params["w"]                                             # (in, out)
    inputs = range(len(w))
    products = Part("products", (factor("x[]", step.input, grid(n, inputs)), factor("w[]", w, grid(inputs, f))))
    reason = f"The dot product of the {count_of(len(w), 'input')} of image {n} with column {f} of w, and the bias."
    formula = "y[n, f] = sum over k of x[n, k] * w[k, f], + b[f]"
    return explanation(name_of_output(step, at), step.output, at, [products, bias(step, (f,))], formula, reason)


def input_gradient(step: StepRecord, at: Place) -> Explanation:
    n, k = at
    w = step.layer.params["w"]
    outputs = range(w.shape[1])
    part = Part("products", (factor("dy[]", step.upstream, grid(n, outputs)), factor("w[]", w, grid(k, outputs))))
    reason = (
        f"The input went into {count_of(len(outputs), 'output')}: each sends back its upstream gradient times the "
        "weight that it met the input with."
    )
    formula = "dx[n, k] = sum over f of dy[n, f] * w[k, f]"
    return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], formula, reason)


def param_gradient(step: StepRecord, name: str, at: Place) -> Explanation:
    images = range(len(step.input))
    upstream = factor("dy[]", step.upstream, grid(images, at[-1]))
    if name == "w":
        part = Part("products", (factor("x[]", step.input, grid(images, at[0])), upstream))
        formula = "dw[k, f] = sum over n of x[n, k] * dy[n, f]"
        reason = (
            f"The weight was used once for each of {count_of(len(images), 'image')}: its input there times the "
            "upstream gradient of its output."
        )
    else:
        part, formula = Part("upstream", (upstream,)), "db[f] = sum over n of dy[n, f]"
        reason = f"The bias was added once for each of {count_of(len(images), 'image')}: the sum of upstream gradients."
    return explanation(name_of_gradient(step, name, at), step.gradients[name], at, [part], formula, reason)
