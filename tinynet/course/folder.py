"""The student's folder: it is made once, and nothing in it is ever overwritten."""
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError
from ..files import user_path
from .step import Step
from .steps import STEPS, uses_text

NAME = "tinynet-course"  # of the folder, where none is named
LARGEST = 1_000_000  # bytes of a student's file; the longest solution has 6,000

README = """Write it yourself: from an empty file to an AlexNet that learns
================================================================

{count} short files, in reading order. Each begins with the formula and the shapes; you write the bodies of the
functions, in plain NumPy.

{steps}

Typed into a terminal, in this folder:

tinynet course check              how far you are: a table of all steps
tinynet course check 1            one step: what is right, and what kind of mistake is left
tinynet course check 1 --hint     what to look at; --hint 2 says more, --solution shows one right way

The steps need not be done in order. Where a step uses an earlier one that is not right yet, the check takes tinynet's
for it, and says so. A file may import NumPy, Python's own modules and every earlier step, and no other file of yours.
At the end:

tinynet course train              trains your AlexNet on drawn shapes, with tinynet's files for steps not right yet
tinynet course trace              shows where each number in your network came from, in the browser

Images are (N, H, W, C): N images, H rows, W columns, C channels. Letters in the files:

N images   H W C height, width, channels of the input   OH OW F height, width, channels (filters) of the output
K height and width of a window   G groups   x input   y output   w weights   b biases
dx, dy, dw, db   the gradients: how much the loss changes with each number of x, y, w, b
n which image   i, j row and column in the output (which window)   u, v row and column in the window
c which channel   f which filter

The check measures a gradient by changing one number a little in both directions and looking how the loss changes.
"your backward says -3.78, measured +0.14" are what your backward returned and what was measured so. In the table,
"numbers" are outputs beside tinynet's, "gradients" those of backward, and "contract" is the rules at the top of step 1:
nothing that was given is written into, nothing is kept between calls, float32 stays float32.
"""


class Written(NamedTuple):
    """What `make` did: the files that it wrote, and those that were there already."""

    folder: Path
    new: list[str]
    kept: list[str]


def make(folder: str | Path = NAME) -> Written:
    """Write the files of all steps into `folder`, made if need be; files that are there stay as they are.

    Raises
    ------
    DataError
        When the folder or a file cannot be written.
    """
    path = user_path(folder)
    new, kept = [], []
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name, text in {"README.txt": readme(), **{step.file_name: step.handed_out for step in STEPS}}.items():
            try:
                with open(path / name, "x", encoding="utf-8") as file:
                    file.write(text)
                new.append(name)
            except FileExistsError:
                kept.append(name)
    except OSError as error:
        raise DataError(f"{path} cannot be made a folder for the course: {error.strerror}; choose another with --to"
                        ) from error
    return Written(path, new, kept)


def readme() -> str:
    """Return the text of README.txt."""
    steps = "\n".join(f"{step.file_name:<29}{step.title:<42}{uses_text(step)}".rstrip() for step in STEPS)
    return README.format(count=len(STEPS), steps=steps)


def check_folder(folder: str | Path) -> Path:
    """Return the path of a student's folder; DataError where there is none, or no file of the course in it."""
    path = user_path(folder)
    if str(path) == NAME and not path.exists() and (Path() / STEPS[0].file_name).is_file():
        path = Path()  # the student is in it
    if not path.is_dir():
        raise DataError(f"there is no folder {path}; `tinynet course` makes one, and --folder names another")
    if not any((path / step.file_name).is_file() for step in STEPS):
        raise DataError(f"{path} has none of the course's files, such as {STEPS[0].file_name}; `tinynet course` makes "
                        "a folder with them, and --folder names it")
    return path


def source_of(folder: Path, step: Step) -> bytes | None:
    """Return the student's file; None where it is missing, or still as it was handed out.

    Raises
    ------
    DataError
        When it cannot be read, or is nothing to be read: a folder, a pipe, a device, or larger than LARGEST.
    """
    path = folder / step.file_name
    try:
        if not path.is_file():  # to read a pipe, or a link to a device, would never end
            if path.exists():
                raise DataError(f"{path} is no file")
            return None
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes, expected a file of at most {LARGEST:,}")
        source = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    text = source.decode("utf-8", errors="replace").replace("\r\n", "\n")
    return None if text.strip() == step.handed_out.strip() else source
