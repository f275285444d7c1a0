"""The loop of a training: batch by batch, epoch by epoch, with checkpoints that it can go on from."""
import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, NoReturn

import numpy as np

from ..data import FloatImages, Loader
from ..data.bad_files import BadFiles
from ..distributed.shared_loader import loader_for
from ..distributed.team import AllStopped, Team
from ..errors import NotFiniteError
from ..network import Network
from ..network.params import library_of
from ..ops.arrays import Array
from ..ops.checks import check_between, check_count
from ..ops.processes import batch_sum, gather, images_of_all, sharing
from .checkpoint import generator_states, save_checkpoint
from .evaluation import count_errors, measure
from .gpu_memory import explain_out_of_memory
from .history import History, line
from .interrupt import hold_interrupts
from .not_finite import IMAGES, not_finite_in, why_not_finite
from .optimizer import Optimizer
from .progress import ProgressBar
from .run_folder import RunFolder
from .schedules import ReduceOnPlateau, StepSchedule
from .step import training_step


@dataclasses.dataclass
class Position:
    """How far a training has come: whole epochs, batches of the epoch under way, and that epoch's sums."""

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0            # sum over the images of the epoch so far
    errors: float = 0.0          # how many of them were wrong
    images: int = 0
    epoch_seconds: float = 0.0   # of training alone
    seconds: float = 0.0         # of everything since the start of the run
    best: float | None = None    # lowest validation error (without a validation set: training error)

    def __post_init__(self) -> None:
        for name in ("epoch", "batch", "images"):
            check_count("Position", name, getattr(self, name), least=0)
        for name in ("loss", "errors", "epoch_seconds", "seconds"):
            check_between("Position", name, getattr(self, name), 0, math.inf, infinite=True)
        if self.best is not None:
            check_between("Position", "best", self.best, 0, math.inf, infinite=True)


