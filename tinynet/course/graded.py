"""What `tinynet course grade` found of one student."""
from typing import NamedTuple

from .check import Outcome


class Grade(NamedTuple):
    """One student.

    Attributes
    ----------
    name : str
        Of the folder.
    outcomes : list of Outcome
        Of the steps that give points, in their order; empty where the folder could not be used.
    points : dict of int to float
        What each step gives when it is right.
    notes : list of str
        What a teacher should look at: files of tinynet, other libraries, time-outs; why the folder could not be used.
    """

    name: str
    outcomes: list[Outcome]
    points: dict[int, float]
    notes: list[str]

    def earned(self, outcome: Outcome) -> float:
        return self.points[outcome.step.number] if outcome.right else 0.0

    @property
    def total(self) -> float:
        return sum(map(self.earned, self.outcomes))

    @property
    def most(self) -> float:
        return sum(self.points.values())


def verdict(outcome: Outcome) -> str:
    """Return "right", "wrong", "missing", "timed out" or "tinynet's"."""
    if outcome.checked is None:
        return "missing"
    if outcome.right:
        return "right"
    if any("did not finish within" in point.fault for point in outcome.checked.points):
        return "timed out"
    return "tinynet's" if outcome.checked.borrowed else "wrong"
