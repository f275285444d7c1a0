"""What the checks of `tinynet course` are proven with: mistakes that they have to name, right files that must pass."""
import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinynet import layers
from tinynet.course.running import Checked, check_source, examined, sources_for
from tinynet.course.step import Point, Step
from tinynet.course.steps import PARTS, STEPS, find_step
from tinynet.gradcheck.planted import CATALOGUE, Bug
from tinynet.layers.loss import softmax_cross_entropy
from tinynet.training.optim import SGD

VARIANTS = Path(__file__).parents[1] / "course" / "variants"
FAMILIES = ("loops", "einsum", "other")

# Which parts of the course ask for what a bug of the catalogue is a wrong version of.
PARTS_OF: dict[Any, tuple[str, ...]] = {
    layers.Conv2d: ("Conv2d", "GroupedConv2d"), softmax_cross_entropy: ("softmax_cross_entropy",), SGD: ("SGD",),
    **{getattr(layers, name): (name,) for name in (
        "ReLU", "Tanh", "Sigmoid", "Linear", "Flatten", "MaxPool2d", "AvgPool2d", "LocalResponseNorm", "Dropout",
        "BatchNorm2d")},
}
# Bugs of these layers that are right in every case that a step's file can meet: it lacks the setting.
WITHOUT_EFFECT = {
    "conv2d-input-padding-sides-swapped": "one number for both paddings",
    "conv2d-input-ceil-mode-forgotten": "no ceil_mode",
    "max-pool-padding-wins": "no padding", "max-pool-padding-cropped-at-end": "no padding",
    "avg-pool-ceil-mode-count": "no ceil_mode", "avg-pool-padding-not-counted": "no padding",
    "lrn-across-towers": "no towers",
    "sgd-decay-on-biases": "no decay_biases", "sgd-bias-rate-on-weights": "no bias_rate",
    "sgd-bias-rate-not-on-decay": "no bias_rate", "sgd-decay-of-first-layer": "one decay for all layers",
}
# Families of the catalogue that no step asks for; those of networks are planted as text below.
ELSEWHERE = {"adam", "fire", "locally_connected", "spatial_norm", "softmax", "network"}


def bugs() -> list[Bug]:
    """Return the bugs of the catalogue that can be put into a step."""
    return [bug for bug in CATALOGUE.values() if bug.right in PARTS_OF and bug.name not in WITHOUT_EFFECT]


def as_written_by_a_student(wrong: Any) -> Any:
    """Return a wrong layer of the catalogue in the form that a step asks for: no base class, forward and backward."""
    if not isinstance(wrong, type) or issubclass(wrong, SGD):
        return wrong

    class Student:
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            if "seed" in settings and "seed" not in inspect.signature(wrong).parameters:
                settings.pop("seed")
            self.inner = wrong(*arguments, **settings)
            self.params, self.buffers = self.inner.params, self.inner.buffers

        @property
        def generator(self) -> Any:
            return self.inner.generator

        def forward(self, x: np.ndarray, train: bool = False) -> Any:
            return self.inner.forward(x, train)

        def backward(self, dy: np.ndarray, saved: Any) -> Any:
            return self.inner.backward(dy, saved)

    Student.__name__ = wrong.__name__
    return Student


def check_bug(bug: Bug, seed: int = 0) -> dict[str, list[Point]]:
    """Return what the check finds wrong, by the parts of the course that the bug was put into."""
    student = as_written_by_a_student(bug.wrong)
    return {part: [point for point in examined(PARTS[part], student, np.random.default_rng([seed, 1])) if point.fault]
            for part in PARTS_OF[bug.right]}


def named(bug: Bug, points: list[Point]) -> bool:
    """Whether the faults name an array or a method that is wrong; a wrong output or step is a wrong number,
    and an error is told with its line.

    Every name counts, not all of them: where forward is wrong, nothing more has to be said of backward.
    """
    text = "\n".join(f"{point.what}\n{point.fault}" for point in points)
    if any(point.column == "numbers" or "Error: " in point.fault for point in points):
        return True
    return any(re.search(rf"\b{name}:|\bd{name}\b|gradient of {name}\b" if len(name) == 1 else rf"\b{name}\b", text)
               or (name == "x" and "dscores" in text) for name in bug.names)


class Mistake(NamedTuple):
    """A mistake put into a step's solution as text, and a word of what its check has to say."""

    step: int
    old: str
    new: str
    told: str


