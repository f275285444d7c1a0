"""A student's network: their files loaded together, their AlexNet, and its layers as tinynet's tools take them."""
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, TinynetError
from ..layers.base import Layer
from ..network import Network
from .check import Limits, Outcome, check_course
from .examine_alexnet import truth_of
from .folder import source_of
from .running import Sources
from .show import taken_text
from .steps import STEPS, find_step
from .trouble import told

SHAPE = (32, 32, 3)
STEP_OF = {"conv": 8, "relu": 1, "lrn": 11, "max": 9, "flatten": 2, "linear": 2, "dropout": 12}
NEEDED = (5, 4, 16, 17)  # the steps that a training calls; they use others


class Course(NamedTuple):
    """The files that a training works with.

    Attributes
    ----------
    sources : dict of str to bytes
        By module: the student's where they are right, else tinynet's.
    own, taken : tuple of int
        Which steps are whose.
    """

    sources: dict[str, bytes]
    own: tuple[int, ...]
    taken: tuple[int, ...]

    @contextmanager
    def modules(self) -> Iterator[Callable[[int], Any]]:
        """Give a function that imports the module of a step; errors of the student's code are told in words."""
        with Sources(self.sources).importable():
            try:
                yield lambda number: importlib.import_module(find_step(number).module)
            except (TinynetError, KeyboardInterrupt, MemoryError):
                raise
            except BaseException as error:
                raise ArgumentError(f"the course's files stopped: {told(error)}") from error


def load_course(folder: Path, say: Callable[[str], None]) -> Course:
    """Check the steps that a training needs, and say whose files it will work with."""
    needed = sorted({each for number in NEEDED for each in (number, *find_step(number).uses)})
    say(f"checking the {len(needed)} steps that your AlexNet is made of")
    outcomes = check_course(folder, needed, limits=Limits(timing=False))
    course = course_of(folder, outcomes)
    if course.taken:
        say(taken_text(course.taken))
    else:
        say("all of them are right, and yours")
    return course


def course_of(folder: Path, outcomes: list[Outcome]) -> Course:
    """Return the student's files that are right, and tinynet's for all other steps."""
    right = {outcome.step.number for outcome in outcomes if outcome.right}
    sources = {step.module: source_of(folder, step) if step.number in right else None for step in STEPS}
    return Course(
        {step.module: sources[step.module] or step.solution.encode() for step in STEPS},
        tuple(sorted(right)), tuple(sorted(outcome.step.number for outcome in outcomes if not outcome.right)),
    )


def whose(course: Course, table: list[tuple]) -> str:
    """Say which layers' numbers come from tinynet's files, wholly or through a step that they use."""
    steps = {name: steps_behind(STEP_OF[kind], course.sources) & set(course.taken) for name, kind, *_ in table}
    taken = sorted(set().union(*steps.values()))
    names = [name for name in steps if steps[name]]
    if not names:
        return "The numbers of all layers are from your code."
    which = f"(step{'s' if len(taken) > 1 else ''} {', '.join(map(str, taken))})"
    if len(names) == len(steps):
        return f"The numbers of all layers are from tinynet's code {which}, not yet from yours."
    if 2 * len(names) > len(steps):
        own = ", ".join(name for name in steps if not steps[name])
        return f"The numbers of {own} are from your code, those of the other layers from tinynet's {which}."
    return f"The numbers of {', '.join(names)} are from tinynet's code {which}, those of the other layers from yours."


def steps_behind(number: int, sources: dict[str, bytes]) -> set[int]:
    """Return a step and those that its file imports, directly or through others."""
    text = sources[find_step(number).module]
    earlier = [step.number for step in STEPS if step.number < number and step.module.encode() in text]
    return {number}.union(*(steps_behind(each, sources) for each in earlier))


def table_of(module: Any) -> list[tuple]:
    """Return the table SMALL of a student's file; tinynet's where they have taken it out."""
    table = getattr(module, "SMALL", None)
    if table is None:
        namespace: dict[str, Any] = {}
        text = find_step(16).solution
        exec(text[text.index("SMALL = ["):text.index("def paper_table")], namespace)
        table = namespace["SMALL"]
    return [tuple(row) for row in table]


def tinynets(net: Any, table: list[tuple]) -> Network:
    """Return tinynet's network of the same rows with copies of the same parameters."""
    pairs: list[tuple[str, Layer]] = []
    shape: tuple[int, ...] = SHAPE
    for row, (name, own) in zip(table, net.layers, strict=True):
        layer = truth_of(row, shape)
        for key, array in getattr(own, "params", {}).items():
            layer.params[key] = array.copy()
        pairs.append((name, layer))
        shape = layer.output_shape(shape)
    return Network(pairs, name="tinynet's", input_shape=SHAPE)


def as_tinynet_network(net: Any, table: list[tuple], name: str) -> Network:
    """Return a network that tinynet's tools can look into, whose numbers all come from the student's own methods."""
    pairs: list[tuple[str, Layer]] = []
    shape: tuple[int, ...] = SHAPE
    for row, (layer_name, own) in zip(table, net.layers, strict=True):
        layer = truth_of(row, shape)
        lend(layer, own)
        pairs.append((layer_name, layer))
        shape = layer.output_shape(shape)
    return Network(pairs, name=name, input_shape=SHAPE)


def lend(layer: Layer, own: Any) -> None:
    """Let a layer of tinynet's run a student's forward and backward, on the student's parameters.

    What tinynet's forward saves stays beside the student's saved: explanations read it (LRN's scale, ReLU's y).
    """
    for key, array in getattr(own, "params", {}).items():
        layer.params[key] = array
    kind = type(layer)

    def forward(x: np.ndarray, train: bool = False) -> tuple[np.ndarray, Any]:
        y, of_student = own.forward(x, train)
        saved = kind.forward(layer, x, False)[1]
        both = type("Saved", (type(saved),), {})(*(y if name == "y" else value for name, value in
                                                   saved._asdict().items()))
        both.of_student = of_student
        return np.ascontiguousarray(y), both

    def backward(dy: np.ndarray, saved: Any, input_gradient: bool = True) -> tuple[Any, dict]:
        dx, grads = own.backward(dy, saved.of_student)
        return (np.ascontiguousarray(dx) if input_gradient else None), grads

    vars(layer)["forward"], vars(layer)["backward"] = forward, backward
