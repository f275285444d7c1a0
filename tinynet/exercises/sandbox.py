"""Checking a student's file in a process of its own, so that nothing in the file can end the program."""
import errno
import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple

from ..errors import DataError
from ..files import user_path
from .exercise import Exercise, Finding
from .loading import CODE, in_line

SECONDS = 10.0  # for a check, which takes less than one
MEMORY = 2 * 2**30  # bytes of address space, of which Python and NumPy took 0.13 GB on Linux
START = 30.0  # seconds that the process may take in addition, to start and to end
PRINTED = 2000  # how many letters of what the file prints are kept


class Verdict(NamedTuple):
    """How far a student's file is.

    Attributes
    ----------
    findings : list of Finding
    failure : str
        Why the check could not be finished; empty when it was.
    report : str
        What `check_gradients` says of the first case that goes wrong.
    printed : str
        The beginning of what the file printed.
    """

    findings: list[Finding]
    failure: str
    report: str
    printed: str

    @property
    def solved(self) -> bool:
        """Whether the check was finished and found nothing wrong."""
        return not self.failure and bool(self.findings) and not any(finding.fault for finding in self.findings)


def check_file(exercise: Exercise, file: Path, seconds: float = SECONDS, memory: int = MEMORY) -> Verdict:
    """Run the check in a process with a limit of time and memory.

    Raises
    ------
    DataError
        When the file does not exist.
    """
    file = user_path(file)
    if file.is_dir():
        raise DataError(f"{file} is a folder, expected the file of exercise {exercise.number}")
    if not file.is_file():
        raise DataError(f"the file {file} does not exist; `tinynet exercise {exercise.number}` writes it")
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    arguments = [str(exercise.number), str(file.resolve())]
    ended = run_child(f"{__package__}.child", arguments, {CODE: lines}, seconds, memory)
    if ended.result is None:
        return Verdict([], ended.failure, "", ended.printed)
    findings, failure, report = ended.result
    return Verdict([Finding(*finding) for finding in findings], failure, report, ended.printed)


class Children:
    """Processes that run files: all can be ended together, and no further one is started then."""

    def __init__(self) -> None:
        self.running: set[subprocess.Popen] = set()
        self.over = False
        self.lock = threading.Lock()

    @contextmanager
    def one_of(self, process: subprocess.Popen) -> Iterator[None]:
        """Keep the process while the block waits for it, and end it afterwards."""
        with self.lock:
            self.running.add(process)
            over = self.over
        try:
            if over:
                kill(process)
            yield
        finally:
            with self.lock:
                self.running.discard(process)
            kill(process)

    @contextmanager
    def end_with(self, pool: ThreadPoolExecutor) -> Iterator[None]:
        """End them all, and what is waiting in the pool, when the block is left by an error or Ctrl-C."""
        try:
            yield
        except BaseException:
            self.over = True
            pool.shutdown(wait=False, cancel_futures=True)
            with self.lock:
                running = list(self.running)
            for process in running:
                kill(process)
            raise


class Ended(NamedTuple):
    """What a process left: the result, None where it ended without one; why it did so; the beginning of its output."""

    result: Any
    failure: str
    printed: str


def run_child(
    module: str, arguments: list[str], lines: dict[str, list[str]], seconds: float = SECONDS, memory: int = MEMORY,
    children: Children | None = None,
) -> Ended:
    """Run `python -m MODULE ARGUMENTS FOLDER SECONDS BYTES`, which calls `child.guarded`, and end it when it is late.

    Where the system starts no processes, `run_here` does its work.

    Parameters
    ----------
    module : str
    arguments : list of str
    lines : dict of str to list of str
        The lines of the student's files, by what the files are called while they run; the one in question first.
    seconds : float
    memory : int
        Bytes.
    children : Children, optional
        The group that it joins.
    """
    children = children or Children()
    if children.over:
        return Ended(None, "it was stopped", "")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments, folder, str(seconds), str(memory)], env=environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )
        except OSError as error:
            if error.errno != errno.ENOTSUP:  # Python in a browser
                raise
            return run_here(module, arguments)
        assert process.stdout is not None
        output = Output(process.stdout)
        late = False
        with children.one_of(process):
            try:
                process.wait(seconds + START)
            except subprocess.TimeoutExpired:
                late = True  # the file has switched off the limit that the process sets itself
        try:
            result = json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))
            return Ended(result, "", output.text())
        except (OSError, ValueError):  # no result, or none that the child has written
            written = Path(folder, "trace.txt")
            trace = written.read_text(encoding="utf-8", errors="replace") if written.exists() else ""
            return Ended(None, crash(trace, process.returncode, late, seconds, lines), output.text())


def run_here(module: str, arguments: list[str]) -> Ended:
    """Call `MODULE.checked(ARGUMENTS)` in this process, which nothing protects from what the student's file does."""
    say_no_process()
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        result = json.loads(json.dumps(importlib.import_module(module).checked(*arguments)))
    return Ended(result, "", beginning(printed.getvalue(), len(printed.getvalue()) > PRINTED))


@cache
def say_no_process() -> None:
    """Say it once."""
    print("tinynet: this system starts no processes, so files are checked in this one, without limits of time and "
          "memory: a file with an infinite loop, or one that ends Python, stops everything here", file=sys.stderr)


def beginning(text: str, more: bool) -> str:
    """Return the beginning of what a file printed, without the characters that control a terminal."""
    text = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text[:PRINTED])
    return text.rstrip() + ("\n(and more)" if more else "")


def environment() -> dict[str, str]:
    """Return the child's environment: this tinynet, one thread, everything in UTF-8."""
    home = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return os.environ | threads | {"PYTHONPATH": path, "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}


def kill(process: subprocess.Popen) -> None:
    """End the process, and where the system has groups of processes, those that it started.

    Not one that has begun a session of its own, which the group has not.
    """
    if hasattr(os, "killpg"):  # not on Windows
        with suppress(ProcessLookupError):  # all have ended
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def crash(trace: str, code: int, late: bool, seconds: float, lines: dict[str, list[str]]) -> str:
    """Say how a check ended that left no result, from what faulthandler wrote and the process's exit code."""
    if late or trace.startswith("Timeout"):
        what = f"it did not finish within {seconds:g} seconds: is there an infinite loop?"
    elif trace.startswith("Fatal Python error"):
        what = f"Python itself crashed ({trace.splitlines()[0].removeprefix('Fatal Python error: ')})"
    elif code < 0:
        what = f"the program was killed by signal {-code} before the check was done"
    else:
        what = f"the program ended before the check was done (exit code {code})"
    found = re.search(rf'File "({"|".join(map(re.escape, lines))})", line (\d+)', trace)
    if not found:
        return what
    file, number = found.groups()
    told = in_line(what, int(number), lines[file])
    return told if file == next(iter(lines)) else f"{file}, {told}"


class Output:
    """Reads all that a process prints, so that it never waits, and keeps the beginning."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.kept, self.more = stream, b"", False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        with self.stream:
            while chunk := os.read(self.stream.fileno(), 65536):
                self.more = self.more or len(self.kept) + len(chunk) > PRINTED
                self.kept = (self.kept + chunk)[:PRINTED]

    def text(self) -> str:
        """What was kept, without the characters that control a terminal."""
        self.reader.join(2)  # a process that the file has started may still hold the other end
        return beginning(self.kept.decode("utf-8", "replace"), self.more)
