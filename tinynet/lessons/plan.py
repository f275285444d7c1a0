"""The parts of a lesson: arms, a budget, and the plan in which all choices are made."""
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import ImageFolder, draw_shapes, load_data
from ..errors import ArgumentError, DataError
from ..layer import check_between, check_count
from ..models import make_model
from ..network import Network
from .job import Job
from .jobs import run_jobs

if TYPE_CHECKING:
    from .lesson import Lesson


@dataclass(frozen=True)
class Arm:
    """One way to make and train the network.

    Parameters
    ----------
    name : str
    switches : mapping
        Arguments of the lesson's model: {"normalization": "batch"}.
    change : function of (Network, seed), optional
        Returns the network to train instead of the one that the model made, with other layers for instance.
    training : mapping
        What its recipe has instead: {"augmentation": {}, "weight_decay": 0}.
    rates : tuple of float, optional
        Learning rates to choose from, instead of the budget's.
    """

    name: str
    switches: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Network, int], Network] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    rates: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Budget:
    """What every arm gets.

    Parameters
    ----------
    epochs, images, batch_size : int
        Of each training; `images` is how many training images there are.
    seeds : int
        How many trainings of each arm are reported. Seed k fixes the start of the weights, the order of the images
        and their random crops, the same for all arms.
    rates : tuple of float
        Learning rates to choose from. With more than one each arm is first trained with seed 0 at each; its
        best, by the error on images held out of training, is the one that the seeds are run with.
    search_epochs : int, optional
        Of each training of this search; None: all of `epochs`, since a few favour the rate that is fast at first.
    test_images : int
        Images in the test set, and as many held out; 0: none of both.
    until : float, optional
        A training error at which a training is over.
    drops : tuple of float
        The rate is divided by 10 after these parts of the epochs.
    """

    epochs: int
    images: int
    seeds: int
    rates: tuple[float, ...]
    search_epochs: int | None = None
    batch_size: int = 128
    test_images: int = 2000
    until: float | None = None
    drops: tuple[float, ...] = (0.7, 0.9)


@dataclass(frozen=True)
class Plan:
    """A lesson with all choices made: what its `stages` function carries out."""

    lesson: "Lesson"
    arms: tuple[Arm, ...]
    model: str | Callable[..., Network]
    budget: Budget
    train: Any
    held_out: Any
    test: Any
    folder: Path
    parallel: int
    show: bool

    @property
    def chance(self) -> float:
        """The error of equal probabilities for all classes, where every training starts."""
        return 1 - 1 / len(self.train.class_names)

    def job(self, arm: Arm, seed: int, rate: float, **options: Any) -> Job:
        """Return the training of an arm; options: stage, epochs, until, test."""
        budget = self.budget
        options = {"stage": "seed", "epochs": budget.epochs, "until": budget.until, "test": self.test} | options
        return Job(self, arm, seed, rate, **options)

    def make(self, arm: Arm, seed: int) -> Network:
        """Return the arm's network, untrained, with the recipe that it is trained by but for the rate."""
        switches, classes = dict(self.lesson.switches) | dict(arm.switches), len(self.train.class_names)
        if not isinstance(self.model, str) and "channels" in inspect.signature(self.model).parameters:
            switches = {"channels": self.train.image_shape[2]} | switches
        net = make_network(self.model, classes, seed, switches)
        if arm.change is not None:
            net = arm.change(net, seed)
        net.recipe |= dict(self.lesson.training) | dict(arm.training)
        net.recipe.pop("schedule", None)
        return net

    def run(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """Do the jobs that are not done yet; return the record of each."""
        return run_jobs(jobs, self.parallel, print if self.show else lambda text: None)


def make_network(model: str | Callable[..., Network], classes: int, seed: int, switches: Mapping[str, Any]) -> Network:
    """Return a network by its name on the command line, or from a function that takes classes, seed and switches."""
    if isinstance(model, str):
        return make_model(model, classes=classes, seed=seed, **switches)
    try:
        inspect.signature(model).bind(classes=classes, seed=seed, **switches)
    except TypeError as error:
        raise ArgumentError(f"{model.__name__}: {error}") from None
    return model(classes=classes, seed=seed, **switches)


def changed_budget(name: str, budget: Budget, given: Mapping[str, Any]) -> Budget:
    """Return the budget with what is given, checked."""
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    for key, value in changes.items():
        if key != "rates":
            check_count(f"lesson {name}", key, value)
    if "rates" in changes:
        changes["rates"] = tuple(check_between(f"lesson {name}", "each of rates", rate, 1e-30, 1e30)
                                 for rate in changes["rates"])
        if not changes["rates"]:
            raise ArgumentError(f"lesson {name}: rates is empty, expected at least one learning rate")
    budget = replace(budget, **changes)
    return replace(budget, search_epochs=min(budget.search_epochs or budget.epochs, budget.epochs))


def split_data(name: str, data: Any, budget: Budget, size: int, strict: bool) -> tuple[Any, Any, Any]:
    """Return training, held-out and test images; held-out ones are training images that are not trained on.

    `size` is the network's input, to which folders of photographs are brought. With `strict` too few images are an
    error, else all that there are will do.
    """
    count, aside = budget.images, budget.test_images
    train: Any
    test: Any
    if isinstance(data, str | Path) and str(data) == "shapes":
        train, test = draw_shapes(count + aside, max(size, 32)), draw_shapes(max(aside, 1), max(size, 32), seed=1)
    else:
        train, test = data if isinstance(data, tuple | list) else load_data(data)
        if isinstance(train, ImageFolder):
            train, test = train.stored_as(size, 3), None if test is None else test.stored_as(size, 3)
    if aside and test is None:
        raise DataError(f"lesson {name}: {data} has no test images")
    room = len(train) - aside
    if room < 1 or (strict and count > room):
        raise ArgumentError(f"lesson {name}: images is {count}, expected at most {room}: there are {len(train)} for "
                            f"training, of which {aside} are held out")
    order, count = np.random.default_rng(0).permutation(len(train)), min(count, room)
    chosen = train.subset(np.sort(order[:count]))
    if not aside:
        return chosen, None, None
    tested = np.sort(np.random.default_rng(0).permutation(len(test))[:aside])
    return chosen, train.subset(np.sort(order[count : count + aside])), test.subset(tested)
