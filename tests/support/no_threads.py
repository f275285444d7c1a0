"""A stand-in for Pyodide, Python in a browser: the Python of this machine, in which no thread and no process starts.

What is refused, and with which error, was asked of Pyodide 0.27.7 and 314.0.7 (Python 3.12 and 3.14). What the two do
not have in common is refused too. sys.platform stays, so that what depends on it is what runs here. `take_away` holds
until the program ends, or with the functions of pytest's monkeypatch until the test does; TINYNET_TESTS=without-threads
puts a whole test run under it.
"""
import errno
import faulthandler
import operator
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

MODULES = (
    "fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "readline", "lzma",
    "multiprocessing.synchronize", "multiprocessing.pool", "concurrent.futures.process",
)
ABSENT = {os: ("sched_getaffinity", "forkpty", "posix_spawn", "posix_spawnp"), signal: ("setitimer", "alarm")}

# Test files that import `resource`, which a test run under the stand-in does not look into.
NOT_COLLECTED = (
    "distributed/test_faults.py", "reliability/test_memory.py", "reliability/test_runs.py", "training/test_memory.py",
)
# Quick tests that start a process themselves, some of them the compiler of the GPU's kernels; all others have to pass.
SKIPPED = {
    "network/test_fast.py": (
        "test_an_edited_file_is_what_runs_and_one_warning_says_so",
        "test_a_breakpoint_in_a_layers_file_is_hit_in_training", "test_on_a_gpu_too",
    ),
    "network/test_fast_conv.py": ("test_on_a_gpu_normalization_has_one_and_convolution_none",),
}


def wanted() -> bool:
    """Tell whether this test run is to be under the stand-in."""
    return os.environ.get("TINYNET_TESTS") == "without-threads"


def take_away(
    set_attribute: Callable[[Any, str, Any], None] = setattr, delete: Callable[[Any, str], None] = delattr,
    set_item: Callable[[Any, str, Any], None] = operator.setitem,
) -> None:
    """Take away what Pyodide lacks."""
    set_attribute(threading.Thread, "start", start_thread)
    set_attribute(faulthandler, "dump_traceback_later", start_watchdog)
    set_attribute(subprocess, "_can_fork_exec", False)  # Popen then raises what it raises in Pyodide
    set_attribute(os, "fork", fork)
    for module, names in ABSENT.items():
        for name in names:
            if hasattr(module, name):
                delete(module, name)
    for name in MODULES:
        set_item(sys.modules, name, None)  # to import it raises ModuleNotFoundError


def start_thread(*_: Any, **__: Any) -> None:
    raise RuntimeError("can't start new thread")


def start_watchdog(*_: Any, **__: Any) -> None:
    raise RuntimeError("unable to start watchdog thread")


def fork() -> None:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
