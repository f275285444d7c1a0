"""Checking an optimizer against its published formula, written out number by number (`optimizer_references`)."""
import html
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..layers import Linear
from ..network import Network
from ..network.params import flat, is_bias
from ..ops.arrays import Array
from ..ops.checks import check_count, check_seed
from ..tables import html_table, text_table
from ..training.optim import SGD, Adam
from .optimizer_references import REFERENCES, Reference

TOLERANCE = 1e-10  # relative; float64 keeps a right optimizer below 1e-14
STEPS = 4  # the second is the first that what was kept changes; before the last the learning rate is changed


class UpdateRow(NamedTuple):
    """One parameter: the first step that differs from the formula, or the last step when none does.

    Attributes
    ----------
    name : str
        "fc1.w".
    step : int
        From 1 on.
    found, expected : float
        The number that is furthest off, after that step.
    relative_error : float
        Their difference over the largest number of the array.
    settings : dict
        What the optimizer was made with.
    right : bool
    """

    name: str
    step: int
    found: float
    expected: float
    relative_error: float
    settings: dict[str, Any]
    right: bool


class UpdateReport:
    """What `check_optimizer` found, a row for each parameter; `print` it.

    Attributes
    ----------
    rows : list of UpdateRow
    passed : bool
    wrong : list of str
        "fc1.w at step 2" for each parameter that differs from the formula, and the first step at which it does in any
        draw; "step" when step changes the gradients that it is given.
    """

    def __init__(self, what: str, rows: list[UpdateRow], changes_gradients: bool) -> None:
        self.what, self.rows = what, rows
        self.wrong = [f"{row.name} at step {row.step}" for row in rows if not row.right]
        self.wrong += ["step"] if changes_gradients else []

    @property
    def passed(self) -> bool:
        return not self.wrong

    def headline(self) -> str:
        """One line: what was checked and what was found."""
        names = [name for name in self.wrong if name != "step"]
        found = [f"{', '.join(names)}: not what the formula gives"] if names else []
        found += ["step changes the gradients that it is given"] if "step" in self.wrong else []
        return f"{self.what}: {'; '.join(found) or 'all steps are right'}"

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Column names and cells."""
        cells = [
            [row.name, str(row.step), f"{row.found:+.9e}", f"{row.expected:+.9e}", f"{row.relative_error:.1e}",
             "right" if row.right else "wrong", settings_text(row.settings)]
            for row in self.rows
        ]
        return ["parameter", "step", "found", "expected", "relative error", "verdict", "settings"], cells

    def __str__(self) -> str:
        return f"{self.headline()}\n{text_table(*self.table(), wrap=60)}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.headline())}</p>{html_table(*self.table())}"


def check_optimizer(
    make: Callable[..., Any] = SGD, draws: int = 12, seed: int = 0, formula: Literal["sgd", "adam"] | None = None
) -> UpdateReport:
    """Compare several steps of an optimizer with its formula, one number at a time.

    Each draw has parameters, gradients and settings of its own: momentum or betas and epsilon, a weight decay for all
    layers or for some by name, decay for the biases or not; the learning rate changes before the last step. All in
    float64.

    Parameters
    ----------
    make : class or function
        What it returns has `step(grads)` and the attribute `learning_rate`. Its arguments mean the same as those of
        `SGD`, make(net, learning_rate=, momentum=, weight_decay=, bias_rate=, decay_biases=), or of `Adam`, make(net,
        learning_rate=, beta1=, beta2=, epsilon=, weight_decay=, decay_biases=).
    draws : int
        How many settings are tried, at least 1.
    seed : int
    formula : "sgd" or "adam"
        Which of the two. Default: Adam's for a class that is derived from `Adam`, else SGD's.

    Returns
    -------
    UpdateReport
        `report.passed`, and `report.wrong`, which names the parameter and the step.

    Raises
    ------
    ArgumentError
        For no draws, or an unknown formula.
    """
    check_count("check_optimizer", "draws", draws)
    if formula is None:
        formula = "adam" if isinstance(make, type) and issubclass(make, Adam) else "sgd"
    if formula not in REFERENCES:
        raise ArgumentError(f"check_optimizer: formula is {formula!r}, expected one of {', '.join(REFERENCES)}")
    reference = REFERENCES[formula]
    generator = np.random.default_rng(check_seed("check_optimizer", seed))
    first: dict[str, UpdateRow] = {}
    changes_gradients = False
    for number in range(draws):
        rows, changed = _walk(make, reference, reference.settings(generator, number), generator)
        changes_gradients |= changed
        for row in rows:
            seen = first.setdefault(row.name, row)
            if not row.right and (seen.right or row.step < seen.step):
                first[row.name] = row
    return UpdateReport(getattr(make, "__name__", type(make).__name__), list(first.values()), changes_gradients)


def settings_text(settings: dict[str, Any]) -> str:
    """Write settings as arguments, numbers with four digits."""
    return ", ".join(
        f"{key}={{{settings_text(value)}}}" if isinstance(value, dict) else
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in settings.items()
    )


def _decay_of(weight_decay: float | dict[str, float], layer: str) -> float:
    """Return the decay of a layer: its own, or that of the block around it, or none."""
    if not isinstance(weight_decay, dict):
        return weight_decay
    return weight_decay.get(layer, weight_decay.get(layer.split(".")[0], 0.0))


def _walk(
    make: Callable[..., Any], reference: type[Reference], settings: dict[str, Any], generator: np.random.Generator
) -> tuple[list[UpdateRow], bool]:
    """Take a few steps both ways; return a row for each parameter, and whether `step` changed the gradients."""
    net = Network([("fc1", Linear(3, 3)), ("block", Network([("fc2", Linear(3, 3)), ("fc3", Linear(3, 2))]))])
    net = net.astype("float64")
    for array in flat(net.params).values():
        array[...] = generator.standard_normal(array.shape)
    expected = {path: array.copy() for path, array in flat(net.params).items()}
    ours = {path: reference(array, settings) for path, array in expected.items()}
    optimizer, rate = make(net, **settings), settings["learning_rate"]
    rows: dict[str, UpdateRow] = {}
    changed = False
    for step in range(1, STEPS + 1):
        if step == STEPS:
            rate = optimizer.learning_rate = rate / 10
        drawn = {path: generator.standard_normal(array.shape) for path, array in expected.items()}
        given = _nested({path: g.copy() for path, g in drawn.items()})
        optimizer.step(given)
        changed |= any(not np.array_equal(flat(given)[path], g) for path, g in drawn.items())
        for path, w in expected.items():
            *layer, key = path
            decay = _decay_of(settings["weight_decay"], ".".join(layer))
            if is_bias(key) and not settings["decay_biases"]:
                decay = 0.0
            own_rate = rate * settings.get("bias_rate", 1.0) if is_bias(key) else rate
            ours[path].step(drawn[path], own_rate, decay)
            name = ".".join(path)
            if name not in rows or rows[name].right:
                rows[name] = _compare(name, step, flat(net.params)[path], w, settings)
    return list(rows.values()), changed


def _compare(name: str, step: int, found: Array, expected: Array, settings: dict[str, Any]) -> UpdateRow:
    """Compare one parameter after one step."""
    apart = np.abs(found - expected)
    at = np.unravel_index(np.argmax(apart), apart.shape)  # argmax finds nan first, where there is one
    error = float(apart[at] / np.abs(expected).max())
    return UpdateRow(name, step, float(found[at]), float(expected[at]), error, settings, error <= TOLERANCE)


def _nested(arrays: dict[tuple[str, ...], Array]) -> dict[str, Any]:
    """Undo `flat`."""
    out: dict[str, Any] = {}
    for (*layer, name), array in arrays.items():
        inner = out
        for key in layer:
            inner = inner.setdefault(key, {})
        inner[name] = array
    return out
