"""What makes up a step of the course, and the text of its file, with the solution and without."""
import re
from collections.abc import Callable, Iterable
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

MARK = "# solution"  # what follows it in a function of files/ is the student's to write
TO_WRITE = 'raise NotImplementedError("to be written")'

COLUMNS = ("numbers", "gradients", "contract")


class Point(NamedTuple):
    """One point of a check.

    Attributes
    ----------
    column : str
        One of COLUMNS: numbers beside tinynet's, gradients beside finite differences, the rules of a layer.
    what : str
        What was looked at: "Tanh, 5 rows of 7".
    fault : str
        What is wrong; empty for nothing.
    """

    column: str
    what: str
    fault: str = ""


Examine = Callable[[Any, np.random.Generator], Iterable[Point]]


class Part(NamedTuple):
    """A class or function that a step asks for.

    Attributes
    ----------
    name : str
    examine : function of what the student defined and a generator that draws shapes and numbers, yielding points
    """

    name: str
    examine: Examine


class Step(NamedTuple):
    """A file of the course and all that goes with it.

    Attributes
    ----------
    number : int
    name : str
        In the name of the file.
    title : str
    parts : tuple of Part
    uses : tuple of int
        Numbers of the steps whose files this one imports, directly or through others.
    hints : tuple of str
        Each says more than the one before.
    """

    number: int
    name: str
    title: str
    parts: tuple[Part, ...]
    hints: tuple[str, ...]
    uses: tuple[int, ...] = ()

    @property
    def module(self) -> str:
        """What the file is imported as."""
        return f"step_{self.number:02d}_{self.name}"

    @property
    def file_name(self) -> str:
        return f"{self.module}.py"

    @property
    def code(self) -> str:
        """What the file is called in tracebacks."""
        return f"<{self.module}>"

    @property
    def solution(self) -> str:
        """The text of the file with the solution in it."""
        return re.sub(rf"\n *{MARK}\n", "\n", self.marked())

    @property
    def handed_out(self) -> str:
        """The text of the file as a student gets it."""
        lines: list[str] = []
        leaving_out = -1  # the indentation of the body that is left out; -1 outside of one
        for line in self.marked().split("\n"):
            indentation = len(line) - len(line.lstrip())
            if line.strip() == MARK:
                leaving_out = indentation
                lines += [" " * indentation + TO_WRITE]
            elif leaving_out >= 0 and (line.strip() == "" or indentation >= leaving_out):
                blank = line.strip() == ""
                lines += [line] if blank else []
            else:
                leaving_out = -1
                lines.append(line)
        return "\n".join(lines)

    def marked(self) -> str:
        """The text in files/, with marks where the solution begins."""
        return (resources.files(__package__) / "files" / self.file_name).read_text(encoding="utf-8")
