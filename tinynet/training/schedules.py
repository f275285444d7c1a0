"""The two rules by which the learning rate falls: when the error stops improving, and after given epochs."""
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ArgumentError
from ..ops.checks import check_arguments, check_between, check_count
from .optimizer import Optimizer


class ReduceOnPlateau:
    """Multiply the learning rate by `factor` when the error stops improving (the paper's section 5).

    Parameters
    ----------
    optimizer : SGD or Adam
    factor : float, from 0 to 1
    patience : int
        After so many epochs in a row without a new lowest error the rate falls.
    times : int
        It falls at most so many times; three in the paper.

    Raises
    ------
    ArgumentError
        For an optimizer without a learning rate, and for a number out of its range.
    """

    def __init__(self, optimizer: Optimizer, factor: float = 0.1, patience: int = 5, times: int = 3) -> None:
        self.optimizer = check_rate("ReduceOnPlateau", optimizer)
        self.factor = check_between("ReduceOnPlateau", "factor", factor, 0, 1)
        self.patience = check_count("ReduceOnPlateau", "patience", patience)
        self.times = check_count("ReduceOnPlateau", "times", times, least=0)
        self.start = float(optimizer.learning_rate)
        self.best: float | None = None
        self.waited = 0   # epochs since the lowest error, or since the rate fell
        self.reduced = 0  # how many times it has fallen

    def rate_at_the_start(self, resume: bool) -> float:
        """Return the rate that a run begins with, or began with if it is resumed with what it has been trained with.

        A run that begins is remembered for that, since the optimizer's own rate falls.
        """
        if not (resume and self.reduced):
            self.start = float(self.optimizer.learning_rate)
        return self.start

    def step(self, validation_error: float) -> None:
        """Take note of the error after an epoch; call it once an epoch."""
        if self.best is None or validation_error < self.best:
            self.best, self.waited = float(validation_error), 0
            return
        self.waited += 1
        if self.waited >= self.patience and self.reduced < self.times:
            self.optimizer.learning_rate *= self.factor
            self.waited, self.reduced = 0, self.reduced + 1

    @property
    def settings(self) -> dict[str, Any]:
        """The constructor's numbers, fit for JSON."""
        return {"kind": "plateau", "factor": self.factor, "patience": self.patience, "times": self.times}

    def state(self) -> dict[str, Any]:
        """Return what it has seen so far, fit for JSON."""
        return {"best": self.best, "waited": self.waited, "reduced": self.reduced}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        best = state["best"]
        self.best = None if best is None else check_between("ReduceOnPlateau", "best", best, 0, float("inf"))
        self.waited = check_count("ReduceOnPlateau", "waited", state["waited"], least=0)
        self.reduced = check_count("ReduceOnPlateau", "reduced", state["reduced"], least=0)


class StepSchedule:
    """Learning rate = the initial rate * factor ** (how many of `epochs` are over).

    The authors' CIFAR-10 networks (cuda-convnet) are trained with it: the rate is divided by 10 after some epochs.

    Parameters
    ----------
    optimizer : SGD or Adam
        Its learning rate now is the initial one.
    epochs : list of int
        After how many epochs the rate is multiplied by `factor`: [8, 9] has the full rate in the first eight.
    factor : float, from 0 to 1

    Raises
    ------
    ArgumentError
        For an optimizer without a learning rate, a number out of its range, and one number in place of a list.
    """

    def __init__(self, optimizer: Optimizer, epochs: Sequence[int], factor: float = 0.1) -> None:
        self.optimizer = check_rate("StepSchedule", optimizer)
        if isinstance(epochs, str) or not hasattr(epochs, "__iter__"):
            raise ArgumentError(f"StepSchedule: epochs is {epochs!r}, expected a list of the epochs after which the "
                                "rate falls: [30] for once after 30, [30, 60, 90] for every 30")
        self.epochs = [check_count("StepSchedule", "each of epochs", epoch) for epoch in epochs]
        self.factor = check_between("StepSchedule", "factor", factor, 0, 1)
        self.start = float(optimizer.learning_rate)

    def rate_at_the_start(self, resume: bool) -> float:
        """Return the rate that a run begins with, whatever another training has left the optimizer."""
        return self.start

    def step(self, epoch: int) -> None:
        """Set the rate for what follows after `epoch` whole epochs; call it once an epoch."""
        over = sum(epoch >= end for end in self.epochs)
        self.optimizer.learning_rate = self.start * self.factor**over

    @property
    def settings(self) -> dict[str, Any]:
        """The constructor's numbers, fit for JSON."""
        return {"kind": "step", "epochs": self.epochs, "factor": self.factor}

    def state(self) -> dict[str, Any]:
        """Return the initial rate."""
        return {"start": self.start}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.start = check_between("StepSchedule", "start", state["start"], 0, float("inf"))


def check_rate(who: str, optimizer: Any) -> Optimizer:
    """Return `optimizer` if it has a learning rate; else raise ArgumentError."""
    if not hasattr(optimizer, "learning_rate"):
        raise ArgumentError(f"{who}: optimizer is a {type(optimizer).__name__}, expected an SGD or an Adam")
    return optimizer


def schedule_from(settings: dict[str, Any], optimizer: Optimizer) -> ReduceOnPlateau | StepSchedule:
    """Build the rule that a network's recipe describes, {"kind": "plateau" or "step", and its arguments}."""
    kinds = {"plateau": ReduceOnPlateau, "step": StepSchedule}
    if not isinstance(settings, Mapping) or settings.get("kind") not in list(kinds):
        raise ArgumentError(f"the recipe's schedule is {settings!r}, expected a dict with the kind, one of "
                            f"{', '.join(kinds)}, and its arguments")
    arguments = {name: value for name, value in settings.items() if name != "kind"}
    check_arguments(f"the recipe's schedule, of kind {settings['kind']!r},", arguments, kinds[settings["kind"]],
                    ["optimizer"])
    return kinds[settings["kind"]](optimizer, **arguments)
