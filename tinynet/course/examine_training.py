"""The checks of the loss, of SGD, and of a training step."""
import copy
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import TinynetError
from ..exercises.compare import difference
from ..gradcheck import check_gradients
from ..layers import Linear
from ..layers.loss import softmax_cross_entropy
from ..training.optim import SGD
from .common import call, pair, times_text, unchanged
from .examine_layers import report_points
from .sgd_mistakes import WrongPaths
from .stand_ins import Affine, Descent
from .step import Part, Point


def examine_loss(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    n, classes = int(generator.integers(3, 6)), int(generator.integers(4, 7))
    for label, count, size in ((f"{n} images of {classes} classes", n, 2.0), ("1 image", 1, 2.0),
                               (f"{n} images, scores of about 1000", n, 1000.0)):
        scores = size * generator.standard_normal((count, classes))
        labels = generator.integers(classes, size=count)
        labels[-1] = labels[0]  # a label twice
        expected, dscores = softmax_cross_entropy(scores, labels)
        given = scores.copy(), labels.copy()
        with np.errstate(all="ignore"):
            loss, gradient = pair(call(label, student, *given), "the loss and dscores")
        if np.ndim(loss) or not isinstance(loss, int | float | np.number):
            yield Point("numbers", label, f"loss is {np.shape(loss) or type(loss).__name__}, expected one number")
            return
        wrong_loss = loss_fault(np.asarray(loss, dtype="float64"), np.asarray(expected), scores.shape)
        yield Point("numbers", f"loss, {label}", wrong_loss)
        kept = unchanged(f"scores and labels, {label}", {"scores": (given[0], scores), "labels": (given[1], labels)})
        yield kept
        if kept.fault:
            return
        fault = gradient_fault(gradient, dscores, labels)
        measured: list[Point] = []
        if size < 100 and not wrong_loss:  # differences of a wrong loss would only mislead
            measured = list(loss_gradients(label, student, scores, labels))
            yield from (point._replace(fault=fault) if "no simple pattern" in point.fault and fault else point
                        for point in measured)
        if not any(point.fault for point in measured):
            yield Point("gradients", f"dscores beside tinynet's, {label}", fault)
        if fault or wrong_loss:
            return
    single = scores[:, :4].astype(np.float32)
    gradient = pair(student(single, labels % 4), "the loss and dscores")[1]
    yield Point("contract", "float32 stays float32", "" if gradient.dtype == np.float32 else
                f"dscores is {gradient.dtype} for scores of float32")


def counts(shape: tuple[int, ...]) -> dict[str, float]:
    """Return what a loss or its gradient may be too large by."""
    return {"the number of images": float(shape[0]), "the number of classes": float(shape[1])}


def gradient_fault(found: Any, expected: np.ndarray, labels: np.ndarray) -> str:
    """Say how dscores are wrong; nothing where they are right."""
    fault = difference("dscores", found, expected)
    if not fault or getattr(found, "shape", None) != expected.shape:
        return fault
    factor = times_text(found, expected, counts(expected.shape))
    others = np.ones(expected.shape, bool)
    others[np.arange(len(labels)), labels] = False
    if not factor and np.allclose(found[others], expected[others], rtol=1e-9, atol=1e-12):
        return f"dscores: right except at the labels, dscores[n, labels[n]]. {fault}"
    return f"dscores: {factor}" if factor else fault


def loss_fault(loss: np.ndarray, expected: np.ndarray, shape: tuple[int, ...]) -> str:
    """Say how a loss is wrong; nothing where it is right."""
    fault = difference("loss", loss, expected)
    if fault and np.isinf(loss):
        return (f"loss is {loss}, expected {expected:.9g}: a very small p becomes 0, and log 0 is -inf. Do not take "
                "the logarithm of p: log p = shifted - log(sum of exp(shifted))")
    if fault and np.isnan(loss):
        return (f"loss is nan, expected {expected:.9g}: exp of a large score is infinite, and inf / inf is nan. "
                "Subtract the largest score of each image from its scores first")
    factor = fault and times_text(loss, expected, counts(shape))
    if factor:
        summed = f"it is {shape[0]} (" in factor
        return f"loss: {factor}{': a sum where the mean should be' if summed else ''}"
    return fault


def loss_gradients(label: str, student: Any, scores: np.ndarray, labels: np.ndarray) -> Iterator[Point]:
    """Compare the gradient with finite differences of the student's own loss."""

    def loss_of_scores(scores: np.ndarray) -> Any:
        return student(scores, labels)

    try:
        report = check_gradients(loss_of_scores, scores)
    except TinynetError as error:
        yield Point("contract", label, str(error))
        return
    for point in report_points(f"loss, {label}", report):
        fault = re.sub(r"\bx\b", "scores", point.fault.replace("dx: ", "dscores: ", 1))
        yield point._replace(what=point.what.replace("gradient of x", "gradient of scores"), fault=fault)


def examine_sgd(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    for label, momentum, decay in (("momentum alone", 0.9, 0.0), ("weight decay alone", 0.0, 0.5),
                                   ("neither", 0.0, 0.0), ("both", 0.8, 0.3)):
        rate = float(generator.uniform(0.05, 0.3))
        settings: dict[str, Any] = {"learning_rate": rate, "momentum": momentum, "weight_decay": decay}
        truth, trial = (Linear(3, 3).astype("float64") for _ in range(2))
        truth.params["w2"] = np.zeros((3, 3))  # of the shape of w, for velocities that are kept by shape
        for name, array in truth.params.items():
            array[...] = generator.standard_normal(array.shape)
            trial.params[name] = array.copy()
        held, wrong = dict(trial.params), WrongPaths(truth.params)
        ours, theirs = SGD(truth, **settings), student(trial, **settings)
        for step in range(1, 6):
            if step == 5:
                ours.learning_rate = theirs.learning_rate = rate / 10
            grads = {name: generator.standard_normal(array.shape) for name, array in truth.params.items()}
            given = {name: array.copy() for name, array in grads.items()}
            wrong.step(grads, ours.learning_rate, momentum, decay)
            ours.step({name: array.copy() for name, array in grads.items()})
            theirs.step(given)
            what = f"step {step}, {label}" + (", the learning rate divided by 10 before it" if step == 5 else "")
            changed = unchanged(f"gradients, {what}", {f"the gradient of {n}": (given[n], grads[n]) for n in grads})
            yield changed
            for name, array in truth.params.items():
                fault = difference(name, trial.params.get(name), array)
                if not fault and trial.params[name] is not held[name]:
                    fault = f"{name} is a new array: change the old one in place, as `w += v` does"
                elif fault:
                    fault += wrong.likely(name, trial.params[name])
                yield Point("numbers", f"{name}, {what}", fault)
                if fault:
                    return


class Recorder:
    """A net and its optimizer in one, which note in which order they are called and with what."""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores, self.saved = scores, object()
        self.calls: list[str] = []
        self.given: dict[str, Any] = {}
        self.grads = {"w": np.ones(2)}

    def forward(self, x: Any, train: bool = False) -> tuple[Any, Any]:
        self.calls.append("forward")
        self.given |= {"images": x, "train": train}
        return self.scores.copy(), self.saved

    def backward(self, dy: Any, saved: Any, input_gradient: bool = True) -> tuple[Any, Any]:
        self.calls.append("backward")
        self.given |= {"dy": dy, "saved": saved}
        return None, self.grads

    def step(self, grads: Any) -> None:
        self.calls.append("step")
        self.given["grads"] = grads


def examine_training_step(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    n, classes = int(generator.integers(3, 6)), int(generator.integers(3, 6))
    images, labels = generator.standard_normal((n, 4)), generator.integers(classes, size=n)
    both = Recorder(2 * generator.standard_normal((n, classes)))
    loss, scores = pair(student(both, images, labels, both), "the loss and the scores")
    expected, dscores = softmax_cross_entropy(both.scores, labels)
    order = "" if both.calls == ["forward", "backward", "step"] else (
        f"it called {', '.join(both.calls) or 'nothing'}; expected net.forward, net.backward and optimizer.step, once "
        "each, in this order")
    yield Point("numbers", "forward, backward, step", order)
    given = both.given
    checks = {
        "the images": ("images" in given and given["images"] is not images and not np.array_equal(
            given["images"], images), "net.forward got something else than the images"),
        "training mode": (given.get("train") is not True, "net.forward was not run in training mode: train=True"),
        "saved": (given.get("saved", both.saved) is not both.saved, "net.backward did not get the `saved` that "
                  "net.forward returned"),
        "the gradients": (given.get("grads", both.grads) is not both.grads, "optimizer.step did not get the gradients "
                          "that net.backward returned beside dx"),
    }
    for what, (wrong, fault) in checks.items():
        yield Point("numbers", what, fault if wrong and not order else "")
    if "dy" in given:
        yield Point("numbers", "the loss's gradient", difference("what net.backward got as dy", given["dy"], dscores))
    yield Point("numbers", "loss", difference("loss", np.asarray(loss, dtype="float64"), np.asarray(expected)))
    yield Point("numbers", "scores", difference("scores", scores, both.scores))
    if order or any(wrong for wrong, _ in checks.values()):
        return
    truth = Affine(generator, 4, classes)
    trial = copy.deepcopy(truth)
    optimizers = [Descent(net, 0.5) for net in (truth, trial)]
    for step in range(1, 4):
        scores, saved = truth.forward(images, train=True)
        expected, dscores = softmax_cross_entropy(scores, labels)
        optimizers[0].step(truth.backward(dscores, saved)[1])
        loss, found = pair(student(trial, images, labels, optimizers[1]), "the loss and the scores")
        yield Point("numbers", f"loss, step {step} of a linear layer",
                    difference("loss", np.asarray(loss, dtype="float64"), np.asarray(expected)))
        fault = difference("w", trial.params["w"], truth.params["w"])
        yield Point("numbers", f"w, step {step} of a linear layer", fault)


TRAINING: dict[str, Part] = {
    "softmax_cross_entropy": Part("softmax_cross_entropy", examine_loss),
    "SGD": Part("SGD", examine_sgd),
    "training_step": Part("training_step", examine_training_step),
}
