"""Which folders of a data set have its training, validation and test images, and which of their files are left out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from ..errors import DataError

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
# In any letter case; where there are several, the first as it is written here.
TRAIN, VALIDATION, TEST = ("train", "training"), ("val", "valid", "validation"), ("test", "testing")
FROM_THE_SYSTEM = ("thumbs.db", "desktop.ini")    # left out without a word, as hidden files such as .DS_Store are
ALIKE = 0.75    # how much two names have to have in common to be taken for a slip of the pen


def find_split(root: Path, names: tuple[str, ...]) -> Path | None:
    """Return the folder in `root` that is called one of `names`, in any letter case; None where there is none.

    Raises
    ------
    DataError
        When there are several, and none of them is called as the first of `names`.
    """
    found = [folder for folder in _folders(root) if folder.name.lower() in names]
    if root / names[0] in found:
        return root / names[0]
    if len(found) > 1:
        raise DataError(f"{root} has the folders {' and '.join(folder.name for folder in found)}: expected one of them")
    return found[0] if found else None


def near_miss(root: Path, names: tuple[str, ...]) -> str:
    """Say which folder in `root` has nearly one of `names`, as the end of a message; "" where there is none."""
    for folder in _folders(root):
        name = folder.name.lower()
        if name not in TRAIN + VALIDATION + TEST and (
                name.startswith(names[0]) or get_close_matches(name, names, cutoff=ALIKE)):
            return f"; the folder {folder.name!r} is not taken for it, expected the name {' or '.join(names)}"
    return ""


def say(line: str) -> None:
    """Print a line on standard error."""
    with suppress(OSError):    # nobody reads it any more: no reason to end a training
        print(line, file=sys.stderr)


def _folders(root: Path) -> list[Path]:
    """The folders in `root`, sorted, without hidden ones."""
    if not root.is_dir():
        return []
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


class LeftOut:
    """Counts what a folder has that is not read."""

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()    # by ending
        self.nested = 0

    def keep_images(self, entries: Iterable[Path]) -> list[Path]:
        """Return the image files among the entries of a class folder, sorted; the other ones are counted."""
        images = []
        for entry in entries:
            if _is_silent(entry):
                continue
            if entry.is_dir():
                self.nested += 1
            elif entry.suffix.lower() in ENDINGS:
                images.append(entry)
            else:
                self.add_file(entry)
        return sorted(images)

    def add_file(self, file: Path) -> None:
        """Count a file, unless it is hidden or the system's own."""
        if not _is_silent(file):
            self.files[file.suffix.lower() or "no ending"] += 1

    def __str__(self) -> str:
        """How many files and folders there are; "" for none."""
        said = []
        if self.files:
            count = sum(self.files.values())
            endings = ", ".join(f"{ending} {number}" for ending, number in sorted(self.files.items()))
            said.append(f"{count} {'file' if count == 1 else 'files'} left out ({endings})")
        if self.nested:
            said.append(f"{self.nested} nested {'folder' if self.nested == 1 else 'folders'}"
                        + ("" if said else " left out"))
        return ", ".join(said)

    def report(self, folder: Path) -> None:
        """Print a line on standard error, if anything is left out of `folder`."""
        if str(self):
            say(f"folder {folder}: {self}")


def _is_silent(entry: Path) -> bool:
    """Whether an entry is left out without a word: hidden, or the system's own."""
    return entry.name.startswith(".") or entry.name.lower() in FROM_THE_SYSTEM
