"""Whether layers run as their files are written, or by fast implementations where these are proven to do the same."""
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..errors import ArgumentError

_plain: ContextVar[bool] = ContextVar("inside plain()", default=False)
_fast = True  # set_fast's


@contextmanager
def plain() -> Iterator[None]:
    """Run the layer files themselves inside the block, in the calling thread: for a `print` or a breakpoint in them.

    The numbers are those of the fast implementations, to rounding. A sum that is exactly 0 here may be 1e-8 there,
    where Winograd's products (`network/winograd.py`) cancel: over black background with a bias of 0, say. A ReLU behind
    it then lets a gradient through that it stops here. Of one infinite pixel they make more that is not finite.
    """
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def set_fast(on: bool) -> None:
    """Let fast implementations stand in for layers, or not, in the whole program.

    Parameters
    ----------
    on : bool
        True: where they are proven to do the same, as without a call. False: layers run as their files are written.

    Raises
    ------
    ArgumentError
        When `on` is not a bool.
    """
    global _fast
    if not isinstance(on, bool):
        raise ArgumentError(f"set_fast: on is {on!r}, expected True or False")
    _fast = on


def fast_allowed() -> bool:
    """Tell whether fast implementations may stand in: not in `plain()`, after `set_fast(False)`, nor in a debugger."""
    return _fast and not in_calling_thread()


def in_calling_thread() -> bool:
    """Tell whether work stays in the calling thread: inside `plain()`, and while a debugger traces."""
    return _plain.get() or debugger_traces()


def debugger_traces() -> bool:
    """Tell whether a debugger, or another program that traces lines, is at work in this thread or in new ones."""
    if sys.gettrace() is not None or threading.gettrace() is not None:
        return True
    monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on
    return monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None
