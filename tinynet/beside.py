"""Files written beside the old one and moved over it: whenever the program stops, one whole file is there."""
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replaced_when_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to; at the end of the block it takes the place of `path`, after an error it goes away."""
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)  # there after an error or Ctrl-C only
