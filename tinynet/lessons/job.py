"""One training of a lesson: a folder of its own, done once, and safe to cut off."""
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..beside import replaced_when_whole
from ..checkpoint import load_training_state
from ..errors import ArgumentError, NotFiniteError
from ..evaluation import evaluate
from ..lock import locked
from ..preparation import described_data
from ..run_folder import first_difference
from ..train import fit

if TYPE_CHECKING:
    from .plan import Arm, Plan

LOOKED_AT = 5000  # training images on which the trained network is measured


def folder_name(arm: str) -> str:
    """Return an arm's name without what no folder's name may have."""
    return re.sub("[^A-Za-z0-9]+", "-", arm).strip("-")


@dataclass(frozen=True)
class Job:
    """One training: an arm, a seed, a learning rate."""

    plan: "Plan"
    arm: "Arm"
    seed: int
    rate: float
    stage: str
    epochs: int
    until: float | None
    test: Any

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.stage}-{folder_name(self.arm.name)}-rate{self.rate:g}-seed{self.seed}"

    @property
    def folder(self) -> Path:
        """Where the training keeps its checkpoints, and at last result.json."""
        return self.plan.folder / "jobs" / self.name

    @property
    def done(self) -> bool:
        """Whether its result is there."""
        return (self.folder / "result.json").exists()

    def record(self) -> dict[str, Any] | None:
        """Return what the training found; None before it is done.

        Raises
        ------
        ArgumentError
            When the folder has the result of another training.
        """
        if not self.done:
            return None
        found = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        difference = first_difference(found["settings"], self.settings())
        if difference is not None:
            raise ArgumentError(f"{self.folder} has the result of another training, take another folder: {difference}")
        return found

    def settings(self) -> dict[str, Any]:
        """Return all that decides the training's numbers, as JSON gives it back."""
        budget, net = self.plan.budget, self.plan.make(self.arm, self.seed)
        return json.loads(json.dumps({
            "network": net.settings, "data": described_data(self.plan.train),
            "test": None if self.test is None else described_data(self.test), "epochs": self.epochs,
            "batch_size": budget.batch_size, "until": self.until, "drops": list(budget.drops),
        }))

    def do(self) -> None:
        """Train, or go on with a training that was cut off, and write result.json."""
        with locked(self.folder) as ours:
            if not ours:
                raise BlockingIOError("another process is doing this job")
            if not self.done:
                result = {"arm": self.arm.name, "stage": self.stage, "seed": self.seed, "rate": self.rate}
                result |= self.train() | {"settings": self.settings()}
                with replaced_when_whole(self.folder / "result.json") as file:
                    file.write(f"{json.dumps(result, indent=1)}\n".encode())

    def train(self) -> dict[str, Any]:
        """Return history, errors and measures of the training."""
        plan, last = self.plan, self.folder / "last.npz"
        net = plan.make(self.arm, self.seed)
        net.recipe |= {"learning_rate": self.rate}
        if plan.budget.drops and self.until is None:
            drops = sorted({round(part * self.epochs) for part in plan.budget.drops})
            net.recipe["schedule"] = {"kind": "step", "epochs": drops, "factor": 0.1}
        found: dict[str, Any] = {"parameters": net.parameter_count, "diverged": None, "history": []}
        found["multiply_adds"] = net.multiply_adds(net.input_shape or plan.train.image_shape)
        try:
            found["history"] = list(fit(
                net, plan.train, self.test, epochs=self.epochs, until=self.until, seed=self.seed,
                batch_size=plan.budget.batch_size, run=self.folder, resume=last.exists(), loader_threads=0,
                progress=False,
            ))
        except NotFiniteError as error:
            if last.exists():
                found["history"] = load_training_state(last)["progress"]["history"]  # of the epochs before
            message = str(error).replace(f"{self.plan.folder}/", "")  # where the lesson ran is no result
            return found | {
                "diverged": message, "test_error": None if self.test is None else plan.chance,
                "train_error": plan.chance, "measured": {}}
        some = plan.train.subset(np.arange(min(LOOKED_AT, len(plan.train))))
        found["train_error"] = evaluate(net, some).top1_error
        found["test_error"] = None if self.test is None else found["history"][-1]["validation_error"]
        found["measured"] = {}
        if plan.lesson.measure is not None and self.stage != "search":
            found["measured"] = plan.lesson.measure(net, plan)
        return found
