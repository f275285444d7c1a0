"""Files written beside the old one and moved over it: whenever the program stops, one whole file is there."""
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def partial_of(path: Path) -> Path:
    """Return where `path` is written before it is whole: one name, so that killed runs leave one file at most."""
    return path.with_name(path.name + ".partial")


@contextmanager
def file_named(path: Path) -> Iterator[None]:
    """Put the file's name in an OSError that has none: writing, unlike opening, does not say which disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def replaced_when_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to; at the end of the block it takes the place of `path`, after an error it goes away.

    An OSError, such as that of a full disk, has the file's name in it.
    """
    partial = partial_of(path)
    try:
        with file_named(path):
            with open(partial, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)  # there after an error or Ctrl-C only
