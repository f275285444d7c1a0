"""How many planted bugs do the usual checks of a gradient catch, and how often do they raise an alarm at right code?

    python benchmarks/gradient_checks.py

Runs the usual checks (usual_checks.py), a comparison with PyTorch at its default settings (torch_defaults.py) and ours
on every bug of tinynet.gradcheck.planted, and on everything right that the bugs were made from. Writes
results/gradient_checks.json and GRADIENT_CHECKS.md beside this file. Needs torch.
"""
import json
import platform
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch_defaults
from usual_checks import METHODS, differences

import tinynet as tn
from tinynet import layers
from tinynet.gradcheck.planted import CATALOGUE, FAMILIES

HERE = Path(__file__).parent
OURS, TORCH = "tinynet", "PyTorch"
COLUMNS = [*(method.name for method in METHODS), TORCH, OURS]
SWEEP = [10.0**-power for power in range(9)]  # tolerances tried, to find the best one for each method


def awkward() -> dict[str, tuple[Any, np.ndarray]]:
    """Return right code at realistic inputs that are difficult for checks."""
    generator = np.random.default_rng(0)
    image = generator.standard_normal((2, 6, 6, 2))
    pixels = generator.integers(0, 8, (2, 6, 6, 2)) * 32.0
    rows = generator.standard_normal((4, 6))
    labels = np.array([1, 0, 3, 2])
    black = image * (generator.random(image.shape) < 0.5)
    sure = 30.0 * np.eye(4, 6)[:, [1, 0, 3, 2, 4, 5]] + rows[:, :6]
    return {
        "ReLU, half of the pixels 0": (tn.ReLU(), black),
        "ReLU, inputs of size 0.001": (tn.ReLU(), 1e-3 * rows),
        "max-pooling of pixels from 0 to 224 in steps of 32": (tn.MaxPool2d(3, 2), pixels),
        "max-pooling of a black image": (tn.MaxPool2d(3, 2), np.zeros((1, 5, 5, 1))),
        "batch normalization, mean 100": (tn.BatchNorm2d(2), image + 100),
        "linear layer on pixels from 0 to 255": (tn.Linear(72, 4), pixels.reshape(2, -1)),
        "convolution, inputs of size 0.0001": (tn.Conv2d(2, 3, 3), 1e-4 * image),
        "LRN with the paper's alpha on pixels from 0 to 255": (tn.LocalResponseNorm(), pixels + 1),
        "tanh, inputs of size 10": (tn.Tanh(), 10 * rows),
        "sigmoid, inputs of size 20": (tn.Sigmoid(), 20 * rows),
        "softmax, scores of size 20": (tn.Softmax(), 20 * rows),
        "loss, a network that is sure and right": (lambda scores: tn.softmax_cross_entropy(scores, labels), sure),
        "convolution, ReLU and pooling of an image half black": (
            tn.Network([("conv1", tn.Conv2d(2, 3, 3)), ("relu1", tn.ReLU()), ("pool1", tn.MaxPool2d(2, 1))]),
            np.concatenate([np.zeros((2, 6, 3, 2)), image[:, :, 3:]], axis=2)),
    }


def rights() -> dict[str, Callable[[], tuple[Any, np.ndarray]]]:
    """Return what is right, by name: each case of the catalogue in its right version once, and the awkward ones."""
    cases: dict[str, Callable[[], tuple[Any, np.ndarray]]] = {}
    for bug in CATALOGUE.values():
        if not bug.of_optimizer:
            f, x = bug.case(right=True)
            name = " ".join(repr(f).split()) if bug.right in layers.__dict__.values() else bug.right.__name__
            cases.setdefault(f"{name}, {x.shape}", lambda bug=bug: bug.case(right=True))
    for name in awkward():
        cases[name] = lambda name=name: awkward()[name]
    return cases


