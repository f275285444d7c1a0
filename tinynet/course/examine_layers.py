"""The check of a layer that a student wrote: its numbers beside tinynet's, its gradients, the rules that it keeps."""
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from .. import layers
from ..errors import ArgumentError, TinynetError
from ..exercises.compare import difference, draw_batch, forward, shapes, signs
from ..exercises.exercise import Case
from ..gradcheck import check_gradients
from ..gradcheck.frozen_copy import in_float64
from ..gradcheck.report import GradientReport
from ..layers.base import Layer
from ..ops import col2im, im2col
from ..ops.window import Window
from .cases import (
    Draw,
    any_shape,
    any_shape_and_zeros,
    batch_norm,
    convolution,
    grouped,
    images_to_rows,
    linear,
    max_pooling,
    pooling,
    response_norm,
)
from .common import NEW_ARRAY, OVERLAPPING, overlapping
from .step import Part, Point
from .trouble import told

TIES = (". Some x are exactly 0 here, where the slope is taken to be 0",
        ". Several pixels of a window are the largest here: the first of them, row by row, gets all of dy")
P, ROWS, COLUMNS = 0.3, 120, 50  # of the dropout that is tried, and of its batch


def layer_part(name: str, kind: type[Layer], draw: Draw) -> Part:
    """Return the part of a step that asks for a layer like tinynet's `kind`, tried in the cases that `draw` yields."""
    return Part(name, partial(examine_layer, kind, draw))


def examine_layer(kind: type[Layer], draw: Draw, student: Any, generator: np.random.Generator) -> Iterator[Point]:
    """Check a student's class in every case, and yield what was found; no more cases after the first with a fault."""
    if not isinstance(student, type):
        raise ArgumentError(f"expected a class, found a {type(student).__name__}")
    for case in draw(generator):
        points = list(examine_case(kind, case, student, generator))
        yield from points
        if any(point.fault for point in points):
            return


def examine_case(
    kind: type[Layer], case: Case, student: Any, generator: np.random.Generator
) -> Iterator[Point]:
    """Check a student's class in one case."""
    what = f"{student.__name__}, {case.label}"
    try:
        truth, trial = two_layers(kind, case, student, generator)
    except Exception as error:
        yield Point("contract", what, told(error))
        return
    x = draw_batch(case, generator)
    y, saved = truth.forward(x, case.train)
    double = in_float64(trial)
    try:
        found, _ = forward(double, x.copy(), case.train)
    except Exception as error:
        yield Point("numbers", what, told(error))
        return
    fault = difference("y", found, y)
    yield Point("numbers", what, fault)
    if not fault:
        yield from running_statistics(what, truth, double)
    if getattr(found, "shape", None) != y.shape:
        return
    dy = generator.standard_normal(y.shape)
    points = list(gradients(what, case, trial, x, seed=int(generator.integers(1000))))
    if fault:  # gradients of a wrong y would only mislead
        yield from (point for point in points if point.column == "contract")
        return
    expected = truth.backward(dy, saved)
    yield from (point._replace(fault=more_words(point.fault, case, double, x, dy, expected[0])) for point in points)
    if not any(point.fault for point in points):
        yield from beside_tinynet(what, in_float64(trial), case, x, dy, expected)


def more_words(fault: str, case: Case, trial: Any, x: np.ndarray, dy: np.ndarray, expected: Any) -> str:
    """Return what is wrong with a gradient, with the cause that a layer's kind makes likely."""
    if "no simple pattern" not in fault:
        return fault
    if fault.startswith("dx: ") and "kernel_size" in case.settings:
        try:
            dx, _ = trial.backward(dy.copy(), forward(trial, x.copy(), case.train)[1])
            wrong = ~np.isclose(dx, expected, rtol=1e-9, atol=1e-12)
        except Exception:  # the check has told it
            return fault
        if overlapping(wrong, windows_over(case)):
            return re.sub(r"wrong in .*? (?=For example)",
                          f"{OVERLAPPING}: do the windows overwrite each other? Add with +=. ", fault)
    return fault if case.settings else f"{fault} Is what you saved what backward takes it for?"


