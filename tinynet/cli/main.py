"""The command line: `tinynet COMMAND` or `python -m tinynet COMMAND`."""
import io
import os
import sys
import warnings
from typing import Any

from ..distributed.team import Team, started_by_mpirun
from ..errors import TinynetError
from ..ops.checks import check_count
from ..ops.threads import set_threads
from .parser import parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code.

    0, 1 for an exercise or a step of the course not solved or an image not read, 2 after an error, which is printed,
    130 after Ctrl-C, 141 where what reads the output has ended.
    """
    prepare_output()
    try:
        team = Team(started_by_mpirun())
        team.silence()
        with team.end_together(all_exit=True), warnings.catch_warnings():
            options = parser().parse_args(arguments)
            set_threads(team.threads() if options.threads is None else
                        check_count("tinynet", "--threads", options.threads))
            # A training that diverges says so in a sentence; NumPy would warn of it first, with lines of tinynet.
            warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"tinynet\.")
            warnings.showwarning = warn
            code = options.command(options)
    except BrokenPipeError:  # what reads the output, head for instance, has ended; 141 is a shell's code for that
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (TinynetError, OSError) as error:
        print(f"tinynet: {error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"tinynet: out of memory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tinynet: stopped", file=sys.stderr)
        return 130
    return code or 0


def warn(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    """Print a warning of ours as a line, without a line of the program; others as Python does."""
    if issubclass(category, UserWarning):
        print(f"tinynet: {message}", file=sys.stderr)
    else:
        sys.stderr.write(warnings.formatwarning(message, category, *where[:2]))


def prepare_output() -> None:
    """Let no command fail because there is nowhere to print to, or because the terminal lacks a character."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - None where the shell has closed them: 2>&-
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
