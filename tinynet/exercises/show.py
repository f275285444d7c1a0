"""What `tinynet exercise` prints."""
import difflib
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from ..errors import ArgumentError
from ..files import quoted
from ..tables import text_table
from .catalogue import EXERCISES
from .exercise import Exercise
from .sandbox import Verdict

WIDTH = 100  # of paragraphs


def exercise_list() -> str:
    """Return the table of all exercises and what to do next."""
    rows = [[str(e.number), e.level, e.wanted, e.title] for e in EXERCISES]
    return f"""{text_table(["exercise", "level", "layer", "what it is about"], rows)}

`tinynet exercise 1` writes the first one's file, a layer with a mistake in it, for you to mend.
`tinynet exercise 1 --check` says how far you are, `--hint` and `--hint 2` what to look at,
`--solution` the right lines."""


def written(exercise: Exercise, path: Path) -> str:
    """Return the text about a file that was just written."""
    number = exercise.number
    return f"""{path} is written: {exercise.title}
Its first lines say what is wrong. Then: tinynet exercise {number} --check{check_argument(path)}"""


def check_argument(path: Path) -> str:
    """Return the argument that --check needs to find the file again; none for the current folder."""
    return "" if path.parent == Path(".") else f" {quoted(path)}"


def verdict_text(exercise: Exercise, path: Path, verdict: Verdict) -> str:
    """Return how far a file is: each point of the check, what is wrong at the first, and where to look."""
    wrong = [finding for finding in verdict.findings if finding.fault]
    parts = [f"exercise {exercise.number}, {exercise.title}: {path}"]
    if verdict.printed:
        parts += ["the file printed:", indented(verdict.printed)]
    parts += [f"  {'wrong' if finding.fault else 'right'}  {finding.what}" for finding in verdict.findings]
    if verdict.failure:
        return "\n".join([*parts, "", f"The check stopped at {verdict.failure}" if verdict.failure.startswith("line ")
                          else f"The check stopped: {verdict.failure}"])
    if not wrong:
        return "\n".join([*parts, "", f"Solved: all {len(verdict.findings)} points are right."])
    right = len(verdict.findings) - len(wrong)
    parts += ["", f"{right} of {len(verdict.findings)} points are right. The first that is not: {wrong[0].what}",
              indented(wrong[0].fault), f"Look at {wrong[0].look}."]
    if verdict.report:
        parts += ["", "The gradient check says:", indented(verdict.report)]
    return "\n".join([*parts, "", f"A hint: tinynet exercise {exercise.number} --hint"])


def hint_text(what: str, hints: Sequence[str], count: int, solution: str = "the lines") -> str:
    """Return the first `count` hints for `what`, "exercise 7"; after the last one, that --solution shows `solution`."""
    there = len(hints)
    if not 1 <= count <= there:
        raise ArgumentError(f"--hint {count}: {what} has hints 1 to {there}")
    lines = [textwrap.fill(f"hint {i} of {there}: {hint}", WIDTH) for i, hint in enumerate(hints[:count], 1)]
    more = f"(--hint {count + 1} says more)" if count < there else f"(that was the last; --solution shows {solution})"
    return "\n".join([*lines, more])


def solution_text(exercise: Exercise) -> str:
    """Return the wrong lines (-), the right lines (+), and why."""
    broken, solved = exercise.broken.splitlines(), exercise.solved.splitlines()
    parts = [f"exercise {exercise.number}, {exercise.title}: the solution"]
    for kind, start, stop, new_start, new_stop in difflib.SequenceMatcher(None, broken, solved).get_opcodes():
        if kind != "equal":
            where = f"after line {start}:" if kind == "insert" else f"line {start + 1}:"
            parts += ["", where, *(f"- {line}" for line in broken[start:stop])]
            parts += [f"+ {line}" for line in solved[new_start:new_stop]]
    return "\n".join([*parts, "", textwrap.fill(exercise.why, WIDTH)])


def say(text: str) -> None:
    """Print text with letters of any kind: those that standard output cannot show become question marks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def indented(text: str, by: str = "    ") -> str:
    """Return the text with each line moved to the right."""
    return "\n".join(by + line for line in text.split("\n"))