def windows_over(case: Case) -> np.ndarray:
    """Return for each number of x under how many windows it is."""
    kernel, stride, padding = (case.settings.get(name, usual) for name, usual in (
        ("kernel_size", 1), ("stride", 1), ("padding", 0)))
    window = Window((kernel, kernel), (stride, stride), (padding, padding), False)
    rows = im2col(np.zeros(case.shape), window)
    return col2im(np.ones_like(rows), case.shape, window)


def two_layers(
    kind: type[Layer], case: Case, student: Any, generator: np.random.Generator
) -> tuple[Layer, Any]:
    """Return tinynet's layer in float64, and the student's in float32, with the same drawn parameters.

    Raises
    ------
    ArgumentError
        When the student's parameters have other names or shapes, or another dtype.
    """
    truth, trial = kind(**case.settings).astype("float64"), student(**case.settings)
    for which in ("params", "buffers"):
        arrays, others = getattr(truth, which), getattr(trial, which, {})
        if not isinstance(others, dict) or {name: np.shape(array) for name, array in others.items()} != {
                name: array.shape for name, array in arrays.items()}:
            found = shapes(others) if isinstance(others, dict) else type(others).__name__
            raise ArgumentError(f"self.{which} is {found}, expected {shapes(arrays)}")
        for name, array in arrays.items():
            if getattr(others[name], "dtype", None) != np.float32:
                raise ArgumentError(f"self.{which}[{name!r}] is {getattr(others[name], 'dtype', type(others[name]))}, "
                                    "expected float32")
            drawn = generator.uniform(0.5, 2, array.shape)
            drawn = (drawn if which == "buffers" else drawn * signs(generator, array)).astype(np.float32)
            arrays[name], others[name] = drawn.astype(np.float64), drawn.copy()
    return truth, trial


def running_statistics(what: str, truth: Layer, trial: Any) -> Iterator[Point]:
    """Compare what forward may have changed."""
    for name, array in truth.buffers.items():
        yield Point("numbers", f"{what}, {name}", difference(f"{name}", trial.buffers.get(name), array))


def gradients(what: str, case: Case, trial: Any, x: np.ndarray, seed: int = 0) -> Iterator[Point]:
    """Check gradients and rules by finite differences; at ties there is no derivative, and rules alone are checked."""
    try:
        report = check_gradients(trial, x, train=case.train, seed=seed)
    except TinynetError as error:
        yield Point("contract", what, str(error))
        return
    except Exception as error:
        yield Point("gradients", what, told(error))
        return
    yield from report_points(what, report, with_gradients=not case.ties)


def report_points(what: str, report: GradientReport, with_gradients: bool = True) -> Iterator[Point]:
    """Yield a point for each array of a report, and one for the rules, or one for each broken one."""
    arrays = [row.name for row in report.rows]
    faults: dict[str, list[str]] = {}
    for fault in report.faults:
        faults.setdefault(fault.name, []).append(in_course_words(fault.sentence))
    for name in arrays if with_gradients else ():
        told_of_it = " ".join(faults.get(name, ()))
        yield Point("gradients", f"{what}, gradient of {name}", told_of_it and f"d{name}: {told_of_it}")
    broken = [name for name in faults if name not in arrays]
    for name in broken:
        yield Point("contract", f"{what}, {name}", f"{name}: {' '.join(faults[name])}")
    if not broken:
        yield Point("contract", what)


def in_course_words(sentence: str) -> str:
    """Return a sentence of the gradient check in the words of the course's files."""
    sentence = sentence.replace("the upstream gradient dy", "dy").replace("an upstream gradient", "a dy")
    sentence = re.sub(r"backward (\S+), differences (\S+)\.", r"your backward says \1, measured \2.", sentence)
    sentence = re.sub(r"it is (0\.\d+) \((1 / the number of \w+)(?: = [^)]*)?\)",
                      lambda found: f"it is 1/{1 / float(found[1]):.0f} ({found[2]})", sentence)
    return sentence.replace(": a constant such as", f": {NEW_ARRAY}; a constant such as")


