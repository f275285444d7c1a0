"""Trainings in several processes: how tests start them, and the trainings that are compared with one process's.

As a program it is these trainings: `mpirun -n 4 python tests/support/several_processes.py FILE`. The first process
trains alone, then the first two, three and four together; FILE gets what each of these trainings came to.
"""
import importlib.util
import io
import json
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a program it finds the tests' own helpers so
import tinynet as tn  # noqa: E402
from tinynet.data import Dataset, load_image_folder  # noqa: E402
from tinynet.distributed.team import Team, started_by_mpirun  # noqa: E402
from tinynet.network.params import flat  # noqa: E402
from tinynet.training.run_folder import RunFolder  # noqa: E402

IMAGES = 51  # so that the last of four batches has three images: not one for each of four processes


def mpirun(processes: int) -> list[str]:
    """Return the beginning of a command that starts several processes; skip where that cannot be done."""
    beside = Path(sys.executable).with_name("mpirun")  # where the package mpich puts it
    found = str(beside) if beside.exists() else shutil.which("mpirun")
    if found is None or importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py or mpirun is not installed (extra: mpi)")
    return [found, "-n", str(processes)]


def started_by(mpi: subprocess.Popen) -> list[int]:
    """Return the ids of the processes that an mpirun has started, through its proxy; by Linux's /proc."""
    def below(pid: int) -> list[int]:
        with suppress(OSError):  # it has just ended
            return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []

    return [each for proxy in below(mpi.pid) for each in below(proxy)]


def network(seed: int) -> tn.Network:
    """A network with every layer that looks at the whole batch; its biases do not stand before a normalization.

    Such a bias has a gradient of 0, and what is left of it after rounding is different each time.
    """
    return tn.Network([
        ("conv1", tn.Conv2d(3, 4, 5, 2)), ("norm1", tn.LocalResponseNorm(5)), ("relu1", tn.ReLU()),
        ("bn1", tn.BatchNorm2d(4, eps=0.1)), ("pool1", tn.MaxPool2d(3, 2)), ("drop1", tn.Dropout(0.3)),
        ("flatten", tn.Flatten()), ("fc2", tn.Linear(36, 12)),
        ("relu2", tn.ReLU()), ("bn2", tn.BatchNorm1d(12, eps=0.1)), ("drop2", tn.Dropout()),
        ("fc3", tn.Linear(12, 4)),
    ], name="small", input_shape=(17, 17, 3), seed=seed).astype("float64")


def two_towers(seed: int = 3) -> tn.Network:
    """A network in two towers, with every layer that a tower may have."""
    return tn.Network([
        ("conv1", tn.Conv2d(3, 8, 5, 2)), ("relu1", tn.ReLU()), ("norm1", tn.LocalResponseNorm(3, groups=2)),
        ("conv2", tn.Conv2d(8, 4, 3, padding=1, groups=2)), ("relu2", tn.ReLU()),
        ("bn2", tn.BatchNorm2d(4)), ("drop2", tn.Dropout(0.2)), ("pool2", tn.MaxPool2d(3, 2)),
        ("conv3", tn.Conv2d(4, 6, 3, padding=1)), ("tanh3", tn.Tanh()),
        ("conv4", tn.Conv2d(6, 6, 3, padding=1, groups=2)), ("flatten", tn.Flatten()), ("drop5", tn.Dropout(0.2)),
        ("fc5", tn.Linear(54, 10)), ("drop6", tn.Dropout(0.2)), ("fc6", tn.Linear(10, 8)), ("relu6", tn.ReLU()),
        ("fc7", tn.Linear(8, 4)),
    ], name="towers", input_shape=(17, 17, 3), seed=seed).astype("float64")


def noise(count: int, seed: int) -> Dataset:
    generator = np.random.default_rng(seed)
    return Dataset(generator.integers(0, 256, (count, 19, 19, 3), dtype=np.uint8), generator.integers(0, 4, count),
                   list("abcd"), "noise")


def train(
    comm: Any, optimizer: str = "sgd", train: Any = None, epochs: int = 5, batch_size: int = 16, **options: Any
) -> dict[str, Any]:
    """Train, by default for twenty steps, with all augmentation; return parameters, running statistics and history."""
    seed = 3 if comm is None else 3 + comm.rank  # all are to begin with the weights, and the masks, of process 0
    net = (two_towers if "split" in options else network)(seed)
    net.recipe = {"optimizer": optimizer, "learning_rate": 0.01,
                  "augmentation": {"pad": 1, "colour": True, "stretch": 1 / 3}}
    with mock.patch.object(RunFolder, "draw_curve"):  # which takes longer than the training
        history = tn.fit(net, train or noise(IMAGES, 0), noise(23, 1), epochs=epochs, batch_size=batch_size, comm=comm,
                         progress=False, **options)
    numbers = {".".join(path): array.tolist() for path, array in {**flat(net.params), **flat(net.buffers)}.items()}
    return numbers | {key: [row[key] for row in history] for key in history[0] if "second" not in key}


def folder_of_images(folder: Path) -> None:
    """Write 120 photographs of noise in four classes, one of which cannot be read."""
    from PIL import Image

    for index, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (120, 19, 19, 3), np.uint8)):
        path = folder / "train" / "abcd"[index % 4] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (folder / "train" / "b" / "77.png").write_bytes(b"no image")


def train_folder(comm: Any, folder: Path) -> dict[str, Any]:
    """Train on the folder with a file that cannot be read; also return what was said of it."""
    images, _ = load_image_folder(folder, (19, 19))
    with redirect_stderr(io.StringIO()):
        numbers = train(comm, train=images, epochs=2, batch_size=24)
    return numbers | {"bad": list(images.bad_files.problems.values())}


def trainings(comm: Any, folder: Path) -> dict[str, Any]:
    """Return what the trainings of so many processes come to; `comm` None: of one that knows of no others."""
    size = 0 if comm is None else comm.size
    found = {f"sgd {size}": train(comm)}
    if size in (0, 2):
        split = {"split": "towers" if size else "batch"}
        found |= {f"folder {size}": train_folder(comm, folder / "images"), f"towers {size}": train(comm, **split)}
        # What one form has begun the other one goes on with.
        if size:
            found["towers-adam 2"] = train(comm, "adam", epochs=3, run=folder / "run0", resume=True, **split)
        train(comm, "adam", epochs=1, run=folder / f"run{size}", **split)
    return found


def wait(comm: Any) -> None:
    """Wait for all processes without computing: MPI's own barrier takes the core that others need."""
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(0.01)


def main(out: Path) -> None:
    from mpi4py import MPI

    world, found, folder = MPI.COMM_WORLD, {}, out.parent
    groups = [world.Split(int(world.rank < size), world.rank) for size in (1, 2, 3, 4)]
    tn.set_threads(1)
    if world.rank == 0:
        folder_of_images(folder / "images")
        found = trainings(None, folder)
    for size, group in enumerate(groups, 1):
        wait(world)
        if world.rank < size:
            found |= trainings(group, folder)
    if world.rank == 0:
        found["towers-adam 0"] = train(None, "adam", epochs=3, split="batch")
        found["towers-adam 1"] = train(None, "adam", epochs=3, run=folder / "run2", resume=True, split="batch")
        out.write_text(json.dumps(found))
    wait(world)


if __name__ == "__main__":
    with Team(started_by_mpirun()).end_together():  # an error ends all, not only the test's patience
        main(Path(sys.argv[1]))
