"""The plan of a lesson, in which all choices are made: network, budget, images, folder."""
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..data import ImageFolder, Loader, draw_shapes, load_data
from ..errors import ArgumentError, DataError, ShapeError
from ..models import make_model
from ..network import Network
from ..ops.checks import check_between, check_count
from ..training.preparation import check_first_image, choose_preprocessing, stored_size
from .experiment import Arm, Budget, Experiment
from .job import Job, folder_name
from .jobs import run_jobs


@dataclass(frozen=True)
class Plan:
    """A lesson with all choices made: what its `stages` function runs."""

    lesson: Experiment
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

    def job(
        self, arm: Arm, seed: int, rate: float, *, stage: str = "seed", epochs: int | None = None, **options: Any
    ) -> Job:
        """Return the training of an arm; until and test are the budget's and the plan's unless given."""
        budget, measure, watch = self.budget, self.lesson.measure, self.lesson.watch
        options = {"until": budget.until, "test": self.test} | options
        return Job(
            folder=self.folder / "jobs" / f"{stage}-{folder_name(arm.name)}-rate{rate:g}-seed{seed}",
            arm=arm.name, stage=stage, seed=seed, rate=rate,
            epochs=min(epochs or budget.epochs, arm.epochs or budget.epochs),
            make=partial(self.make, arm, seed), train=self.train, batch_size=budget.batch_size, drops=budget.drops,
            measure=None if measure is None or stage == "search" else partial(_measured, measure, self),
            watch=None if watch is None or stage != "seed" else partial(_measured, watch, self), **options,
        )

    def seeds(self, arm: Arm) -> range:
        """Return the seeds that an arm is trained with."""
        return range(1, min(self.budget.seeds, arm.seeds or self.budget.seeds) + 1)

    def check(self, arm: Arm) -> None:
        """Raise unless the arm's network can be made, and takes an image of the training set."""
        net, one = self.make(arm, 0), self.train.subset(np.arange(1))
        pad = (net.recipe.get("augmentation") or {}).get("pad", 0)
        try:
            check_first_image(net, Loader(one, choose_preprocessing(net, one, None, False, pad), 1), False)
        except (ArgumentError, ShapeError) as error:
            raise type(error)(f"lesson {self.lesson.name}, arm {arm.name!r}: {error}") from None

    def make(self, arm: Arm, seed: int) -> Network:
        """Return the arm's network, untrained, with the recipe of its training but for the rate."""
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


def image_size(net: Network) -> int:
    """Return the size to store images at: that of the network's input, larger where its recipe crops without a border.
    """
    augmentation = net.recipe.get("augmentation") or {}
    if net.input_shape is not None and augmentation.get("crop") and not augmentation.get("pad"):
        return stored_size(net)[0]
    return (net.input_shape or (32,))[0]


def split_data(name: str, data: Any, budget: Budget, size: int, strict: bool, search: bool) -> tuple[Any, Any, Any]:
    """Return training, held-out and test images; held-out ones are training images that are not trained on.

    Folders of photographs are brought to `size`. With `strict` too few images are an error, else as many are taken as
    there are. Without a `search` for learning rates no images are held out.
    """
    count, aside = budget.images, budget.test_images
    train: Any
    test: Any
    if isinstance(data, str) and data == "shapes":
        train, test = draw_shapes(count + aside, max(size, 32)), draw_shapes(max(aside, 1), max(size, 32), seed=1)
    else:
        train, test = data if isinstance(data, tuple | list) else load_data(data)
        if isinstance(train, ImageFolder):
            train, test = train.stored_as(size, 3), None if test is None else test.stored_as(size, 3)
    if aside and test is None:
        raise DataError(f"lesson {name}: {data} has no test images")
    aside = min(aside, len(test)) if aside else 0
    held_out = aside if search else 0
    room = len(train) - held_out
    if room < 1:
        raise ArgumentError(f"lesson {name}: there are {len(train)} images for training, and the search for learning "
                            f"rates holds {held_out} of them out: give one rate (--rates), then none are")
    if strict and count > room:
        raise ArgumentError(f"lesson {name}: images is {count}, expected at most {room}: there are {len(train)} for "
                            f"training, of which {held_out} are held out")
    order, count = np.random.default_rng(0).permutation(len(train)), min(count, room)
    chosen = train.subset(np.sort(order[:count]))
    if not aside:
        return chosen, None, None
    tested = np.sort(np.random.default_rng(0).permutation(len(test))[:aside])
    return chosen, train.subset(np.sort(order[count : count + held_out])) if search else None, test.subset(tested)


def _measured(measure: Callable[[Network, Plan], dict[str, Any]], plan: Plan, net: Network) -> dict[str, Any]:
    return measure(net, plan)
