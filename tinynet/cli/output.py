"""The files that commands write: refused before anything is computed if they cannot be written, and CSV."""
import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..files import printable
from ..ops.checks import check_writable


def check_place(option: str, file: str) -> None:
    """Raise ArgumentError if there is no folder for the file, none can be written there, or it is itself a folder."""
    path = Path(file)
    if path.is_dir():
        raise ArgumentError(f"{option} {file}: this is a folder, expected the name of a file")
    if not path.parent.is_dir():
        raise ArgumentError(f"{option} {file}: the folder {path.parent} does not exist")
    check_writable(f"{option} {file}", path.parent)


def check_picture(option: str, file: str, others: Sequence[str] = ()) -> None:
    """Raise ArgumentError if matplotlib is missing or cannot write such a file; `others` are further endings."""
    try:
        from ..plots.pictures import Picture
    except ImportError as error:
        raise ArgumentError(f"{option} {file}: {error}") from error
    endings = sorted([*Picture().canvas.get_supported_filetypes(), *others])
    if Path(file).suffix.lower().lstrip(".") not in endings:
        raise ArgumentError(f"{option} {file}: expected a name that ends in .{', .'.join(endings)}")


def csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows as CSV in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return printable(text.getvalue()).encode()
