"""Locks between processes: a folder that one of them works in."""
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path, name: str = "lock") -> Iterator[bool]:
    """Give True while no other process, nor another call, has this lock; a process that dies gives it up.

    The folder is made if it is not there; the lock's file stays in it. Where there are no such locks (Windows, some
    network drives) it is always True: do not start the same thing twice there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "w", encoding="utf-8") as file:
        ours = True
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            ours = False
        except (ImportError, OSError):  # Windows, a drive without locks
            pass
        yield ours
