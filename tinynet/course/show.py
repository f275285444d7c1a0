"""What `tinynet course` prints."""
import textwrap
from collections.abc import Sequence
from pathlib import Path

from ..exercises.show import WIDTH, indented
from ..files import quoted
from ..tables import text_table
from .check import Outcome
from .folder import NAME, Written
from .running import Checked
from .step import COLUMNS, Step
from .steps import STEPS, uses_text
from .trouble import UNWRITTEN

MANY = 3  # faults of a step that are shown
PRINTED = 10  # lines that are shown of what a file printed
CONTRACT = """contract: nothing that was given is written into, nothing is kept between calls, float32 stays float32
-: not looked at"""


def written_text(written: Written) -> str:
    """Return what is in the folder now, and what to do next."""
    there = f"{written.folder} has the course: {len(STEPS)} files to be written, in reading order"
    if written.new and written.kept:
        there = f"{written.folder}: {', '.join(written.new)} written; the {len(written.kept)} files that were there " \
                "stay as they were"
    elif written.kept:
        there = f"{written.folder} has all files of the course already; nothing was changed"
    option = "" if str(written.folder) == NAME else f" --folder {quoted(written.folder)}"
    return f"""{there}

{text_table(["step", "file", "what it is", "uses"], [
        [str(step.number), step.file_name, step.title, uses_text(step).removeprefix("uses ")] for step in STEPS])}

Begin with {STEPS[0].file_name}: its first lines say what a layer is here, and what to write. Then
tinynet course check{option}      how far you are
tinynet course check 1{option}    step 1 alone, with what is wrong
tinynet course check 1 --hint"""


def course_text(folder: Path, outcomes: Sequence[Outcome], option: str) -> str:
    """Return the table of steps, and the details of the first that is begun and not right."""
    rows = [row(outcome) for outcome in outcomes]
    parts = [f"{text_table(['step', '', *COLUMNS, 'speed'], rows, wrap=44)}\n{CONTRACT}"]
    taken = {number: None for outcome in outcomes if outcome.state == "checked" for number in outcome.taken}
    if taken:
        parts.append(taken_text(tuple(sorted(taken))))
    right = sum(outcome.right for outcome in outcomes)
    parts.append(f"{right} of {len(outcomes)} steps are right.")
    wrong = next((outcome for outcome in outcomes if outcome.state == "checked" and not outcome.right), None)
    if wrong is not None:
        parts.append(step_text(folder, wrong, option))
    elif right == len(outcomes) == len(STEPS):
        parts.append(f"All of it is yours now. tinynet course train{option} trains your AlexNet.")
    else:
        following = next(outcome.step for outcome in outcomes if outcome.state == "missing")
        parts.append(f"Next: step {following.number}, {following.title}: {folder / following.file_name}")
    return "\n\n".join(parts)


def row(outcome: Outcome) -> list[str]:
    """Return the cells of one step."""
    step, checked = outcome.step, outcome.checked
    if checked is None:
        return [str(step.number), step.title, "to be written", "", "", ""]
    cells = [checked.verdict(column) or "-" for column in COLUMNS]
    if checked.borrowed:
        cells[0] = "tinynet's"
    return [str(step.number), step.title, *cells, checked.speed]


def step_text(folder: Path, outcome: Outcome, option: str) -> str:
    """Return how far one step is: what is right, what is wrong and where."""
    step, checked = outcome.step, outcome.checked
    parts = [f"step {step.number}, {step.title}: {folder / step.file_name}"]
    if checked is None:
        where = "the file is as it was handed out" if (folder / step.file_name).exists() else "there is no such file"
        return f"{parts[0]}\n{where}: nothing to check yet"
    if outcome.taken:
        parts.append(taken_text(outcome.taken))
    if outcome.printed:
        parts += ["the file printed:", indented(beginning(outcome.printed))]
    parts += [verdict_text(step, checked)]
    if not checked.right:
        parts.append(f"A hint: tinynet course check {step.number}{option} --hint")
    return "\n".join(parts)


def beginning(printed: str) -> str:
    """Return the first lines of what a file printed; the verdict below them should stay in sight."""
    lines = printed.rstrip("\n").split("\n")
    return "\n".join(lines[:PRINTED] + ([f"({len(lines) - PRINTED} more lines)"] if len(lines) > PRINTED else []))


def verdict_text(step: Step, checked: Checked) -> str:
    """Return what is right in a step and what is wrong."""
    lines = []
    for part in step.parts:
        points = [point for point in checked.points if point.what.startswith(part.name)]
        if not points:
            lines.append(f"  -       {part.name} was not looked at")
        elif all(not point.fault for point in points):
            lines.append(f"  right   {part.name}")
        elif all(point.fault in ("", UNWRITTEN) for point in points):
            lines.append(f"  open    {part.name} is {UNWRITTEN}")
        else:
            lines.append(f"  wrong   {part.name}")
    faults = [point for point in checked.points if point.fault and point.fault != UNWRITTEN]
    for number, point in enumerate(faults[:MANY], 1):
        lines += ["", f"{number}. {point.what}", indented(textwrap.fill(point.fault, WIDTH)
                                                          if "\n" not in point.fault else point.fault)]
    if len(faults) > MANY:
        lines += ["", f"({len(faults) - MANY} more of this step are wrong)"]
    for line in checked.borrowed:
        lines += ["", f"{line}: write it yourself"]
    if checked.right:
        speed = f" Speed: {checked.speed}." if checked.speed else ""
        lines += ["", f"Right: all {len(checked.points)} points.{speed}"]
    return "\n".join(lines)


def taken_text(numbers: tuple[int, ...]) -> str:
    """Say which steps tinynet's files were taken for."""
    many = len(numbers) > 1
    *first, last = (str(number) for number in numbers)
    which = f"{', '.join(first)} and {last}" if many else last
    return f"(For step{'s' if many else ''} {which}, not right yet in this folder, tinynet's file was taken.)"


def warning_text(step: Step) -> str:
    """Return what is said before a solution is shown."""
    return (f"This would show the whole of step {step.number}, solved; what you have read you cannot find out.\n"
            f"There are {len(step.hints)} hints first: tinynet course check {step.number} --hint {len(step.hints)}\n"
            f"The solution all the same: tinynet course check {step.number} --solution sure")


def solution_text(step: Step) -> str:
    """Return one right way to write a step; the student's file stays as it is."""
    return f"{step.solution.rstrip()}\n\n(One right way of several. Your file was not changed.)"
