"""Write it yourself: from an empty file to an AlexNet that learns. The steps' files, their checks, and the end.

On the command line it is `tinynet course`; in a notebook `check` says how far a step is that was written in its cells.
"""
from collections.abc import Mapping
from typing import Any

from .running import check_names
from .show import verdict_text
from .steps import find_step

__all__ = ["check"]


def check(number: int, namespace: Mapping[str, Any]) -> bool:
    """Check a step that was written in a notebook, and print what is right, what is open and what is wrong.

    Unlike `tinynet course check` it runs in this process: an endless loop has to be stopped by hand.

    Parameters
    ----------
    number : int
        Of the step.
    namespace : dict
        Where the classes and functions are: `globals()`.

    Returns
    -------
    bool
        Whether all of the step is right.

    Raises
    ------
    ArgumentError
        For a step that does not exist.

    Examples
    --------
    >>> from tinynet import course
    >>> course.check(1, globals())                                             # doctest: +SKIP
    """
    step = find_step(number)
    checked = check_names(step, namespace)
    print(f"step {step.number}, {step.title}\n{verdict_text(step, checked)}")
    return checked.right