MISTAKES = {
    # a training step
    "step-evaluation-mode": Mistake(5, "train=True", "train=False", "training mode"),
    "step-optimizer-first": Mistake(5, "    _, grads = net.backward(dscores, saved)\n    optimizer.step(grads)\n",
                                    "    optimizer.step({})\n    _, grads = net.backward(dscores, saved)\n",
                                    "forward, step, backward"),
    "step-no-update": Mistake(5, "    optimizer.step(grads)\n", "", "optimizer.step"),
    "step-twice": Mistake(5, "    optimizer.step(grads)\n", "    optimizer.step(grads)\n    optimizer.step(grads)\n",
                          "once each"),
    "step-scores-after": Mistake(5, "    return loss, scores",
                                 "    return loss, net.forward(images, train=True)[0]", "once each"),
    "step-loss-summed": Mistake(5, "return loss, scores", "return loss * len(labels), scores", "loss"),
    "step-ascent": Mistake(5, "net.backward(dscores, saved)", "net.backward(-dscores, saved)", "dy"),
    "step-gradient-of-input": Mistake(5, "_, grads = net.backward", "grads, _ = net.backward", "gradients"),
    "step-images-scaled": Mistake(5, "net.forward(images, ", "net.forward(images / 255, ", "images"),
    # im2col
    "im2col-stride": Mistake(6, "v : v + (ow - 1) * stride + 1 : stride]\n    return", "v : v + ow]\n    return",
                             "the rows"),
    "im2col-channels-first": Mistake(6, "    return rows.reshape(n * oh * ow,",
                                     "    return rows.transpose(0, 1, 2, 5, 3, 4).reshape(n * oh * ow,", "the rows"),
    "im2col-window-transposed": Mistake(6, "rows[:, :, :, u, v] = x", "rows[:, :, :, v, u] = x", "the rows"),
    "im2col-float64": Mistake(6, "kernel, c), x.dtype)", "kernel, c))", "float64"),
    "col2im-overwritten": Mistake(6, ": stride] += rows[", ": stride] = rows[", "the image"),
    "col2im-cropped-at-end": Mistake(6, "total[:, padding : padding + h, padding : padding + w]", "total[:, :h, :w]",
                                     "the image"),
    "col2im-mean": Mistake(6, "    return total[:,", "    return total[:,".replace("total", "(total / kernel**2)"),
                           "the image"),
    # initialization
    "he-fan-out": Mistake(14, "shape[:-1]", "shape[1:]", "he_std"),
    "he-variance": Mistake(14, "float(np.sqrt(2 / np.prod(shape[:-1])))", "float(2 / np.prod(shape[:-1]))", "he_std"),
    "he-glorot": Mistake(14, "np.prod(shape[:-1])", "(shape[-2] + shape[-1])", "he_std"),
    "initialize-variance": Mistake(14, "std * generator", "std**2 * generator", "standard deviation"),
    "initialize-uniform": Mistake(14, "= std * generator.standard_normal(",
                                  "= std * 3**0.5 * generator.uniform(-1, 1, ", "beyond"),
    "initialize-new-array": Mistake(14, 'layer.params["w"][...] =', 'layer.params["w"] =', "new array"),
    "initialize-own-generator": Mistake(14, "= std * generator.", "= std * np.random.default_rng(0).",
                                        "the same generator"),
    "initialize-global": Mistake(14, "= std * generator.", "= std * np.random.", "same seed"),
    "initialize-biases-drawn": Mistake(14, '["b"][...] = bias',
                                       '["b"][...] = bias + generator.standard_normal(layer.params["b"].shape)', "b["),
    "initialize-one-draw": Mistake(14, '(layer.params["w"].shape)', '(layer.params["w"].shape[-1])', "weights"),
    "initialize-one-sided": Mistake(14, 'generator.standard_normal(layer.params["w"].shape)',
                                    'np.abs(generator.standard_normal(layer.params["w"].shape))', "mean"),
    # a network
    "network-forward-order": Mistake(15, "zip(reversed(self.layers), reversed(saved), strict=True)",
                                     "zip(self.layers, saved, strict=True)", "dx"),
    "network-saved-of-other-layer": Mistake(15, "reversed(saved)", "saved", "dx[0, 0] is"),
    "network-activation-skipped": Mistake(15, "            dy, of_params = layer.backward(dy, of_layer)\n",
                                          "            if not hasattr(layer, 'params'):\n                continue\n"
                                          "            dy, of_params = layer.backward(dy, of_layer)\n", "dx"),
    "network-gradients-of-other-layer": Mistake(15, "        return dy, grads",
                                                "        return dy, dict(zip(grads, reversed(grads.values())))",
                                                "gradient of fc1.w"),
    "network-train-not-passed": Mistake(15, "layer.forward(x, train)", "layer.forward(x)", "y["),
    "network-copies": Mistake(15, 'f"{name}.{key}": array for name', 'f"{name}.{key}": array.copy() for name', "copy"),
    "network-params-without-layer": Mistake(15, 'return {f"{name}.{key}": array', "return {key: array", "net.params"),
    "network-keeps-saved": Mistake(15, "        saved = []\n",
                                   "        saved = self.saved = getattr(self, 'saved', [])\n", "argument 2 is longer"),
    "network-dy-passed-on": Mistake(15, "            dy, of_params = ", "            _, of_params = ", "dx"),
    # AlexNet
    "alexnet-pool-everywhere": Mistake(16, "if i in (1, 2, 5) else []", "", "row 10"),
    "alexnet-dropout-first": Mistake(16, '(f"relu{i}", "relu"), (f"dropout{i}", "dropout", 0.5)]',
                                     '(f"dropout{i}", "dropout", 0.5), (f"relu{i}", "relu")]', "relu6"),
    "alexnet-one-tower": Mistake(16, "(384, 3, 1, 1, 2)", "(384, 3, 1, 1, 1)", "conv4"),
    "alexnet-rounded-up": Mistake(16, "(length - kernel) // stride + 1", "-((kernel - length) // stride) + 1", "pool1"),
    "alexnet-padding-once": Mistake(16, "length + 2 * padding", "length + padding", "conv1"),
    "alexnet-count-without-biases": Mistake(16, "* filters + filters", "* filters", "count_parameters"),
    "alexnet-count-without-groups": Mistake(16, "(shape[2] // groups)", "shape[2]", "count_parameters"),
    "build-groups-forgotten": Mistake(16, "GroupedConv2d(shape[2], *settings)",
                                      "GroupedConv2d(shape[2], *settings[:-1])", "conv2"),
    "build-dropout-half": Mistake(16, "Dropout(*settings, seed=[seed, i])", "Dropout(seed=[seed, i])", "p of dropout3"),
    "build-dropout-keeps-p": Mistake(16, "Dropout(*settings,", "Dropout(1 - settings[0],", "p of dropout3"),
    "build-normalization-of-three": Mistake(16, '"lrn": LocalResponseNorm,', '"lrn": lambda: LocalResponseNorm(3),',
                                            "large numbers"),
    "build-not-initialized": Mistake(16, 'if kind in ("conv", "linear"):', 'if kind == "conv":', "fc3"),
    "build-one-generator-each": Mistake(16, ", 0, generator)", ", 0, np.random.default_rng(seed))", "same draws"),
    "build-dropout-same-seed": Mistake(16, "seed=[seed, i]", "seed=seed", "dropout4"),
    "build-seed-ignored": Mistake(16, "np.random.default_rng(seed), []", "np.random.default_rng(0), []", "seeds"),
    # augmentation
    "crop-one-draw": Mistake(17, "generator.integers(h - size + 1, size=n), generator.integers(w - size + 1, size=n)",
                             "[generator.integers(h - size + 1)] * n, [generator.integers(w - size + 1)] * n", "place"),
    "crop-last-place-never": Mistake(17, "generator.integers(h - size + 1,", "generator.integers(h - size,", "place 2"),
    "crop-too-far": Mistake(17, "generator.integers(h - size + 1,", "generator.integers(h - size + 2,", "Error"),
    "crop-diagonal": Mistake(17, "    out = np.empty", "    lefts = tops\n    out = np.empty", "across"),
    "mirror-upside-down": Mistake(17, "images[:, :, ::-1]", "images[:, ::-1]", "neither"),
    "mirror-batch": Mistake(17, "generator.random(len(images)) < 0.5", "np.full(len(images), generator.random() < 0.5)",
                            "about half"),
    "mirror-channels": Mistake(17, "images[:, :, ::-1]", "images[:, :, :, ::-1]", "neither"),
    "colour-transposed": Mistake(17, "@ eigenvectors.T", "@ eigenvectors", "transposed"),
    "colour-one-sided": Mistake(17, "generator.normal(0, 0.1, (len(images), 3))",
                                "np.abs(generator.normal(0, 0.1, (len(images), 3)))", "expected 0.1 each"),
    "colour-by-pixel": Mistake(17, "shift[:, None, None, :]",
                               "(shift[:, None, None, :] * generator.choice([-1, 1], images.shape))",
                               "pixels of an image"),
    "colour-all-the-same": Mistake(17, "(len(images), 3))", "(1, 3)).repeat(len(images), axis=0)", "same shift"),
    "colour-one-number": Mistake(17, "(len(images), 3))", "(len(images), 1))", "one number"),
    "colour-not-scaled": Mistake(17, "255 * (alpha", "(alpha", "255 times"),
    "colour-square-roots": Mistake(17, "alpha * eigenvalues", "alpha * np.sqrt(eigenvalues)", "square roots"),
    "colour-variance": Mistake(17, "= generator.normal(0, 0.1,", "= generator.normal(0, 0.1**2,", "tenth"),
    "colour-writes-into-images": Mistake(17, "    return images + shift[:, None, None, :].astype(images.dtype)",
                                         "    images += shift[:, None, None, :].astype(images.dtype)\n"
                                         "    return images",
                                         "writes into"),
}


