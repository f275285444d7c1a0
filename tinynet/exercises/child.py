"""The process that a student's file runs in: `python -m tinynet.exercises.child NUMBER FILE FOLDER SECONDS BYTES`."""
import faulthandler
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .catalogue import find_exercise
from .loading import examine_source

end_now = os._exit


def main(number: str, file: str, folder: str, seconds: str, memory: str) -> None:
    """Check `file`; `guarded` has the other arguments."""
    guarded(folder, seconds, memory, lambda: checked(number, file))


def checked(number: str, file: str) -> Any:
    """Check `file`, in this process; return what `examine_source` does."""
    return examine_source(find_exercise(int(number)), Path(file).read_bytes())


def guarded(folder: str, seconds: str, memory: str, work: Callable[[], Any]) -> None:
    """Do `work` within limits, write what it returns to result.json in `folder`, and end the process.

    trace.txt, in `folder` too, says where a crash was.
    """
    vars(os)["_exit"] = refuse_to_end
    sys.dont_write_bytecode = True  # nothing is left beside the student's file
    limit_memory(int(memory))
    with open(Path(folder, "trace.txt"), "w", encoding="utf-8") as trace:
        faulthandler.enable(trace)
        faulthandler.dump_traceback_later(float(seconds), exit=True, file=trace)
        result = work()
        faulthandler.cancel_dump_traceback_later()
        Path(folder, "result.json").write_text(json.dumps(result), encoding="utf-8")
        end_now(0)  # without waiting for threads that the file has started or functions that it has put into atexit


def refuse_to_end(status: int = 0) -> None:
    """Stand in for os._exit, which would end the check without a word."""
    raise SystemExit(status)


def limit_memory(memory: int) -> None:
    """Limit the process to so many bytes, where the system has such a limit (Windows does not)."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (ImportError, ValueError, OSError):
        return  # then there is only the limit of time


if __name__ == "__main__":
    main(*sys.argv[1:])
