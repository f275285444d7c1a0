"""One training of a lesson: a folder of its own, done once, and safe to interrupt."""
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, NotFiniteError
from ..files import atomic_write, locked
from ..network import Network
from ..network.network import with_new_names
from ..network.params import flat
from ..ops.arrays import to_cpu
from ..training.checkpoint import load_training_state
from ..training.evaluation import evaluate
from ..training.fit import fit
from ..training.preparation import described_data
from ..training.run_folder import first_difference
from .machine import machine

MEASURED_ON = 5000  # training images, for the trained network's training error


def sample(count: int, total: int) -> np.ndarray:
    """Draw indices: int (count,), or all of `total` where there are no more; sorted, and the same in each call.

    Not the first ones, since the first photographs of a folder are its first classes.
    """
    return np.sort(np.random.default_rng(0).permutation(total)[:count])


def folder_name(arm: str) -> str:
    """Return an arm's name as that of a folder: letters, digits and hyphens."""
    return re.sub("[^A-Za-z0-9]+", "-", arm).strip("-")


def without_texts(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a training's settings without the network's texts, which each version of tinynet may word anew."""
    network = {key: value for key, value in settings["network"].items() if key not in ("notes", "hint")}
    return settings | {"network": network | {"recipe": with_new_names(network["recipe"])}}


def digest(net: Network) -> str:
    """Return a number that tells initial parameters apart, which no setting of a layer may say."""
    found = hashlib.sha256()
    for path, array in flat(net.params).items():
        found.update(f"{path} {array.shape}".encode())
        found.update(np.ascontiguousarray(to_cpu(array)).data)
    return found.hexdigest()


@dataclass(frozen=True)
class Job:
    """One training of a lesson, as plain data.

    Parameters
    ----------
    folder : Path
        Where it keeps its checkpoints, what it is (job.json), and at the end result.json; two levels below the
        lesson's.
    arm, stage : str
    seed : int
    rate : float
    epochs : int
    until : float or None
        A training error at which it stops.
    make : function
        Returns the untrained network with its recipe.
    train, test : Dataset
    batch_size : int
    drops : tuple of float
        The rate is divided by 10 after these parts of the epochs.
    measure : function of a Network, or None
        More numbers of the trained network, a dict for JSON.
    watch : function of a Network, or None
        Numbers of it before training and after each epoch, a dict for JSON.
    """

    folder: Path
    arm: str
    stage: str
    seed: int
    rate: float
    epochs: int
    until: float | None
    make: Callable[[], Network]
    train: Any
    test: Any
    batch_size: int
    drops: tuple[float, ...]
    measure: Callable[[Network], dict[str, Any]] | None
    watch: Callable[[Network], dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def done(self) -> bool:
        """Whether its result exists."""
        return (self.folder / "result.json").exists()

    def record(self) -> dict[str, Any] | None:
        """Return what the training found; None before it is done.

        Raises
        ------
        ArgumentError
            When the folder has the result of another training, or one that was begun and not done.
        """
        if not self.done:
            if (self.folder / "last.npz").exists() and (self.folder / "job.json").exists():
                self.check_same(json.loads((self.folder / "job.json").read_text(encoding="utf-8")), "the beginning")
            return None
        found = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        self.check_same(found["settings"], "the result")
        return found | {"arm": self.arm}  # whose name may have changed, but for letters and digits

    def check_same(self, saved: dict[str, Any], what: str) -> None:
        """Raise ArgumentError unless these are this job's settings; what an older folder does not say is not compared.
        """
        given = without_texts(self.settings())
        own = without_texts(saved)
        difference = first_difference({key: own.get(key, value) for key, value in given.items()}, given)
        if difference is not None:
            raise ArgumentError(f"{self.folder} has {what} of another training run, choose another folder: "
                                f"{difference}")

    def settings(self) -> dict[str, Any]:
        """Return all that decides the training's numbers, as JSON gives it back."""
        net = self.make()
        return json.loads(json.dumps({
            "network": net.settings, "data": described_data(self.train),
            "test": None if self.test is None else described_data(self.test), "epochs": self.epochs,
            "batch_size": self.batch_size, "until": self.until, "drops": list(self.drops),
            "rate": self.rate, "parameters_sha256": digest(net),
        }))

    def do(self) -> None:
        """Train, or resume a training that was interrupted, and write result.json."""
        with locked(self.folder) as ours:
            if not ours:
                raise BlockingIOError("another process is doing this job")
            if not self.done:
                self.record()  # an error where another training was begun here
                with atomic_write(self.folder / "job.json") as file:
                    file.write(f"{json.dumps(self.settings(), indent=1)}\n".encode())
                result = {"arm": self.arm, "stage": self.stage, "seed": self.seed, "rate": self.rate}
                result |= self.trained() | {"settings": self.settings(), "machine": machine()}
                with atomic_write(self.folder / "result.json") as file:
                    file.write(f"{json.dumps(result, indent=1)}\n".encode())

    def trained(self) -> dict[str, Any]:
        """Train; return history, errors and measures."""
        last, net = self.folder / "last.npz", self.make()
        net.recipe |= {"learning_rate": self.rate}
        if self.drops and self.until is None:
            drops = sorted({round(part * self.epochs) for part in self.drops})
            net.recipe["schedule"] = {"kind": "step", "epochs": drops, "factor": 0.1}
        found: dict[str, Any] = {"parameters": net.parameter_count, "diverged": None, "history": []}
        found["multiply_adds"] = net.multiply_adds(net.input_shape or self.train.image_shape)
        try:
            found["history"] = list(fit(
                net, self.train, self.test, epochs=self.epochs, until=self.until, seed=self.seed,
                batch_size=self.batch_size, run=self.folder, resume=last.exists(), loader_threads=0,
                progress=False, after_epoch=None if self.watch is None else self.note,
            ))
        except NotFiniteError as error:
            if last.exists():
                found["history"] = load_training_state(last)["progress"]["history"]  # of the epochs before
            message = str(error).replace(f"{self.folder.parents[1]}/", "")  # the folder is not part of the result
            chance = 1 - 1 / len(self.train.class_names)
            self.add_notes(found)
            return found | {
                "diverged": message, "test_error": None if self.test is None else chance,
                "train_error": chance, "measured": {}}
        self.add_notes(found)
        some = self.train.subset(sample(MEASURED_ON, len(self.train)))
        found["train_error"] = evaluate(net, some).top1_error
        found["test_error"] = None if self.test is None else found["history"][-1]["validation_error"]
        found["measured"] = {} if self.measure is None else self.measure(net)
        return found

    @property
    def notes(self) -> dict[str, dict[str, Any]]:
        """What was seen before training and after each epoch, by its number; in a file beside the checkpoints."""
        path = self.folder / "watched.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def note(self, net: Network, epoch: int) -> None:
        """Write what is to be seen after an epoch; in place of an earlier note, if the training was stopped there."""
        if self.watch is not None:
            notes = self.notes | {str(epoch): self.watch(net)}
            with atomic_write(self.folder / "watched.json") as file:
                file.write(json.dumps(notes).encode())

    def add_notes(self, found: dict[str, Any]) -> None:
        """Add what was seen to the record, and to each epoch's row what is one number."""
        notes = self.notes
        for row in found["history"]:
            row |= {name: x for name, x in notes.get(str(row["epoch"]), {}).items() if isinstance(x, int | float)}
        if self.watch is not None:
            found["watched"] = list(notes.values())
