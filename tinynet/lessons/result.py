"""What a lesson found: a table with spreads and paired differences, CSV, JSON, a plot."""
import csv
import io
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .. import tables
from ..files import atomic_write, printable
from ..training.history import COLUMNS
from .experiment import Arm
from .job import MEASURED_ON
from .machine import machine
from .plan import Plan

if TYPE_CHECKING:
    from ..plots.pictures import Picture

# Half-width of a 95% interval in standard errors, by degrees of freedom from 1 (Student's t); from 10 on the tenth.
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
CURVES = ("arm", "stage", "rate", "seed", "epoch", "train_loss", "train_error", "validation_loss", "validation_error",
          "images_per_second", "seconds")


class Result:
    """The records of a lesson's trainings; shows itself as a table in a notebook.

    Attributes
    ----------
    records : list of dict
        One for each training: arm, stage ("search", "choice" or "seed"), seed, rate, history, errors.
    """

    def __init__(self, plan: Plan, records: list[dict[str, Any]]) -> None:
        self.plan, self.lesson, self.records = plan, plan.lesson, records

    def of(self, arm: Arm, stage: str = "seed") -> list[dict[str, Any]]:
        """Return an arm's records in the order of their seeds."""
        own = [r for r in self.records if r["arm"] == arm.name and r["stage"] == stage]
        return sorted(own, key=lambda record: record["seed"])

    def title(self) -> str:
        """Return the title of a plot: the question, on how many images and with how many seeds."""
        budget = self.plan.budget
        return f"{self.lesson.question}\n{budget.images} images of {self.plan.train.name}, {seeds_text(budget.seeds)}"

    def head_and_rows(self) -> tuple[list[str], list[list[str]]]:
        """Return the table's head and rows."""
        reference = self.plan.arms[0]
        head = ["arm", "parameters", "multiply-adds", "rate"]
        head += ["test error", f"points below {reference.name}"] if self.has_test else []
        head += ["training error", *(name.format(first=reference.name) for name in self.lesson.columns), "reported"]
        rows = []
        for arm in self.plan.arms:
            own = self.of(arm)
            row = [arm.name, f"{own[0]['parameters']:,}", f"{own[0]['multiply_adds']:,}", f"{own[0]['rate']:g}"]
            if any(record["diverged"] for record in own):
                row[-1] += f" ({sum(bool(record['diverged']) for record in own)} of {len(own)} diverged)"
            if self.has_test:
                errors = [record["test_error"] for record in own]
                others = [record["test_error"] for record in self.of(reference)]
                row += [with_spread(errors), "" if arm is reference else paired(others, errors)]
            row += [with_spread([record["train_error"] for record in own])]
            row += [cell(self, arm) for cell in self.lesson.columns.values()]
            rows.append([*row, self.lesson.published.get(arm.name, "")])
        if not any(row[-1] for row in rows):
            head, rows = head[:-1], [row[:-1] for row in rows]
        return head, rows

    @property
    def has_test(self) -> bool:
        """Whether the trainings were measured on test images."""
        return self.plan.test is not None

    def notes(self) -> list[str]:
        """Return what to know about the table: findings, budget, certainty, what was published, scale."""
        plan, budget = self.plan, self.plan.budget
        notes = list(self.lesson.findings(self))
        fewer = [f" Of {arm.name} {min(arm.epochs or budget.epochs, budget.epochs)} epochs at most, "
                 f"{seeds_text(len(plan.seeds(arm)))}." for arm in plan.arms if arm.epochs or arm.seeds]
        notes.append(f"Each arm: {budget.epochs} epochs at most, {budget.images} images of {plan.train.name}, batches "
                     f"of {budget.batch_size}; {seeds_text(budget.seeds)}. A seed fixes initial weights and order, for "
                     f"all arms alike.{''.join(fewer)}")
        if budget.drops and budget.until is None:
            parts = " and ".join(f"{part:.0%}" for part in budget.drops)
            notes.append(f"The rate is divided by 10 after {parts} of the epochs, of a search's too.")
        notes.append("Training error: after the training, on up to 5000 of its images, without dropout or "
                     "augmentation.")
        older = [r for r in self.records if r["stage"] == "seed" and "machine" not in r]
        if older and budget.images > MEASURED_ON:  # done by tinynet before it noted the machine
            notes[-1] += f" With {len(older)} trainings that are older these are the first of the data set."
        notes.append(self.search_note())
        certainty = "One seed: no spread is known."
        if budget.seeds > 1:
            certainty = "Mean and standard deviation over seeds" + (
                "; differences are paired by seed, with a 95% interval (t)." if self.has_test else ".")
        if self.has_test:
            sampling = math.sqrt(0.25 / len(plan.test))
            certainty += (f" The {len(plan.test)} test images are the same for all: others would move an error of "
                          f"50% by {100 * sampling:.1f} points (one standard deviation)"
                          f"{'; the intervals leave that out.' if budget.seeds > 1 else '.'}")
        notes.append(certainty)
        if any(record["diverged"] for arm in plan.arms for record in self.of(arm)):
            notes.append(f"A training that diverged counts with the error of chance, {plan.chance:.0%}; where epochs "
                         "are counted it is left out, or stands for more than it had.")
        if "all" in self.lesson.published:
            notes.append(f"Reported: {self.lesson.published['all']}")
        if plan.model != self.lesson.model:
            name = plan.model if isinstance(plan.model, str) else plan.model.__name__
            return [*notes, f"The network, {name}, is not the lesson's own. The lesson's scale: {self.lesson.scale}"]
        return [*notes, f"In scale: {self.lesson.scale}"]

    def search_note(self) -> str:
        """Say how the learning rates were chosen, and name those at the edge of what was tried."""
        searched, at_the_edge = [], []
        for arm in self.plan.arms:
            rates = sorted({record["rate"] for record in self.of(arm, "search")})
            if rates:
                searched.append(f"{arm.name} {', '.join(f'{rate:g}' for rate in rates)}")
                if self.of(arm)[0]["rate"] in (rates[0], rates[-1]):
                    at_the_edge.append(arm.name)
        if not searched:
            return "Learning rates are given, not searched for: another rate may change the order."
        text = f"Learning rates were chosen with a seed of its own among: {'; '.join(searched)}."
        return text + (f" At the edge of what was tried: {', '.join(at_the_edge)}." if at_the_edge else "")

    def table(self) -> str:
        """Return the table as text."""
        return tables.text_table(*self.head_and_rows(), wrap=44)

    def __str__(self) -> str:
        notes = "\n".join(f"- {note}" for note in self.notes())
        return f"{self.lesson.question}\n\n{self.table()}\n\n{notes}"

    def _repr_html_(self) -> str:
        return (f"<p>{tables.escaped(self.lesson.question)}</p>\n{tables.html_table(*self.head_and_rows())}\n"
                f"{tables.html_list(self.notes())}")

    def csv(self) -> str:
        """Return every epoch of every training as CSV, with what the lesson watched in further columns."""
        file = io.StringIO()
        watched = {key: None for record in self.records for row in record["history"] for key in row
                   if key not in COLUMNS}
        writer = csv.DictWriter(file, (*CURVES, *watched), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for record in self.records:
            writer.writerows(record | row for row in record["history"])
        return file.getvalue()

    def plot(self) -> "Picture":
        """Draw the result; needs matplotlib (the extra `plots`)."""
        return self.lesson.draw(self)

    def write(self) -> None:
        """Write NAME.txt, NAME.csv, NAME.json and, with matplotlib, NAME.png into the lesson's folder."""
        head, rows = self.head_and_rows()
        records = [{key: value for key, value in record.items() if key not in ("settings", "history")}
                   for record in self.records]
        content = {
            "lesson": self.lesson.name, "budget": asdict(self.plan.budget),
            "question": self.lesson.question, "table": [head, *rows], "notes": self.notes(),
            "machine": machine(), "seconds_of_training": sum(seconds_of(record) for record in self.records),
            "parallel": self.plan.parallel, "trainings": records,
        }
        files = {"txt": f"{self}\n", "csv": self.csv(), "json": f"{json.dumps(content, indent=1)}\n"}
        for kind, text in files.items():
            with atomic_write(self.plan.folder / f"{self.lesson.name}.{kind}") as file:
                file.write(printable(text).encode())
        try:
            picture = self.plot()
        except ImportError as error:
            if self.plan.show:
                print(f"{self.lesson.name}.png is left out: {error}")
            return
        picture.savefig(self.plan.folder / f"{self.lesson.name}.png", dpi=120)


def over_the_one_before(result: Result) -> str:
    """Say what each arm brings over the arm before it, where it has all the switches of that one."""
    arms = result.plan.arms
    errors = [[record["test_error"] for record in result.of(arm)] for arm in arms]
    each = [f"{arm.name} {paired(*pair)}"
            for before, arm, *pair in zip(arms, arms[1:], errors, errors[1:], strict=False)
            if before.switches.items() <= arm.switches.items()]
    return f"Points below the arm before: {'; '.join(each)}." if each else "No arm has the switches of the one before."


def seeds_text(count: int) -> str:
    """Write how many seeds."""
    return "1 seed" if count == 1 else f"{count} seeds"


def seconds_of(record: dict[str, Any]) -> float:
    """Return how long a training took."""
    return record["history"][-1]["seconds"] if record["history"] else 0.0


def with_spread(errors: Sequence[float]) -> str:
    """Write mean and standard deviation of errors, in per cent."""
    spread = f" +- {100 * statistics.stdev(errors):.1f}" if len(errors) > 1 else ""
    return f"{100 * statistics.mean(errors):.1f}{spread}%"


def paired(reference: Sequence[float], errors: Sequence[float]) -> str:
    """Write the mean of `reference` minus `errors`, seed by seed, in points, with the half-width of its interval."""
    mean, half = paired_interval(reference, errors)
    return f"{100 * mean:+.1f}" + ("" if math.isnan(half) else f" +- {100 * half:.1f}")


def paired_interval(one: Sequence[float], two: Sequence[float]) -> tuple[float, float]:
    """Return the mean of one - two and the half-width of its 95% interval, nan for a single pair.

    By seeds from the first on; where one has fewer (`Arm.seeds`), by those that both have.
    """
    differences = [a - b for a, b in zip(one, two, strict=False)]
    if len(differences) == 1:
        return differences[0], math.nan
    t = T95[min(len(differences) - 1, len(T95)) - 1]
    return statistics.mean(differences), t * statistics.stdev(differences) / math.sqrt(len(differences))
