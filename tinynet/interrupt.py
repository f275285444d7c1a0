"""Ctrl-C waits where stopping half-way would leave parameters and random states of different batches."""
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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