class Training:
    """One run of training; `fit` puts it together and says what the parts are.

    Attributes
    ----------
    position : Position
    history : History
    frozen_with : Network or None
        The network whose last layers `net` is, where its first ones are frozen: what checkpoints then have.
    between_batches : bool
        Whether parameters, what the optimizer keeps, masks, `position` and best.npz belong together: only then
        last.npz is right.
    """

    def __init__(
        self, net: Network, loader: Loader, validation: Any, optimizer: Optimizer,
        schedule: ReduceOnPlateau | StepSchedule | None, epochs: int, until: float | None,
        settings: Mapping[str, Any], folder: RunFolder | None, checkpoint_seconds: float, show: bool,
        position: Position, history: History, team: Team,
        after_epoch: Callable[[Network, int], None] | None = None, frozen_with: Network | None = None,
    ) -> None:
        self.team, self.frozen_with = team, frozen_with
        self.net, self.loader, self.validation = net, loader, validation
        self.optimizer, self.schedule, self.epochs, self.until = optimizer, schedule, epochs, until
        self.settings, self.folder, self.checkpoint_seconds = settings, folder, checkpoint_seconds
        self.position, self.history, self.after_epoch = position, history, after_epoch
        self.between_batches = True
        self.named: dict[BadFiles, int] = {}  # how many of a data set's unreadable files are in log.txt
        # Images out of bytes get the network's dtype; a user's own floats are taken as they are.
        self.dtype = None if isinstance(loader.dataset, FloatImages) else net.dtype
        images = len(loader.dataset)
        self.bar = ProgressBar(images * epochs, images * self.position.epoch + self.position.images, show)
        self.clock = self.saved_at = time.perf_counter()

    def run(self) -> History:
        """Train until the last epoch is over, or one with a training error that is low enough."""
        try:
            if self.folder is not None:
                self.folder.write_metrics(self.history)  # which a run that was killed may not have come to
            if isinstance(self.schedule, StepSchedule):
                self.schedule.step(self.position.epoch)  # the optimizer may come from another training
            if not self.history and not self.position.images:
                self.look(0)
                self.check_finite()
                self.save()  # the initial parameters
            while self.position.epoch < self.epochs and not self.reached():
                self.train_epoch()
                self.finish_epoch()
        except KeyboardInterrupt as stop:
            # Inside a batch the numbers are of two batches: then the last checkpoint is the one to go on from.
            agreed = self.team.size == 1 or isinstance(stop, AllStopped)
            # Asked of all: each tower has parameters of its own, and it takes both of them to save.
            if agreed and self.between_batches and all(self.team.from_all(not_finite_in(self.net) is None)):
                with hold_interrupts():
                    self.save()
            raise
        finally:
            self.bar.close()
            if self.folder is not None:
                self.folder.draw_curve(self.history, now=True)
        return self.history

    def look(self, epoch: int) -> None:
        """Let `after_epoch` see the whole network."""
        if self.after_epoch is not None:
            net, _ = self.team.whole(self.net, self.optimizer)
            self.after_epoch(net if self.frozen_with is None else self.frozen_with, epoch)

    def reached(self) -> bool:
        """Whether the last epoch's training error is one to stop at; an epoch under way is finished first."""
        if self.until is None or not self.history or self.position.batch:
            return False
        return self.history[-1]["train_error"] <= self.until

    def train_epoch(self) -> None:
        """Train on the batches of the epoch that are still to do."""
        at = self.position
        self.tick()
        with closing(self.loader.batches(at.epoch, at.batch)) as batches:
            for images, labels in batches:
                if not len(labels):  # none of the batch's files can be read
                    at.batch += 1
                    continue
                with hold_interrupts():
                    self.between_batches = False
                    loss, errors = self.train_batch(images, labels)
                    count = images_of_all(len(labels))
                    at.batch += 1
                    at.loss += loss * count
                    at.errors += errors
                    at.images += count
                    at.epoch_seconds += self.tick()
                    self.between_batches = True
                self.bar.update(count, f"epoch {at.epoch + 1}/{self.epochs}", at.loss / at.images,
                                at.errors / at.images)
                # The first process decides: each would have another time.
                if self.team.from_first(time.perf_counter() - self.saved_at >= self.checkpoint_seconds):
                    self.check_finite()
                    self.save()
                    self.tick()

    def given(self, images: np.ndarray) -> Array:
        """Return a batch where the network is, NumPy or CuPy, and in its dtype."""
        return library_of(self.net).asarray(images, dtype=self.dtype)

    def train_batch(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """Take a step; return the mean loss and the number of wrong images, of the whole batch."""
        rehearse = (lambda n: self.rehearse(images[:n], labels[:n])) if self.team.can_repeat else None
        with explain_out_of_memory(len(labels), rehearse):
            return self.attempt(images, labels)

    def attempt(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """Do what `train_batch` does, in a frame of its own: after an error its arrays can be let go.

        On a GPU it copies there the images, their labels (for the loss and for the errors) and dropout's masks, and
        back the loss, whether the gradients are finite, and the number of errors.
        """
        net, x = self.net, self.given(images)
        states = generator_states(net)
        try:
            loss, scores = training_step(net, x, labels, self.optimizer)
        except NotFiniteError:
            self.stop_not_finite(x, labels, states)
        if not math.isfinite(loss):  # and all gradients are
            self.stop_not_finite(x, labels, states)
        return loss, float(batch_sum(count_errors(scores, library_of(net).asarray(labels), 1)))

    def rehearse(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Take the memory that a step takes, and leave the parameters as they are."""
        self.optimizer.prepare()
        with sharing(None):  # other processes know nothing of it
            training_step(self.net, self.given(images), labels, _NoUpdate())

    def finish_epoch(self) -> None:
        """Validate, add a row to the history, let the rate fall where it is time, save."""
        self.check_finite()
        at = self.position
        row: dict[str, Any] = {
            "epoch": at.epoch + 1, "learning_rate": self.optimizer.learning_rate,
            "train_loss": at.loss / at.images, "train_error": at.errors / at.images,
            "validation_loss": None, "validation_error": None,
            "images_per_second": at.images / max(at.epoch_seconds, 1e-9),
        }
        if self.validation is not None:
            try:
                found = measure(self.net, self.validation, self.loader.batch_size, False,
                                loader=loader_for(self.team))
            except NotFiniteError as problem:
                self.stop(f"on the validation set {problem}")
            row |= {"validation_loss": found.loss, "validation_error": found.top1_error}
        error = row["train_error"] if row["validation_error"] is None else row["validation_error"]
        self.look(at.epoch + 1)
        with hold_interrupts():
            self.between_batches = False  # a second Ctrl-C does not wait: no last.npz whose best best.npz does not have
            self.tick()
            self.history.append(row | {"seconds": at.seconds})
            if isinstance(self.schedule, ReduceOnPlateau):
                self.schedule.step(error)
            elif self.schedule is not None:
                self.schedule.step(at.epoch + 1)
            better = at.best is None or error < at.best
            self.position = Position(at.epoch + 1, seconds=at.seconds, best=error if better else at.best)
            self.save(better)
            self.between_batches = True
            text = line(self.history[-1], self.epochs)
            if self.folder is not None:
                for each in (*self.bad_files(), text):
                    self.folder.log(each)
                self.folder.write_metrics(self.history)
                self.folder.draw_curve(self.history)
        self.bar.say(text)

    def bad_files(self) -> list[str]:
        """Return a line for each file that could not be read since the last call, and how many there are."""
        lines: list[str] = []
        for data in (self.loader.dataset, self.validation):
            bad: BadFiles | None = getattr(getattr(data, "source", data), "bad_files", None)
            problems = [] if bad is None else list(bad.problems.values())[self.named.get(bad, 0):]
            if bad is not None and problems:
                self.named[bad] = len(bad.problems)
                lines += [*(f"left out: {problem}" for problem in problems), bad.summary()]
        return lines

    def check_finite(self) -> None:
        """End the run where a parameter or a running statistic is not finite."""
        ruined = not_finite_in(self.net)
        if ruined is not None:
            self.stop(f"{ruined} has numbers that are not finite")

    def save(self, best: bool = False) -> None:
        """Write last.npz, and best.npz before it, if there is a run folder; `check_finite` comes before."""
        net, optimizer = self.team.whole(self.net, self.optimizer)
        if self.folder is None:
            return
        net = net if self.frozen_with is None else self.frozen_with
        self.tick()
        progress = {
            "position": dataclasses.asdict(self.position), "history": list(self.history), "settings": self.settings,
        }
        if best:
            save_checkpoint(self.folder.best, net, progress=progress)
        save_checkpoint(self.folder.last, net, optimizer, self.schedule, progress)
        self.saved_at = time.perf_counter()

    def stop_not_finite(self, images: Array, labels: np.ndarray, states: Mapping[str, Any]) -> NoReturn:
        """Say where in the step of a batch the first numbers are that are not finite."""
        if not self.team.can_repeat:
            self.stop("the loss, or a gradient in one of the towers, is not finite")
        images, labels = gather(images), gather(labels)
        with sharing(None):  # each process goes through all of it
            self.stop(why_not_finite(self.net, images, labels, states))

    def stop(self, reason: str) -> NoReturn:
        """Raise NotFiniteError; the checkpoint from before stays."""
        at = self.position
        last = None if self.folder is None else self.folder.last
        kept = f"; {last} was saved before that" if last is not None and last.exists() else ""
        advice = "" if reason.endswith(IMAGES) else (
            f". The learning rate was {self.optimizer.learning_rate:g}: a lower one, or another initialization, "
            "may help")
        raise NotFiniteError(
            f"training stopped in epoch {at.epoch + 1} after {at.batch} batches: {reason}{advice}{kept}")

    def tick(self) -> float:
        """Add the time since the last call to the run's seconds, and return it."""
        now = time.perf_counter()
        passed, self.clock = now - self.clock, now
        self.position.seconds += passed
        return passed


class _NoUpdate:
    """Stands in for an optimizer in a rehearsal."""

    def step(self, grads: dict[str, Any]) -> None:
        """Change nothing."""
