"""Running the file of a step: with the earlier files that it imports, and a watch on what it calls."""
import functools
import importlib
import importlib.abc
import importlib.machinery
import linecache
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import stand_ins
from .speed import speed
from .step import Part, Point, Step
from .steps import STEPS, find_step
from .trouble import UNWRITTEN, is_students, told

HOME = str(Path(__file__).resolve().parents[1])
# What a student writes anew, and may not call. Other parts of tinynet, such as check_gradients, are free to use.
TO_WRITE_ANEW = tuple(str(Path(HOME, name)) for name in (
    "layers", "ops", "network", "models", "training", "data/augment.py", "course/files",
    "course/stand_ins.py", "exercises/broken", "gradcheck/planted", "gradcheck/optimizer_references.py"))
# Of these the base class of layers and the checks of arguments, which compute nothing.
NO_MATHEMATICS = tuple(str(Path(HOME, name)) for name in (
    "layers/base.py", "layers/as_drawn.py", "layers/parameter_shapes.py", "ops/arrays.py", "ops/checks.py",
    "ops/parameter_limit.py"))
SO_FAR = "so_far.json"  # beside the job of a check: the points that there were when it was cut off
WATCHED_CALLS = 20_000  # after so many, nothing new is to be expected, and watching takes time
WATCHED_EVENTS = 1_000_000  # calls of NumPy's and Python's own functions and returns among them, which take less
METHODS = ("forward", "backward", "input_gradient", "param_gradients", "step")


class Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The files of the course by the names that they import each other by, instead of those in any folder.

    Parameters
    ----------
    sources : dict of str to bytes
        By module: "step_06_im2col".
    """

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self.sources = dict(sources)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.machinery.ModuleSpec(name, self) if name in self.sources else None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        code = f"<{module.__name__}>"
        source = self.sources[module.__name__]
        lines = source.decode("utf-8", errors="replace").splitlines(keepends=True)
        linecache.cache[code] = (len(source), None, lines, code)  # where tracebacks look lines up
        exec(compile(source, code, "exec"), module.__dict__)

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Let the files import each other, and forget them at the end."""
        self.forget()
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            self.forget()

    def forget(self) -> None:
        for name in self.sources:
            sys.modules.pop(name, None)


class Checked(NamedTuple):
    """What the check of a step found.

    Attributes
    ----------
    points : list of Point
    borrowed : list of str
        What of tinynet's the file calls instead of writing it: "layers/conv.py (Conv2d.forward)".
    speed : str
        How fast it is, in words; empty where that was not measured.
    """

    points: list[Point]
    borrowed: list[str]
    speed: str = ""

    @property
    def right(self) -> bool:
        """Whether all that the step asks for is there and right."""
        return bool(self.points) and not any(point.fault for point in self.points) and not self.borrowed

    def verdict(self, column: str) -> str:
        """Return the cell of the table for one of COLUMNS: "right", "wrong", ...; "" for no point."""
        points = [point for point in self.points if point.column == column]
        faults = [point.fault for point in points if point.fault]
        if not points:
            return ""
        if not faults:
            return "right"
        if any("Python cannot read the file" in fault for fault in faults):
            return "cannot be read"
        return UNWRITTEN if all(fault == UNWRITTEN for fault in faults) else "wrong"


def check_source(
    step: Step, sources: Mapping[str, bytes], seed: int = 0, timing: bool = False,
    keep: Callable[[list[Point]], Any] | None = None,
) -> Checked:
    """Run the file of a step and check what it defines, in this process.

    Parameters
    ----------
    step : Step
    sources : dict of str to bytes
        The file itself and those that it may import, by module.
    seed : int
        Draws the shapes and numbers of the check.
    timing : bool
        Measure the speed, too, of what is right.
    keep : function, optional
        Called with the points that there are before each part: what is known if the check does not end.
    """
    finder = Sources(sources)
    with finder.importable():
        try:
            namespace = vars(importlib.import_module(step.module))
        except BaseException as error:  # whatever the file raises, sys.exit and Ctrl-C included, is reported
            return Checked([Point("numbers", "running the file", told(error))], [])
        checked = check_names(step, namespace, seed, keep)
        return checked._replace(speed=speed(step, namespace)) if timing and checked.right else checked


def check_names(
    step: Step, namespace: Mapping[str, Any], seed: int = 0, keep: Callable[[list[Point]], Any] | None = None
) -> Checked:
    """Check what a file, or a notebook, has defined for a step."""
    points: list[Point] = []
    borrowed: dict[str, None] = {}
    for number, part in enumerate(step.parts):
        if keep is not None:
            keep(points)
        if part.name not in namespace:
            points.append(Point("numbers", part.name, f"the file defines no {part.name}"))
            continue
        found = namespace[part.name]
        borrowed |= dict.fromkeys(inherited(part.name, found))
        with watched() as calls:
            points += examined(part, found, np.random.default_rng([seed, step.number, number]))
        borrowed |= dict.fromkeys(calls)
    return Checked(points, list(borrowed))