def beside_tinynet(
    what: str, trial: Any, case: Case, x: np.ndarray, dy: np.ndarray, expected: tuple[Any, dict]
) -> Iterator[Point]:
    """Compare gradients with tinynet's, which decides also where finite differences cannot."""
    try:
        _, saved = forward(trial, x.copy(), case.train)
        dx, grads = trial.backward(dy.copy(), saved)
    except Exception as error:
        yield Point("gradients", what, told(error))
        return
    for name, array in {"x": expected[0], **expected[1]}.items():
        fault = difference(f"d{name}", dx if name == "x" else grads.get(name), array)
        if fault and case.ties:
            fault += TIES[len(case.shape) == 4]
        yield Point("gradients", f"{what}, d{name} beside tinynet's", fault)


def examine_dropout(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    """Check a student's dropout by what its masks have to be like: their numbers cannot be compared one by one."""
    x = generator.uniform(0.5, 2, (ROWS, COLUMNS)) * generator.choice([-1.0, 1.0], (ROWS, COLUMNS))
    seed = int(generator.integers(1000))
    layer = student(p=P, seed=seed)
    first, second = (forward(layer, x.copy(), True)[0] for _ in range(2))
    fault = mask_fault(x, first, second)
    yield Point("numbers", f"Dropout, training, p={P}: {ROWS} rows of {COLUMNS}", fault)
    for label, p, train in (("evaluation", P, False), ("training, p=0", 0.0, True)):
        y, _ = forward(student(p=p, seed=seed), x.copy(), train)
        yield Point("numbers", f"Dropout, {label}", difference("y", y, x))
    if fault:
        return
    for case in (Case(f"training, p={P}", {}, (6, 8)), Case("training, images", {}, (2, 3, 4, 2)),
                 Case("evaluation", {}, (6, 8), train=False)):
        yield from gradients(f"Dropout, {case.label}", case, student(p=P, seed=seed), draw_batch(case, generator))


def mask_fault(x: np.ndarray, y: Any, again: Any) -> str:
    """Say what is wrong with the mask of two outputs; nothing where it is one of dropout's."""
    fault = difference("y", y, x)
    if not isinstance(y, np.ndarray) or y.shape != x.shape or y.dtype != x.dtype:
        return fault
    mask = y / x
    kept = np.abs(mask - 1 / (1 - P)) < 1e-9
    if not (kept | (mask == 0)).all():
        index = tuple(int(i) for i in np.argwhere(~(kept | (mask == 0)))[0])
        return f"y{list(index)} / x{list(index)} is {mask[index]:.6g}, expected 0 or 1 / (1 - p) = {1 / (1 - P):.6g}"
    dropped = 1 - kept.mean()
    if abs(dropped - P) > 6 * np.sqrt(P * (1 - P) / x.size):
        return f"{dropped:.1%} of the numbers were dropped, expected about p = {P:.0%}"
    for axis, what in ((0, "rows (images)"), (1, "columns")):
        if (kept == kept.take([0], axis=axis)).mean() > 0.95:
            return f"the mask is the same for all {what}: each number needs a draw of its own"
    if np.array_equal(y, again):
        return "two calls of forward drop the same numbers: draw a new mask in each"
    return ""


LAYERS = {
    "ReLU": layer_part("ReLU", layers.ReLU, any_shape_and_zeros),
    "Tanh": layer_part("Tanh", layers.Tanh, any_shape),
    "Sigmoid": layer_part("Sigmoid", layers.Sigmoid, any_shape),
    "Linear": layer_part("Linear", layers.Linear, linear),
    "Flatten": layer_part("Flatten", layers.Flatten, images_to_rows),
    "Conv2d": layer_part("Conv2d", layers.Conv2d, convolution),
    "GroupedConv2d": layer_part("GroupedConv2d", layers.Conv2d, grouped),
    "MaxPool2d": layer_part("MaxPool2d", layers.MaxPool2d, max_pooling),
    "AvgPool2d": layer_part("AvgPool2d", layers.AvgPool2d, pooling),
    "LocalResponseNorm": layer_part("LocalResponseNorm", layers.LocalResponseNorm, response_norm),
    "Dropout": Part("Dropout", examine_dropout),
    "BatchNorm2d": layer_part("BatchNorm2d", layers.BatchNorm2d, batch_norm),
}
