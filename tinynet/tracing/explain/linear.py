"""Fully connected layers: dot products, forward and backward."""

from ..records import StepRecord
from .explanation import Explanation
from .reading import Index, bias, explanation, factor, grid, name_of_gradient, name_of_output
from .terms import Part
from .texts import wording


def output(step: StepRecord, at: Index) -> Explanation:
    n, f = at
    w = step.layer.params["w"]                                             # (in, out)
    inputs = range(len(w))
    products = Part("products", (factor("x[]", step.input, grid(n, inputs)), factor("w[]", w, grid(inputs, f))))
    says = wording("Linear.output", inputs=len(w), n=n, f=f)
    return explanation(name_of_output(step, at), step.output, at, [products, bias(step, (f,))], says)


def input_gradient(step: StepRecord, at: Index) -> Explanation:
    n, k = at
    w = step.layer.params["w"]
    outputs = range(w.shape[1])
    part = Part("products", (factor("dy[]", step.upstream, grid(n, outputs)), factor("w[]", w, grid(k, outputs))))
    says = wording("Linear.x", outputs=len(outputs))
    return explanation(name_of_gradient(step, "x", at), step.input_gradient, at, [part], says)


def param_gradient(step: StepRecord, name: str, at: Index) -> Explanation:
    images = range(len(step.input))
    upstream = factor("dy[]", step.upstream, grid(images, at[-1]))
    if name == "w":
        part = Part("products", (factor("x[]", step.input, grid(images, at[0])), upstream))
        says = wording("Linear.w", images=len(images))
    else:
        part, says = Part("upstream", (upstream,)), wording("Linear.b", images=len(images))
    return explanation(name_of_gradient(step, name, at), step.gradients[name], at, [part], says)