def examined(part: Part, found: Any, generator: np.random.Generator) -> list[Point]:
    """Return the points of one part; what its code raises is one of them."""
    points: list[Point] = []
    try:
        with np.errstate(all="ignore"):
            for point in part.examine(found, generator):
                points.append(point._replace(what=with_name(part.name, point.what)))
    except BaseException as error:
        case = vars(error).pop("__notes__", [])[:1]  # of common.call; told would take a note for the error
        points.append(Point("numbers", ", ".join([part.name, *case]), told(error)))
    return points


def with_name(part: str, what: str) -> str:
    """Begin what was looked at with the name of the part."""
    return what if what.startswith(part) else f"{part}, {what}"


def inherited(name: str, found: Any) -> list[str]:
    """Name what is tinynet's own code in a class or function that a student should have written."""
    while isinstance(found, functools.partial):
        found = found.func
    if isinstance(found, type):
        functions = {f"{name}.{method}": getattr(found, method, None) for method in METHODS}
    else:
        functions = {name: found if hasattr(found, "__code__") else vars(type(found)).get("__call__")}
    out = []
    for what, function in functions.items():
        code = getattr(function, "__code__", None)
        if code is not None and code.co_filename.startswith(HOME) and not code.co_filename.startswith(NO_MATHEMATICS):
            out.append(f"{what} is that of {short(code.co_filename)}")
    return out


def short(file_name: str) -> str:
    """Return "tinynet/layers/conv.py"."""
    return "tinynet" + file_name.removeprefix(HOME).replace("\\", "/")


@contextmanager
def watched() -> Iterator[list[str]]:
    """Note which of the functions that are to be written anew a student's code calls in tinynet."""
    found: list[str] = []
    kinds: dict[types.CodeType, str] = {}
    count = events = 0

    def kind(code: types.CodeType) -> str:
        name = code.co_filename
        if is_students(name):
            return "student"
        if name.startswith(NO_MATHEMATICS):
            return "library"
        if name.startswith(TO_WRITE_ANEW):
            return "anew"
        return "ours" if name.startswith(HOME) else "library"

    def watch(frame: types.FrameType, event: str, argument: Any) -> None:
        nonlocal count, events
        count, events = count + (event == "call"), events + 1
        if count > WATCHED_CALLS or events > WATCHED_EVENTS:
            sys.setprofile(None)
            return
        code = frame.f_code
        if event == "return" and code.co_name == "__init__" and kinds.setdefault(code, kind(code)) == "student":
            own = getattr(itself(frame), "__dict__", {})
            for method in METHODS:
                found.extend(line for line in inherited(f"self.{method}", own.get(method)) if line not in found)
        if event != "call" or kinds.setdefault(code, kind(code)) != "anew":
            return
        if code.co_name != "__init__" and type(itself(frame)).__module__ == stand_ins.__name__:
            return  # it is handed to the student's network to be called
        caller = frame.f_back
        while caller is not None:
            who = kinds.setdefault(caller.f_code, kind(caller.f_code))
            if who == "student":
                where = f"line {caller.f_lineno} of {caller.f_code.co_filename.strip('<>')}"
                if not any(line.startswith(where) for line in found):
                    found.append(f"{where} calls {code.co_qualname} of {short(code.co_filename)}")
                return
            if who == "ours":
                return
            caller = caller.f_back

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(before)


def itself(frame: types.FrameType) -> Any:
    """Return the first argument of a call, `self` of a method; None where there is none."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def uses_of(step: Step, sources: Mapping[int, bytes | None]) -> tuple[int, ...]:
    """Return the earlier steps that a step needs: those of its own text, and all that the student's file names.

    `sources` has the student's files; through the steps that it names, a file needs those that they name.
    """
    text = sources.get(step.number) or b""
    found = {*step.uses, *(each.number for each in STEPS if each.number < step.number and each.module.encode() in text)}
    for number in tuple(found):
        found |= set(uses_of(find_step(number), sources))
    return tuple(sorted(found))


def sources_for(step: Step, own: Mapping[int, bytes]) -> dict[str, bytes]:
    """Return the step's file and those that it needs: the student's by their numbers, else tinynet's."""
    numbers = (*uses_of(step, own), step.number)
    return {each.module: own.get(each.number, each.solution.encode()) for each in STEPS if each.number in numbers}


