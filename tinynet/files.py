"""Atomic writes, and locks of folders.

A file is written under another name and then replaces the old one: whenever the program stops, one whole file is there.
A lock keeps two processes out of one folder.
"""
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def partial_path(path: Path) -> Path:
    """Return where `path` is written before it is whole: one name, so that killed runs leave one file at most."""
    return path.with_name(path.name + ".partial")


@contextmanager
def name_in_errors(path: Path) -> Iterator[None]:
    """Put the file's name in an OSError that has none: writing, unlike opening, does not say which disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write to; at the end of the block it replaces `path`, after an error it is removed.

    An OSError, such as that of a full disk, has the file's name in it.
    """
    partial = partial_path(path)
    try:
        with name_in_errors(path):
            with open(partial, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)  # exists only after an error or Ctrl-C


@contextmanager
def locked(folder: Path, name: str = "lock") -> Iterator[bool]:
    """Yield True if no other process, nor another call, has this lock; a process that dies releases it.

    The folder is made if it does not exist; the lock's file stays in it. Without support for locks (Windows, some
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
