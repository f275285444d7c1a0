"""Ctrl-C waits where stopping half-way would leave parameters and random states of different batches; and SIGTERM."""
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def end_as_interrupt() -> Iterator[None]:
    """Take SIGTERM, with which a batch system takes the machine away, as Ctrl-C: a training leaves a checkpoint then.

    Elsewhere than in the main thread, which alone may do so, nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in what a script starts in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    usual = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Let Ctrl-C take effect at the end of the block; a second one does not wait.

    Elsewhere than in the main thread, which alone gets the signal, nothing is done.
    """
    usual: Any = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield
        return
    came = []

    def note(number: int, frame: Any) -> None:
        came.append(number)
        if len(came) > 1:
            usual(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if came:
        usual(signal.SIGINT, None)
