"""A lesson: a question, arms that answer it at equal budgets, seeds that are the same for all arms, and a report."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..files import user_path
from ..layers.initializers import undrawn
from ..network import Network
from ..ops.checks import check_count
from ..ops.threads import available_cores
from .experiment import Arm, Experiment
from .job import folder_name
from .plan import Plan, changed_budget, image_size, make_network, split_data
from .relu_numbers import last_error
from .result import Result

SEARCH_SEED = 0  # of the search for learning rates; the seeds that are reported start at 1


def search_then_seeds(plan: Plan) -> list[dict[str, Any]]:
    """Choose each arm's learning rate on held-out images, then train it with every seed."""
    searches = [
        plan.job(arm, SEARCH_SEED, rate, stage="search", epochs=plan.budget.search_epochs, test=plan.held_out)
        for arm in plan.arms for rate in rates_of(plan, arm) if len(rates_of(plan, arm)) > 1
    ]
    found = plan.run(searches)
    chosen = {arm.name: best_rate(plan, arm, found) for arm in plan.arms}
    # Seed by seed: when a run is cut off, whole seeds are there, of all arms.
    return found + plan.run([plan.job(arm, seed, chosen[arm.name]) for seed in range(1, plan.budget.seeds + 1)
                             for arm in plan.arms if seed in plan.seeds(arm)])


def rates_of(plan: Plan, arm: Arm) -> tuple[float, ...]:
    """Return the learning rates among which the arm's is chosen."""
    return arm.rates or plan.budget.rates


def best_rate(plan: Plan, arm: Arm, found: Sequence[Mapping[str, Any]]) -> float:
    """Return the rate of the search with the lowest error (of training, without held-out images); diverged is last."""
    own = [record for record in found if record["arm"] == arm.name and record["stage"] == "search"]
    if not own:
        return rates_of(plan, arm)[0]
    return min(own, key=lambda record: (
        record["diverged"] is not None, last_error(record) if record["test_error"] is None else record["test_error"]
    ))["rate"]


def usual_plot(result: Result) -> Any:
    """Draw the learning curves and each seed's error at the end; needs matplotlib (the extra `plots`)."""
    from .drawing import curves_and_errors

    return curves_and_errors(result)


@dataclass(frozen=True, kw_only=True)
class Lesson(Experiment):
    """An experiment that `tinynet lesson NAME` or `run` runs.

    Parameters
    ----------
    by_model : mapping of str to Lesson
        For other networks, by their names: the lesson with arms and budgets that suit them.
    """

    stages: Callable[[Plan], list[dict[str, Any]]] = search_then_seeds
    draw: Callable[[Result], Any] = usual_plot
    by_model: Mapping[str, "Lesson"] = field(default_factory=dict)

    def with_model(self, model: Any) -> "Lesson":
        """Return the lesson as it is for a network, by its name: this one, unless there is one in `by_model`."""
        return self.by_model.get(model, self) if isinstance(model, str) else self

    def own_arms(self, quick: bool) -> tuple[Arm, ...]:
        """Return the arms that are run unless others are asked for."""
        return self.quick_arms if quick and self.quick_arms else self.arms

    def run(
        self, *, quick: bool = False, data: Any = None, model: str | Callable[..., Network] | None = None,
        arms: Sequence[Arm | str] | None = None, epochs: int | None = None, images: int | None = None,
        batch_size: int | None = None, seeds: int | None = None, rates: Sequence[float] | None = None,
        folder: str | Path | None = None, parallel: int | None = None, show: bool = True,
    ) -> Result:
        """Run the lesson; trainings whose results are in `folder` are not run again.

        Parameters
        ----------
        quick : bool
            Two minutes, on drawn shapes, instead of CIFAR-10.
        data : path-like, "shapes", or a pair of data sets (train, test)
        model : str or function
            Instead of the lesson's. For some names the lesson has other arms and budgets, see `by_model`.
        arms : list of Arm or names
            The lesson's own by name, and further ones.
        epochs, images, batch_size, seeds, rates
            Instead of the budget's; rates also instead of those that the lesson's arms have of their own.
        folder : path-like
            Default: tinynet-lesson/NAME, for the quick form tinynet-lesson/NAME-quick; for a network of `by_model`
            with its name behind the lesson's.
        parallel : int
            Trainings at the same time, each in a process of its own; default: one on each core.
        show : bool
            Print how far it is, and the table.

        Returns
        -------
        Result

        Raises
        ------
        ArgumentError, DataError, ShapeError
            Before anything is trained.
        """
        lesson = self.with_model(model)
        if lesson is not self:
            return lesson.run(
                quick=quick, data=data, arms=arms, epochs=epochs, images=images, batch_size=batch_size, seeds=seeds,
                rates=rates, folder=folder or f"tinynet-lesson/{self.name}-{model}{'-quick' if quick else ''}",
                parallel=parallel, show=show)
        given = {"epochs": epochs, "images": images, "batch_size": batch_size, "seeds": seeds, "rates": rates}
        budget = changed_budget(self.name, self.quick if quick else self.full, given)
        if data is None and not quick:
            raise ArgumentError(f"lesson {self.name}: the full form needs data, a folder with CIFAR-10 (`tinynet "
                                "download cifar10`) or another data set; quick draws its own")
        parallel = available_cores() if parallel is None else check_count(f"lesson {self.name}", "jobs", parallel)
        chosen = choose_arms(self, quick, arms)
        if rates is not None:
            own = (*self.arms, *self.own_arms(quick))
            chosen = tuple(replace(arm, rates=None) if arm in own else arm for arm in chosen)
        model = model or self.model
        size = max(stored_for(self, model, arm) for arm in chosen)
        train, held_out, test = split_data(
            self.name, "shapes" if data is None else data, budget, size, images is not None,
            search=any(len(arm.rates or budget.rates) > 1 for arm in chosen))
        budget = replace(budget, images=len(train))
        path = user_path(folder or f"tinynet-lesson/{self.name}{'-quick' if quick else ''}")
        plan = Plan(self, chosen, model, budget, train, held_out, test, path, parallel, show)
        for arm in chosen:
            plan.check(arm)  # a wrong switch, or another size, is an error now, not after an hour
        result = Result(plan, self.stages(plan))
        result.write()
        if show:
            print(result)
        return result


def stored_for(lesson: Lesson, model: str | Callable[..., Network], arm: Arm) -> int:
    """Return the size to store photographs at for an arm: with its own training, and as the model's recipe has it."""
    with undrawn():
        net = make_network(model, 10, 0, {**lesson.switches, **arm.switches})
    size = image_size(net)
    net.recipe |= {**lesson.training, **arm.training}
    return max(size, image_size(net))


def choose_arms(lesson: Lesson, quick: bool, wanted: Sequence[Arm | str] | None) -> tuple[Arm, ...]:
    """Return the arms, those given by name out of the lesson's own."""
    if wanted is None:
        return lesson.own_arms(quick)
    own = {arm.name: arm for arm in (*lesson.arms, *lesson.own_arms(quick))}
    for arm in wanted:
        if not isinstance(arm, Arm) and arm not in own:
            raise ArgumentError(f"lesson {lesson.name} has no arm {arm!r}; it has {', '.join(map(repr, own))}")
    chosen = tuple(arm if isinstance(arm, Arm) else own[arm] for arm in wanted)
    names = [arm.name for arm in chosen]
    if not chosen or len(set(map(folder_name, names))) < len(names):
        raise ArgumentError(f"lesson {lesson.name}: arms is {names}, expected at least one, each once, and names that "
                            "differ in letters or digits")
    return chosen
