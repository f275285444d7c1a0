"""Running a student's file, and saying in plain words what went wrong in it and where."""
import linecache
import sys
import traceback
import types
from typing import Any

from ..errors import ArgumentError, TinynetError
from .exercise import Exercise, Finding

# What the file is called while it runs: ASCII and short, wherever it is, so that a traceback's lines are found again.
CODE = "<exercise>"
LONGEST = 1000  # letters of a message


def examine_source(exercise: Exercise, source: bytes) -> tuple[list[Finding], str, str]:
    """Run a student's file and check what it defines, in this process.

    Parameters
    ----------
    exercise : Exercise
    source : bytes

    Returns
    -------
    findings : list of Finding
    failure : str
        Why the check could not be finished; empty when it was.
    report : str
        What `check_gradients` says of the first case that goes wrong.
    """
    findings: list[Finding] = []
    lines = source.decode("utf-8", errors="replace").splitlines(keepends=True)
    linecache.cache[CODE] = (len(source), None, lines, CODE)  # where tracebacks and warnings look lines up
    try:
        module = load(source)
        student = defined(exercise, module)
        report = exercise.examine(exercise, student, findings)
    except BaseException as error:  # whatever the file raises, sys.exit and Ctrl-C included, is reported
        return findings, in_words(error, lines), ""
    finally:
        sys.modules.pop(CODE, None)
    findings = [finding._replace(look=function_with_line(finding, student)) for finding in findings]
    return findings, "", report


def load(source: bytes) -> types.ModuleType:
    """Run the file as a module and return it."""
    module = types.ModuleType(CODE)
    sys.modules[CODE] = module  # dataclasses and others look their module up there
    exec(compile(source, CODE, "exec"), module.__dict__)
    return module


def defined(exercise: Exercise, module: types.ModuleType) -> Any:
    """Return the class or function that the exercise asks for; ArgumentError if the file does not define it."""
    if exercise.wanted in module.__dict__:
        found = module.__dict__[exercise.wanted]
        if str(getattr(found, "__module__", "")).startswith("tinynet."):
            raise ArgumentError(f"{exercise.wanted} is tinynet's own, imported: the file has to define it itself")
        return found
    own = [name for name, value in module.__dict__.items() if getattr(value, "__module__", None) == CODE]
    raise ArgumentError(f"the file defines no {exercise.wanted}; it defines {', '.join(own) or 'nothing'}")


def function_with_line(finding: Finding, student: Any) -> str:
    """Return the function to look at, with its line if it is in the student's file."""
    function = getattr(student, finding.look, student)
    code = getattr(function, "__code__", None)
    if not finding.fault or code is None or code.co_filename != CODE:
        return finding.look
    return f"{finding.look}, line {code.co_firstlineno}"


def in_words(error: BaseException, lines: list[str], code: str = CODE) -> str:
    """Say what happened, in which line of the student's file, called `code` while it runs, and show the line."""
    where = line_of(error, code)
    if isinstance(error, SyntaxError) and error.filename in (code, None):
        where, what = error.lineno, f"Python cannot read the file: {error.msg}"
    elif isinstance(error, SystemExit):
        what = "the file ends the program itself (sys.exit, os._exit or quit)"
    elif isinstance(error, MemoryError):
        what = "it needs more memory than a check may use" + (f" ({error})" if str(error) else "")
    elif isinstance(error, RecursionError):
        what = "infinite recursion: a function calls itself without end"
    elif isinstance(error, EOFError):
        what = "the file waits for input, which a check does not have"
    elif isinstance(error, TinynetError):
        what = str(error)
    else:
        what = traceback.format_exception_only(error)[-1].strip()
    return in_line(what[:LONGEST], where, lines)


def in_line(what: str, where: int | None, lines: list[str]) -> str:
    """Add the number and the text of the line to what happened."""
    if not where:
        return what
    text = lines[where - 1].strip() if where <= len(lines) else ""
    return f"line {where}: {what}" + (f"\n    {text}" if text else "")


def line_of(error: BaseException, code: str = CODE) -> int | None:
    """Return the last line of the student's file that was running; None if none was."""
    numbers = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == code]
    return numbers[-1] if numbers else None
