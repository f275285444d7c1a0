"""Ctrl-C waits where stopping half-way would leave parameters and random states of different batches; and SIGTERM."""
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def end_as_interrupt() -> Iterator[None]:
    """Take SIGTERM, with which a batch system takes the machine away, as Ctrl-C: a training leaves a checkpoint then.

    Also in what a script starts in the background, where Ctrl-C itself is ignored. Elsewhere than in the main thread,
    which alone may do so, nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Let Ctrl-C, and SIGTERM taken as it, take effect at the end of the block; a second one does not wait.

    Elsewhere than in the main thread, which alone gets the signals, nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers: Any = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    usual = {number: handler for number, handler in handlers.items() if callable(handler)}  # Python's, not the system's
    came = []

    def note(number: int, frame: Any) -> None:
        came.append(number)
        if len(came) > 1:
            usual[number](number, frame)

    try:
        for number in usual:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
    if came:
        usual[came[0]](came[0], None)
