"""The check of a student's folder: each step in a process of its own, those first that others use."""
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from ..exercises.sandbox import MEMORY, Children, run_child
from ..ops.threads import submit
from .folder import check_folder, source_of
from .running import SO_FAR, Checked, uses_of
from .step import Point, Step
from .steps import STEPS, find_step

SECONDS = 30.0  # for a step's check; with loops in Python the longest took 5 (see tests/long/course_checks.py)


class Outcome(NamedTuple):
    """What is known of a step in a student's folder.

    Attributes
    ----------
    step : Step
    state : str
        "missing" for no file, or one still as it was handed out; "checked".
    checked : Checked or None
    printed : str
        The beginning of what the file printed.
    taken : tuple of int
        The earlier steps for which tinynet's file was taken, because the student's is missing or not right.
    cut_off : bool or None
        Whether the file ran without network; None where that is not known.
    """

    step: Step
    state: str
    checked: Checked | None = None
    printed: str = ""
    taken: tuple[int, ...] = ()
    cut_off: bool | None = None

    @property
    def right(self) -> bool:
        return self.checked is not None and self.checked.right


class Limits(NamedTuple):
    """What a check may use, and how it is done."""

    seconds: float = SECONDS
    memory: int = MEMORY
    timing: bool = True
    no_network: bool = False


def check_course(
    folder: str | Path, numbers: Sequence[int] | None = None, seed: int = 0, limits: Limits | None = None,
    jobs: int | None = None, done: Callable[[Outcome], None] | None = None, children: Children | None = None,
) -> list[Outcome]:
    """Check the steps of a student's folder.

    Parameters
    ----------
    folder : path-like
    numbers : sequence of int, optional
        Of the steps that are asked for; those that they use are checked too. Default: all.
    seed : int
        Draws the shapes and numbers.
    limits : Limits, optional
    jobs : int, optional
        Processes at a time; default: one on each core.
    done : function, optional
        Called with each outcome when it is there.
    children : Children, optional
        The group that the processes join, whose owner ends them. Without it an error or Ctrl-C ends them at once.

    Returns
    -------
    list of Outcome
        Of the steps that were asked for, in their order.

    Raises
    ------
    ArgumentError
        For a step that does not exist.
    DataError
        When there is no such folder, no file of the course in it, or a file that cannot be read.
    """
    path = check_folder(folder)
    asked = [find_step(number) for number in numbers] if numbers is not None else list(STEPS)
    sources = {step.number: source_of(path, step) for step in STEPS}
    needed = {number for step in asked for number in (step.number, *uses_of(step, sources))}
    futures: dict[int, Future[Outcome]] = {}
    family = children or Children()

    def run(step: Step) -> Outcome:
        # A step waits for those that it uses, which are in the queue before it: none waits for a later one.
        earlier = [futures[number].result() for number in uses_of(step, sources)]
        own = {outcome.step.number: sources[outcome.step.number] or b"" for outcome in earlier if outcome.right}
        taken = tuple(outcome.step.number for outcome in earlier if not outcome.right)
        outcome = check_one(step, sources[step.number], own, taken, seed, limits or Limits(), family)
        if done is not None and step in asked:
            done(outcome)
        return outcome

    ending = family.end_with if children is None else nullcontext
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool, ending(pool):
        for step in STEPS:
            if step.number in needed:
                futures[step.number] = submit(pool, run, step)
        return [futures[step.number].result() for step in asked]


def check_one(
    step: Step, source: bytes | None, own: dict[int, bytes], taken: tuple[int, ...], seed: int, limits: Limits,
    children: Children,
) -> Outcome:
    """Check one step's file in a process, where there are any; `own` has the student's earlier files that it uses."""
    if source is None:
        return Outcome(step, "missing")
    files = {**own, step.number: source}
    lines = {find_step(number).code: text.decode("utf-8", errors="replace").splitlines()
             for number, text in sorted(files.items(), key=lambda item: item[0] != step.number)}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        job = Path(folder, "job.json")
        job.write_text(json.dumps({
            "step": step.number, "own": {number: text.decode("latin-1") for number, text in files.items()},
            "seed": seed, "timing": limits.timing, "no_network": limits.no_network,
        }), encoding="utf-8")
        ended = run_child(f"{__package__}.child", [str(job)], lines, limits.seconds, limits.memory, children)
        before = points_so_far(job.with_name(SO_FAR))
    if ended.result is None:
        return Outcome(step, "checked", cut_off_at(step, before, ended.failure), ended.printed, taken)
    cut_off = ended.result.pop("cut_off")
    result = Checked([Point(*point) for point in ended.result["points"]], ended.result["borrowed"],
                     ended.result["speed"])
    return Outcome(step, "checked", result, ended.printed, taken, cut_off)


def points_so_far(file: Path) -> list[Point] | None:
    """Return the points that there were before the part that did not end; None where not even the first was begun."""
    try:
        return [Point(*map(str, point)) for point in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):  # it is not there, or the student's code has written into it
        return None


def cut_off_at(step: Step, before: list[Point] | None, failure: str) -> Checked:
    """Return what is known of a check that did not end."""
    if before is None:
        return Checked([Point("numbers", "the whole check", failure)], [])
    begun = next((part.name for part in step.parts if not any(point.what.startswith(part.name) for point in before)),
                 step.parts[-1].name)
    return Checked([*before, Point("numbers", begun, failure)], [])
