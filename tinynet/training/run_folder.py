"""The folder of a training run: settings, metrics, log, checkpoints, learning curve."""
import gc
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import ArgumentError, CheckpointError
from ..files import atomic_write, locked, name_in_errors, partial_path, user_path
from ..ops.checks import check_path
from .checkpoint import load_training_state
from .history import History

FILES = ("last.npz", "best.npz", "settings.json", "metrics.csv", "log.txt", "curve.png")
LOCK = "run.lock"
WHEN_IT_BEGAN = "is {given!r} and was {saved!r} when the run began"
CURVE_SECONDS = 20.0  # the curve is drawn after so long, again at most so often, and at the end


class RunFolder:
    """The files of one run.

    Parameters
    ----------
    path : path-like
        Created if it does not exist.
    resume : bool
        True: there is a run to go on with. False: there must be none.
    say : function of a string
        Tells the user what is left out.

    Raises
    ------
    ArgumentError
        When there is a run that has taken a step, or files of another program with the names of a run's, and `resume`
        is False; when there is no run and it is True; or when the folder cannot be made.
    """

    def __init__(self, path: str | os.PathLike, resume: bool, say: Callable[[str], None] = print) -> None:
        self.path = user_path(check_path("fit", path, "run"))
        self.last, self.best = self.path / "last.npz", self.path / "best.npz"
        self.say = say
        self.next_curve = time.monotonic() + CURVE_SECONDS
        self.can_draw = True  # until a drawing fails: matplotlib is missing, or the disk full
        self.resume = resume
        try:
            self.check()
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentError(f"{self.path} cannot be made a run folder: {error.strerror}") from error

    def check(self) -> None:
        """Raise ArgumentError unless there is a run where one is resumed, and none where one begins."""
        if self.resume and not self.last.exists():
            raise ArgumentError(f"{self.path} has no last.npz: there is no run to resume")
        if self.resume:
            return
        there = [name for name in FILES if (self.path / name).exists()]
        untrained = self.last.name in there and self.untrained()
        if self.last.name in there and not untrained:
            raise ArgumentError(f"{self.path} already has a run (last.npz): resume it, or choose another folder")
        # A run that was killed before its first checkpoint may have left other files; it was here if its lock is.
        if self.best.name in there or (there and not untrained and not (self.path / LOCK).exists()):
            name = self.best.name if self.best.name in there else there[0]
            raise ArgumentError(f"{self.path} has a file {name}, which this run would replace: choose another "
                                "folder or remove it")

    def untrained(self) -> bool:
        """Tell whether last.npz has the initial parameters of a run that took no step, so that nothing is lost."""
        try:
            position = self.training_state()["progress"]["position"]
            return position["epoch"] == position["batch"] == 0
        except (CheckpointError, KeyError, TypeError):
            return False

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep other runs out of the folder, and take away what a killed one was writing.

        Raises
        ------
        ArgumentError
            When another process, or another `fit` of this one, is at work in the folder.
        """
        with locked(self.path, LOCK) as ours:
            if not ours:
                raise ArgumentError(f"{self.path} is in use by another run: wait until it ends, or choose another "
                                    "folder")
            self.check()  # another run may have begun, and ended, since this folder was made
            for name in FILES:
                partial_path(self.path / name).unlink(missing_ok=True)
            yield

    def training_state(self) -> dict[str, Any]:
        """Return where the run stopped; CheckpointError where last.npz is not the checkpoint of a training."""
        state = load_training_state(self.last)
        if state["optimizer"] is None or state["progress"] is None:
            raise CheckpointError(f"{self.last} has only a network, expected a training run to resume")
        if not isinstance(state["progress"], dict) or not isinstance(state["progress"].get("settings"), dict):
            raise CheckpointError(f"{self.last} does not have the settings of a training run")
        return state

    def has_best(self, best: float | None, settings: Mapping[str, Any]) -> bool:
        """Tell whether best.npz is there, for a run to resume whose lowest error so far is `best`; say if it is gone.

        Raises
        ------
        ArgumentError
            When the file is another run's, or damaged; it may be the only one of its kind.
        """
        if not self.best.exists():
            if best is not None:
                text = f"{self.best} does not exist: the best epoch from here on will take its place"
                self.say(text)
                self.log(text)
            return False
        try:
            found = load_training_state(self.best)["progress"]
            # A run that was killed after best.npz and before last.npz has a better one than it knows of.
            same = run_difference(found["settings"], settings) is None
            ours = same and (best is None or found["position"]["best"] <= best)
        except (CheckpointError, KeyError, TypeError):
            ours = False
        if not ours:
            raise ArgumentError(f"{self.best} is damaged, or not from the run to resume: move it elsewhere, and the "
                                "best epoch from here on will take its place")
        return True

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Write settings.json, for people; a run is resumed from what its checkpoint says."""
        with atomic_write(self.path / "settings.json") as file:
            file.write(f"{json.dumps(settings, indent=2)}\n".encode())

    def write_metrics(self, history: History) -> None:
        """Write metrics.csv, all of it anew."""
        with atomic_write(self.path / "metrics.csv") as file:
            file.write(history.csv().encode())

    def log(self, text: str) -> None:
        """Add a line to log.txt."""
        path = self.path / "log.txt"
        # The name of a file in the text may be no text.
        with name_in_errors(path), open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")

    def draw_curve(self, history: History, now: bool = False) -> None:
        """Draw curve.png if it was long ago, or `now`; where that fails, say and log once that it is left out.

        A run does not end for want of a picture.
        """
        if not history or not self.can_draw or (not now and time.monotonic() < self.next_curve):
            return
        self.next_curve = time.monotonic() + CURVE_SECONDS
        try:
            picture = history.plot()
            picture.savefig(self.path / "curve.png")
            # A drawing's parts hold each other: what is left of it stays, up to 33 MB in all, until Python collects.
            del picture
            gc.collect()
        except Exception as error:  # of any kind: a drawing at the end would take the place of the run's own error
            self.can_draw = False
            text = f"curve.png is left out: {str(error) or type(error).__name__}"
            self.say(text)
            with suppress(OSError):  # as above; the disk may be full
                self.log(text)


def run_difference(saved: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """Return the first of a run's settings that is another one than its checkpoint says, or None."""
    known = {"freeze": None, **saved}
    known.setdefault("recipe", settings["recipe"])  # older runs do not say it
    return first_difference(known, {"freeze": None, **settings})


def first_difference(saved: Any, given: Any, name: str = "", words: str = WHEN_IT_BEGAN) -> str | None:
    """Return the first setting in which two nested dicts differ, with both values in these words, or None."""
    if isinstance(saved, dict) and isinstance(given, dict):
        both = [key for key in saved if key in given]
        found = (first_difference(saved[key], given[key], f"{name}.{key}".lstrip("."), words) for key in both)
        first = next((text for text in found if text is not None), None)
        ordered = list if name.endswith("layers") else set  # of a decay for each layer the order says nothing
        if first is None and ordered(saved) != ordered(given):
            first = f"{name} {words.format(given=', '.join(given), saved=', '.join(saved))}"
        return first
    return None if saved == given else f"{name} {words.format(given=given, saved=saved)}"