def check_mistake(mistake: Mistake, seed: int = 0) -> Checked:
    """Put a mistake into the solution of its step, and check it."""
    step = find_step(mistake.step)
    assert step.solution.count(mistake.old) == 1, mistake
    return check_text(step, step.solution.replace(mistake.old, mistake.new), seed=seed)


def check_text(step: Step, text: str, own: dict[int, bytes] | None = None, seed: int = 0) -> Checked:
    """Check a step's file; the files that it uses are `own`, or tinynet's."""
    return check_source(step, sources_for(step, {**(own or {}), step.number: text.encode()}), seed)


# Right files: each family has a whole course of its own; names, dtypes inside and layouts are drawn on top.

INSIDE_FLOAT64 = '''

def _inside_float64(kind):
    forward, backward = kind.forward, kind.backward

    def new_forward(self, x, train=False):
        y, saved = forward(self, x.astype("float64"), train)
        return y.astype(x.dtype), saved

    def new_backward(self, dy, saved):
        dx, grads = backward(self, dy.astype("float64"), saved)
        return dx.astype(dy.dtype), {name: grads[name].astype(dy.dtype) for name in grads}

    kind.forward, kind.backward = new_forward, new_backward

'''
OTHER_LAYOUT = '''

def _other_layout(kind):
    import numpy

    forward, backward = kind.forward, kind.backward

    def turned(array):
        axes = (0, *range(array.ndim - 1, 0, -1))
        return numpy.asarray(array).transpose(axes).copy().transpose(axes)

    def new_forward(self, x, train=False):
        y, saved = forward(self, turned(x), train)
        return turned(y), saved

    def new_backward(self, dy, saved):
        dx, grads = backward(self, numpy.asfortranarray(dy), saved)
        return turned(dx), {name: numpy.asfortranarray(grads[name]) for name in grads}

    kind.forward, kind.backward = new_forward, new_backward

'''


