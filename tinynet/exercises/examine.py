"""The checks of a mended layer, loss or optimizer: against tinynet's own, and against finite differences."""
from typing import Any

import numpy as np

from .. import layers
from ..errors import ArgumentError, TinynetError
from ..gradcheck import check_gradients
from ..gradcheck.frozen_copy import type_text
from ..layers import loss
from ..layers.base import Layer
from ..training import optim
from .compare import backward, difference, forward, two_layers
from .exercise import Case, Exercise, Finding

# The output is right in every broken file and has to stay so.
AS_IT_CAME = "; it was right in the file as you got it: the output must stay as it is"
UPDATES = "; it was right in the file as you got it: what forward does to the buffers must stay as it is"


def examine_layer(exercise: Exercise, student: Any, found: list[Finding]) -> str:
    """Compare output and gradients in every case, and check that the layer keeps nothing of a call.

    Returns
    -------
    str
        The report of `check_gradients` for the first case that goes wrong; empty when none does.
    """
    if not isinstance(student, type) or not issubclass(student, Layer):
        raise ArgumentError(f"{exercise.wanted} is not a class derived from tn.Layer")
    true_kind = getattr(layers, exercise.wanted)
    wrong = []
    for number, case in enumerate(exercise.cases):
        before = len(found)
        examine_case(case, true_kind, student, number, found)
        if any(finding.fault for finding in found[before:]):
            wrong.append(number)
    if not wrong:
        case = exercise.cases[0]
        found += [two_calls(case, true_kind, student), float32_stays(case, true_kind, student)]
    for number in wrong or range(len(exercise.cases)):
        case = exercise.cases[number]
        if case.ties:
            continue  # at a tie there is no derivative to compare with
        _, trial, x = two_layers(case, true_kind, student, number)
        passed, report = finite_differences(trial, x, case.train)
        if wrong or any(finding.fault for finding in found):
            return report
        found.append(Finding(f"finite differences, {case.label}", "" if passed else report, "backward"))
    return ""


def with_labels(student: Any, labels: np.ndarray) -> Any:
    """Return the student's loss as a function of the scores alone."""

    def loss_of_scores(scores: np.ndarray) -> Any:
        return student(scores, labels)

    return loss_of_scores


def finite_differences(layer: Any, x: np.ndarray, train: bool) -> tuple[bool, str]:
    """Return whether `check_gradients` passes, and what it says, also when it raises an error."""
    try:
        report = check_gradients(layer, x, train=train)
    except TinynetError as error:
        return False, str(error)
    return report.passed, str(report)


def examine_case(case: Case, true_kind: Any, student: Any, number: int, found: list[Finding]) -> None:
    """Compare one case; its gradients only where the output is right."""
    truth, trial, x = two_layers(case, true_kind, student, number)
    y, saved = truth.forward(x, train=case.train)
    dy = np.random.default_rng([number, 3]).standard_normal(y.shape)
    dx, grads = truth.backward(dy, saved)
    given = x.copy(), dy.copy()

    trial_y, trial_saved = forward(trial, given[0], case.train)
    fault = difference("y", trial_y, y)
    found.append(Finding(f"output, {case.label}", fault and fault + AS_IT_CAME, "forward"))
    if fault:
        return
    for name, array in truth.buffers.items():
        fault = difference(name, trial.buffers.get(name), array)
        found.append(Finding(f"{name}, {case.label}", fault and fault + UPDATES, "forward"))
    trial_dx, trial_grads = backward(trial, given[1], trial_saved)
    found.append(Finding(f"gradient of x, {case.label}", difference("dx", trial_dx, dx), "input_gradient"))
    for name in grads:
        fault = difference(f"d{name}", trial_grads[name], grads[name])
        found.append(Finding(f"gradient of {name}, {case.label}", fault, "param_gradients"))
    for name, now, before, look in (("x", given[0], x, "forward"), ("dy", given[1], dy, "input_gradient")):
        if not np.array_equal(now, before):
            found.append(Finding(f"{name}, {case.label}", f"the layer writes into {name}: copy {name} first", look))


