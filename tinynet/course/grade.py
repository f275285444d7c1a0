"""`tinynet course grade`: the folders of many students, a row and a page for each."""
import ast
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import ArgumentError, DataError
from ..exercises.sandbox import Children
from ..files import atomic_write, printable, user_path
from ..ops.checks import check_writable
from ..ops.threads import submit
from .check import Limits, Outcome, check_course
from .folder import source_of
from .graded import Grade, verdict
from .report import grades_csv, gradescope, overview, student_page
from .step import Step

LIBRARIES = ("torch", "tensorflow", "jax", "keras", "scipy", "sklearn", "autograd", "cupy", "mxnet")


def grade(
    folders: Sequence[str | Path], points: dict[int, float], seed: int = 0, limits: Limits | None = None,
    jobs: int | None = None, done: Callable[[Grade], None] | None = None,
) -> list[Grade]:
    """Check the folders of several students, side by side; the order and the machine change no mark.

    Parameters
    ----------
    folders : sequence of path-like
        A student's folder each.
    points : dict of int to float
        By step; other steps are not checked.
    seed : int
        Draws the shapes and numbers of all checks.
    limits : Limits, optional
    jobs : int, optional
        Students at a time; default: one on each core.
    done : function, optional
        Called with each grade when it is there; no more after an error or Ctrl-C.

    Raises
    ------
    ArgumentError
        When no folder is given, or one twice.
    """
    paths = [user_path(folder) for folder in folders]
    names = names_of(paths)
    limits = limits or Limits(timing=False, no_network=True)

    children = Children()

    def one(name: str, path: Path) -> Grade:
        made = grade_one(name, path, points, seed, limits, children)
        if done is not None and not children.over:
            done(made)
        return made

    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool, children.end_with(pool):
        futures = [submit(pool, one, *each) for each in zip(names, paths, strict=True)]
        return [future.result() for future in futures]


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return the folders' names, with as many of the folders around them as tell them apart."""
    if not paths:
        raise ArgumentError("course grade: no folder is given")
    whole = [path.resolve() for path in paths]
    for path in whole:
        if whole.count(path) > 1:
            raise ArgumentError(f"course grade: the folder {path} is given twice")
    for length in range(1, max(len(path.parts) for path in whole) + 1):
        names = ["_".join(path.parts[-length:]).strip(os.sep) for path in whole]
        if len(set(names)) == len(names):
            break
    return names


def grade_one(name: str, path: Path, points: dict[int, float], seed: int, limits: Limits, children: Children) -> Grade:
    """Check one student's folder; a folder that cannot be used gives no points, and a note says why."""
    try:
        outcomes = check_course(path, list(points), seed, limits, jobs=1, children=children)
        by_note: dict[str, list[int]] = {}
        for outcome in outcomes:
            for note in notes_on(outcome, source_of(path, outcome.step)):
                by_note.setdefault(note, []).append(outcome.step.number)
        notes = [f"step{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}: {note}"
                 for note, numbers in by_note.items()]
    except DataError as error:
        return Grade(name, [], points, [str(error)])
    if limits.no_network and any(outcome.cut_off is False for outcome in outcomes):
        notes.append("the files ran with the network within reach: this system did not allow to take it away")
    return Grade(name, outcomes, points, notes)


def notes_on(outcome: Outcome, source: bytes | None) -> list[str]:
    """Return what a teacher should look at in one step."""
    step, checked = outcome.step, outcome.checked
    if checked is None or source is None:
        return []
    late = ["timed out, which says nothing about right or wrong: --seconds gives it more time"]
    return [*checked.borrowed, *(late if verdict(outcome) == "timed out" else ()), *notes_on_text(step, source)]


def notes_on_text(step: Step, source: bytes) -> list[str]:
    """Return what the text of a file shows: other libraries, tinynet's own solution, ways around the watch."""
    try:
        tree = ast.parse(source)
        text = ast.dump(without_docstrings(tree))
    except (SyntaxError, ValueError):
        return []
    except (RecursionError, MemoryError):
        return ["its text nests too deeply to be looked at here"]
    notes = []
    imported = sorted({name.split(".")[0] for node in ast.walk(tree) for name in imports_of(node)} & set(LIBRARIES))
    if imported:
        notes.append(f"it imports {', '.join(imported)}")
    if text == ast.dump(without_docstrings(ast.parse(step.solution))):
        notes.append("it is tinynet's own solution, word for word")
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    taken = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    hidden = sorted(used & {"exec", "eval", "compile", "__import__"}) + sorted(taken & {"setprofile", "settrace"})
    hidden += sorted({name.split(".")[0] for node in ast.walk(tree) for name in imports_of(node)} & {
        "importlib", "ctypes", "gc", "inspect", "subprocess", "socket"})
    if hidden:
        notes.append(f"it uses {', '.join(hidden)}, which a layer does not need")
    return notes


def imports_of(node: ast.AST) -> list[str]:
    """Return the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Return the program without its docstrings, in place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return tree


def check_places(csv_file: str | Path | None, report: str | Path | None) -> None:
    """Raise ArgumentError where results cannot be written, or would be written over something that is there."""
    if csv_file is not None and user_path(csv_file).exists():
        raise ArgumentError(f"--csv {csv_file}: the file exists already: choose another name")
    if csv_file is not None and not user_path(csv_file).parent.is_dir():
        raise ArgumentError(f"--csv {csv_file}: the folder {user_path(csv_file).parent} does not exist")
    if csv_file is not None:
        check_writable(f"--csv {csv_file}", user_path(csv_file).parent)
    if report is not None and user_path(report).exists() and not user_path(report).is_dir():
        raise ArgumentError(f"--report {report}: this is a file, expected a folder, or the name of a new one")
    if report is not None and user_path(report).exists() and any(user_path(report).iterdir()):
        raise ArgumentError(f"--report {report}: the folder has files in it: choose another name")
    if report is not None:
        check_writable(f"--report {report}", user_path(report))


def write_grades(grades: Sequence[Grade], csv_file: str | Path | None, report: str | Path | None, seed: int) -> None:
    """Write the table, and a folder with a page and results.json for each student."""
    if csv_file is not None:
        with atomic_write(user_path(csv_file)) as file:
            file.write(grades_csv(grades))
    if report is None:
        return
    folder = user_path(report)
    for made in grades:
        (folder / made.name).mkdir(parents=True, exist_ok=True)
        pages = {"index.html": student_page(made, seed),
                 "results.json": gradescope(made)}
        for name, text in pages.items():
            with atomic_write(folder / made.name / name) as file:
                file.write(printable(text).encode())
    with atomic_write(folder / "index.html") as file:
        file.write(printable(overview(grades)).encode())