def variant(family: str, step: Step, names: bool = False, float64: bool = False, layout: bool = False) -> str:
    """Return a right file for a step: of a family, with other names, float64 inside, or arrays laid out otherwise."""
    text = (VARIANTS / family / step.file_name).read_text(encoding="utf-8")
    if names:
        text = with_other_names(text)
    kinds = [part.name for part in step.parts if f"class {part.name}" in text and part.name not in ("SGD", "Network")]
    for wanted, helper, call in ((float64, INSIDE_FLOAT64, "_inside_float64"), (layout, OTHER_LAYOUT, "_other_layout")):
        if wanted and kinds:
            text += helper + "\n".join(f"{call}({kind})" for kind in kinds) + "\n"
    return text


def with_other_names(text: str) -> str:
    """Return a program whose functions have other names for their local variables."""
    tree = ast.parse(text)
    for function in outer_functions(tree):
        given = {argument.arg for node in ast.walk(function) if isinstance(node, ast.FunctionDef | ast.Lambda)
                 for argument in [*node.args.args, *node.args.kwonlyargs]}
        local = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)
                 and isinstance(node.ctx, ast.Store)} - given
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in local:
                node.id = f"my_{node.id}"
    return ast.unparse(tree)


def outer_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions of a module, and the methods of its classes."""
    for node in tree.body:
        yield from (each for each in ([node] if isinstance(node, ast.FunctionDef) else getattr(node, "body", ()))
                    if isinstance(each, ast.FunctionDef))


def own_course(family: str) -> dict[int, bytes]:
    """Return all files of a family, by the numbers of their steps."""
    return {step.number: (VARIANTS / family / step.file_name).read_bytes() for step in STEPS}
