"""The folder of a training run: settings, metrics, log, checkpoints, learning curve."""
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .beside import replaced_when_whole
from .errors import ArgumentError
from .history import History

FILES = ("last.npz", "best.npz", "settings.json", "metrics.csv", "log.txt", "curve.png")
CURVE_SECONDS = 20.0  # the curve is drawn again at most so often, and at the end


class RunFolder:
    """The files of one run.

    Parameters
    ----------
    path : path-like
        Made if it is not there.
    resume : bool
        True: there is a run to go on with. False: there must be none.
    say : function of a string
        Tells the user what is left out.

    Raises
    ------
    ArgumentError
        When there is a run and `resume` is False, or none and it is True, or the folder cannot be made.
    """

    def __init__(self, path: str | os.PathLike, resume: bool, say: Callable[[str], None] = print) -> None:
        self.path = Path(path)
        self.last, self.best = self.path / "last.npz", self.path / "best.npz"
        self.say = say
        self.next_curve = 0.0
        self.has_matplotlib = True  # until it turns out that it is missing
        if resume and not self.last.exists():
            raise ArgumentError(f"{self.path} has no last.npz: there is no run to resume")
        if not resume and self.last.exists():
            raise ArgumentError(f"{self.path} already has a run (last.npz): resume it, or take another folder")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentError(f"{self.path} cannot be made a run folder: {error.strerror}") from error

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Write settings.json, for people; a run is resumed from what its checkpoint says."""
        with replaced_when_whole(self.path / "settings.json") as file:
            file.write(f"{json.dumps(settings, indent=2)}\n".encode())

    def write_metrics(self, history: History) -> None:
        """Write metrics.csv, all of it anew."""
        with replaced_when_whole(self.path / "metrics.csv") as file:
            file.write(history.csv().encode())

    def log(self, text: str) -> None:
        """Add a line to log.txt."""
        with open(self.path / "log.txt", "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")

    def draw_curve(self, history: History, now: bool = False) -> None:
        """Draw curve.png if it was long ago, or `now`; without matplotlib, say once that it is left out."""
        if not history or not self.has_matplotlib or (not now and time.monotonic() < self.next_curve):
            return
        self.next_curve = time.monotonic() + CURVE_SECONDS
        try:
            picture = history.plot()
        except ImportError as error:
            self.say(f"curve.png is left out: {error}")
            self.has_matplotlib = False
            return
        with replaced_when_whole(self.path / "curve.png") as file:
            picture.savefig(file, format="png")


def first_difference(saved: Any, given: Any, name: str = "") -> str | None:
    """Return the first setting in which two nested dicts differ, with both values, or None."""
    if isinstance(saved, dict) and isinstance(given, dict):
        both = [key for key in saved if key in given]
        found = (first_difference(saved[key], given[key], f"{name}.{key}".lstrip(".")) for key in both)
        first = next((text for text in found if text is not None), None)
        if first is None and list(saved) != list(given):
            first = f"{name} has {', '.join(given)} and had {', '.join(saved)} when the run began"
        return first
    return None if saved == given else f"{name} is {given!r} and was {saved!r} when the run began"