def two_calls(case: Case, true_kind: Any, student: Any) -> Finding:
    """Two forward passes, then two backward: a layer that remembers its last call gets them wrong."""
    truth, trial, x = two_layers(case, true_kind, student, 0)
    batches = x, np.roll(x, 1, axis=-1) - 0.1
    calls = [(truth.forward(x, case.train), forward(trial, x, case.train)) for x in batches]
    for (y, saved), (_, trial_saved) in calls:
        dy = np.random.default_rng(4).standard_normal(y.shape)
        (dx, grads), (trial_dx, trial_grads) = truth.backward(dy, saved), backward(trial, dy, trial_saved)
        pairs = [("dx", trial_dx, dx), *((f"d{name}", trial_grads[name], grads[name]) for name in grads)]
        for fault in filter(None, (difference(*pair) for pair in pairs)):
            return Finding("two forward passes, then two backward", fault, "forward")
    return Finding("two forward passes, then two backward")


def float32_stays(case: Case, true_kind: Any, student: Any) -> Finding:
    """Networks train in float32: the layer must not turn it into float64."""
    _, double, x = two_layers(case, true_kind, student, 0)
    trial = double.astype("float32")
    y, saved = forward(trial, x.astype("float32"), case.train)
    if y.dtype != np.float32:
        return Finding("float32 stays float32", f"y is {y.dtype}", "forward")
    dx, grads = backward(trial, np.ones_like(y), saved)
    for name, array in {"x": dx, **grads}.items():
        if getattr(array, "dtype", None) != np.float32:
            look = "input_gradient" if name == "x" else "param_gradients"
            return Finding("float32 stays float32", f"d{name} is {getattr(array, 'dtype', type(array).__name__)}", look)
    return Finding("float32 stays float32")


def examine_loss(exercise: Exercise, student: Any, found: list[Finding]) -> str:
    """Compare loss and gradient in every case: `settings` has the labels, `shape` is that of the scores."""
    report = ""
    for number, case in enumerate(exercise.cases):
        scores = 2 * np.random.default_rng([number, 2]).standard_normal(case.shape)
        labels = np.array(case.settings["labels"])
        expected, dscores = loss.softmax_cross_entropy(scores, labels)
        given = scores.copy(), labels.copy()
        result = student(*given)
        if not isinstance(result, tuple) or len(result) != 2:
            raise ArgumentError(f"{exercise.wanted} returned {type_text(result)}, expected two things")
        fault = difference("loss", np.asarray(result[0], dtype="float64"), np.asarray(expected))
        found.append(Finding(f"loss, {case.label}", fault and fault + AS_IT_CAME, exercise.wanted))
        fault = difference("dscores", result[1], dscores)
        found.append(Finding(f"gradient, {case.label}", fault, exercise.wanted))
        for name, now, before in (("scores", given[0], scores), ("labels", given[1], labels)):
            if not np.array_equal(now, before):
                text = f"the loss writes into {name}: copy {name} first"
                found.append(Finding(f"{name}, {case.label}", text, exercise.wanted))
        if fault and not report:
            _, report = finite_differences(with_labels(student, labels), scores, train=True)
    return report


def examine_optimizer(exercise: Exercise, student: Any, found: list[Finding]) -> str:
    """Compare the parameters after each of four steps; `settings` are the optimizer's, `shape` is that of w."""
    for number, case in enumerate(exercise.cases):
        nets = [layers.Linear(*case.shape, seed=number).astype("float64") for _ in range(2)]
        optimizers = optim.SGD(nets[0], **case.settings), student(nets[1], **case.settings)
        generator, held = np.random.default_rng(number), dict(nets[1].params)
        for step in range(1, 5):
            if step == 4:
                for optimizer in optimizers:
                    optimizer.learning_rate = case.settings["learning_rate"] / 10
            grads = {name: generator.standard_normal(w.shape) for name, w in nets[0].params.items()}
            given = {name: gradient.copy() for name, gradient in grads.items()}
            for optimizer, own in zip(optimizers, (grads, given), strict=True):
                optimizer.step(own)
            faults = [difference(name, nets[1].params[name], w) for name, w in nets[0].params.items()]
            faults += [f"the step writes into the gradient of {name}: copy it first" for name in grads
                       if not np.array_equal(given[name], grads[name])]
            faults += [f"{name} is a new array: change the old one in place, as `w += v` does" for name in held
                       if nets[1].params[name] is not held[name]]
            what = f"step {step}, {case.label}" + (", the learning rate divided by 10 before it" if step == 4 else "")
            found.append(Finding(what, next(filter(None, faults), ""), "step"))
    return ""
