"""The points of each step: a file that a teacher may change."""
import tomllib
from pathlib import Path

from ..errors import ArgumentError, DataError
from ..files import user_path
from .steps import STEPS, find_step

USUAL = {step.number: float(len(step.parts) + (1 if step.uses else 0)) for step in STEPS} | {
    7: 5.0, 8: 4.0, 9: 4.0, 11: 4.0, 13: 5.0, 16: 6.0}

HEAD = """# Points of the steps of `tinynet course`, for `tinynet course grade --points FILE`.
# A step that is not listed is not checked. A step is right or it is not: there are no points for half of one.

[points]
"""


def points_text() -> str:
    """Return the file with the usual points."""
    width = max(len(f"{step.number} = {USUAL[step.number]:g}") for step in STEPS)
    lines = [f"{f'{step.number} = {USUAL[step.number]:g}':<{width}}  # {step.title}" for step in STEPS]
    return HEAD + "\n".join(lines) + "\n"


def write_points(file: str | Path) -> Path:
    """Write the file with the usual points; ArgumentError where there is one already."""
    path = user_path(file)
    try:
        with open(path, "x", encoding="utf-8") as new:
            new.write(points_text())
    except FileExistsError as error:
        raise ArgumentError(f"--write-points {path}: the file exists already: choose another name") from error
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
    return path


def read_points(file: str | Path) -> dict[int, float]:
    """Return the points by step.

    Raises
    ------
    DataError
        When the file cannot be read, or has something else than numbers of steps and points.
    """
    path = user_path(file)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a file of points: {error}; --write-points writes one") from error
    found = content.get("points")
    if not isinstance(found, dict) or not found:
        raise DataError(f"{path} has no points: expected a line [points] and below it lines such as 1 = 3; "
                        "--write-points writes such a file")
    points: dict[int, float] = {}
    for name, value in found.items():
        if not name.isdecimal():
            raise DataError(f"{path}: {name!r} is no number of a step")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise DataError(f"{path}: step {name} has {value!r} points, expected a number from 0 up")
        try:
            points[find_step(int(name)).number] = float(value)
        except ArgumentError as error:
            raise DataError(f"{path}: {error}") from error
    return dict(sorted(points.items()))
