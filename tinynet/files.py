"""Users' paths and names, atomic writes, and locks of folders.

A file is written under another name and then replaces the old one: whenever the program stops, one whole file is there.
A lock keeps two processes out of one folder.
"""
import errno
import os
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

WINDOWS = os.name == "nt"
PATIENCE = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds to wait for a file that another program has open on Windows


def with_home(path: str) -> str:
    """Return a path as a user writes it with the home folder for a ~ in front; a shell leaves that of `--run=~/x`.

    Raises
    ------
    FileNotFoundError
        When it is not known where the home folder is.
    """
    found = os.path.expanduser(path)
    if found == path and (path == "~" or path.startswith(("~/", f"~{os.sep}"))):
        raise FileNotFoundError(errno.ENOENT, "it is not known where the home folder ~ is", path)
    return found


def user_path(path: str | bytes | os.PathLike) -> Path:
    """Return a path that a user gave, a ~ in front of it replaced by the home folder; every public function does so."""
    found = Path(with_home(os.fsdecode(path)))
    # What is left, from "./~/x", is a folder's own name: absolute, so that no other function replaces it.
    return found.absolute() if found.parts and found.parts[0].startswith("~") else found


def quoted(path: str | os.PathLike) -> str:
    """Return a path as a command line needs it: in quotes where it has spaces or signs that a shell would read."""
    text = os.fspath(path)
    return text if re.fullmatch(r"[\w@%+=:,./\\~-]+", text) else shlex.quote(text)


def printable(name: str) -> str:
    """Return a name as text that UTF-8 can hold: a byte of a file's name that is not UTF-8 becomes \\x and a number.

    Halves of a pair of surrogates, which have no other meaning, become \\u and a number.
    """
    def escape(letter: re.Match[str]) -> str:
        number = ord(letter[0])
        return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04x}"

    return re.sub("[\ud800-\udfff]", escape, name)


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
            replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)  # exists only after an error or Ctrl-C


def replace(new: Path, old: Path) -> None:
    """Put a file in another one's place; on Windows a virus scanner may hold that one open for a moment."""
    for seconds in PATIENCE if WINDOWS else ():
        try:
            return os.replace(new, old)
        except PermissionError:
            time.sleep(seconds)
    os.replace(new, old)


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
