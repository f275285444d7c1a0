"""What makes up an exercise."""
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import DataError
from ..files import user_path


class Case(NamedTuple):
    """One layer and one batch that a check tries.

    Attributes
    ----------
    label : str
        What is special about it.
    settings : dict
        The arguments of the constructor, for the student's layer and for tinynet's own.
    shape : tuple of int
        Of the batch.
    train : bool
    ties : bool
        Draw from few whole numbers, so that windows hold their maximum more than once.
    """

    label: str
    settings: dict[str, Any]
    shape: tuple[int, ...]
    train: bool = True
    ties: bool = False


class Mend(NamedTuple):
    """Lines of the broken file, and the right ones for them."""

    broken: str
    right: str


class Finding(NamedTuple):
    """One point of a check: what was looked at, what is wrong (empty: nothing), and the function to look at."""

    what: str
    fault: str = ""
    look: str = ""


class Exercise(NamedTuple):
    """A broken file and all that goes with it.

    Attributes
    ----------
    number : int
    name, level, title : str
    wanted : str
        The class or function that the file has to define, called as tinynet's own.
    examine : function (exercise, what the file defines, list of findings to add to) to text of `check_gradients`
    cases : tuple of Case
    hints : tuple of str
        Each says more than the one before.
    mends : tuple of Mend
    why : str
        A paragraph that explains the right lines.
    bug : str
        The planted bug (tinynet.gradcheck.planted) that makes the same mistake in the same layer; empty for none.
    """

    number: int
    name: str
    level: str
    title: str
    wanted: str
    examine: Callable[["Exercise", Any, list[Finding]], str]
    cases: tuple[Case, ...]
    hints: tuple[str, ...]
    mends: tuple[Mend, ...]
    why: str
    bug: str = ""

    @property
    def file_name(self) -> str:
        return f"exercise_{self.number:02d}_{self.name}.py"

    @property
    def broken(self) -> str:
        """The text of the broken file."""
        return (resources.files(f"{__package__}.broken") / self.file_name).read_text(encoding="utf-8")

    def write(self, folder: Path) -> Path:
        """Write the broken file into `folder`, made if need be; DataError if it exists or cannot be written."""
        folder = user_path(folder)
        path = folder / self.file_name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{folder} cannot be made a folder for the exercise: {error.strerror}; "
                            "choose another with --to") from error
        try:
            with open(path, "x", encoding="utf-8") as file:
                try:
                    file.write(self.broken)
                    file.flush()
                except OSError:
                    path.unlink(missing_ok=True)  # a part of it would be taken for somebody's work
                    raise
        except FileExistsError as error:
            raise DataError(f"{path} exists already and may contain your work: move it, "
                            "or choose another folder with --to") from error
        except OSError as error:
            raise DataError(f"{path} cannot be written: {error.strerror}; choose another folder with --to") from error
        return path

    @property
    def solved(self) -> str:
        """The text of the file with the mends in it."""
        text = self.broken
        for mend in self.mends:
            text = text.replace(mend.broken, mend.right)
        return text