def measure(case: Callable[[], tuple[Any, np.ndarray]]) -> dict[str, Any]:
    """Return each usual check's error, infinite where the code fails; of ours, what it calls wrong."""
    found: dict[str, Any] = {}
    for method in METHODS:
        begin = time.perf_counter()
        error = error_of(method.error, case)
        found[method.name] = {"error": float(f"{error:.3g}"), "alarm": not error <= method.tolerance,
                              "seconds": round(time.perf_counter() - begin, 5)}
    begin = time.perf_counter()
    report = tn.check_gradients(*case())
    found[OURS] = {"alarm": not report.passed, "wrong": report.wrong, "undecided": report.undecided,
                   "seconds": round(time.perf_counter() - begin, 5)}
    return found


def error_of(method: Callable[[Any, np.ndarray], float], case: Callable[[], tuple[Any, np.ndarray]]) -> float:
    """Return the error that a method finds; infinite where the code under test fails in any way."""
    try:
        return method(*case())
    except Exception:
        return float("inf")


def other_entries(draws: int = 20) -> list[int]:
    """Return how many bugs one entry of each array catches, for other draws of that entry."""
    bugs = [bug for bug in CATALOGUE.values() if not bug.of_optimizer]
    return [sum(not error_of(partial(differences, entries=1, seed=100 + draw), bug.case) <= 1e-4 for bug in bugs)
            for draw in range(draws)]


def measure_bugs() -> dict[str, dict[str, Any]]:
    """Return for every bug its family, what it is, and what each method says."""
    rows: dict[str, dict[str, Any]] = {}
    for bug in CATALOGUE.values():
        if bug.of_optimizer:
            report = bug.check()
            found = {OURS: {"alarm": not report.passed, "wrong": report.wrong}}
        else:
            found = measure(bug.case)
        if torch_defaults.has_counterpart(bug):
            found[TORCH] = {"alarm": not torch_defaults.agrees(bug)}
        rows[bug.name] = {"family": bug.family, "sentence": bug.sentence, "names": bug.names, "found": found}
    return rows


def torch_on_right() -> dict[str, bool]:
    """Return whether it agrees with PyTorch, for what is right, by name."""
    bugs = {bug.right: bug for bug in CATALOGUE.values() if torch_defaults.has_counterpart(bug)}
    return {right.__name__: torch_defaults.agrees(bug, right=True) for right, bug in bugs.items()}


def best_tolerance(bugs: dict, right: dict, method: str) -> dict[str, Any]:
    """Return the best tolerance (bugs caught minus false alarms) of 1, 0.1, 0.01 ... and what it gives."""
    errors = [row["found"][method]["error"] for row in bugs.values() if method in row["found"]]
    on_right = [found[method]["error"] for found in right.values()]
    tried = [
        {"tolerance": t, "caught": sum(not e <= t for e in errors), "false_alarms": sum(not e <= t for e in on_right)}
        for t in SWEEP
    ]
    return max(tried, key=lambda one: one["caught"] - one["false_alarms"])


def main() -> None:
    begin = time.perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        bugs = measure_bugs()
        right = {name: measure(case) for name, case in rights().items()}
        draws = other_entries()
    results = {
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__},
        "methods": {method.name: {"text": method.text, "tolerance": method.tolerance} for method in METHODS},
        "bugs": bugs, "right": right, "torch_on_right": torch_on_right(),
        "best_tolerance": {method.name: best_tolerance(bugs, right, method.name) for method in METHODS},
        "one_entry_other_draws": draws, "seconds": round(time.perf_counter() - begin, 1),
    }
    text = json.dumps(results, indent=1).replace("Infinity", '"crash or nan"')  # JSON has no infinity
    (HERE / "results" / "gradient_checks.json").write_text(text + "\n", encoding="utf-8")
    from gradient_checks_table import markdown

    (HERE / "GRADIENT_CHECKS.md").write_text(markdown(results, COLUMNS, FAMILIES), encoding="utf-8")
    print(f"{len(bugs)} bugs, {len(right)} right versions, {results['seconds']} s")


if __name__ == "__main__":
    main()
