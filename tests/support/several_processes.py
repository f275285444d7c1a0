"""Trainings in several processes: how tests start them, and the trainings that are compared with one process's.

As a program it is these trainings: `mpirun -n 4 python tests/support/several_processes.py FILE`. The first process
trains alone, then the first two, three and four together; FILE gets what each of these trainings came to.
"""
import importlib.util
import io
import json
import shutil
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a program it finds the tests' own helpers so
import tinynet as tn  # noqa: E402
from tinynet.data import Dataset, load_image_folder  # noqa: E402
from tinynet.distributed.team import Team, started_by_mpirun  # noqa: E402
from tinynet.network.params import flat  # noqa: E402

IMAGES = 51  # so that the last of four batches has three images: not one for each of four processes


def mpirun(processes: int) -> list[str]:
    """Return the beginning of a command that starts several processes; skip where that cannot be done."""
    beside = Path(sys.executable).with_name("mpirun")  # where the package mpich puts it
    found = str(beside) if beside.exists() else shutil.which("mpirun")
    if found is None or importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py or mpirun is not installed (extra: mpi)")
    return [found, "-n", str(processes)]


def network() -> tn.Network:
    """A network with every layer that looks at the whole batch; its biases do not stand before a normalization."""
    return tn.Network([
        ("conv1", tn.Conv2d(3, 4, 5, 2)), ("norm1", tn.LocalResponseNorm(5)), ("relu1", tn.ReLU()),
        ("bn1", tn.BatchNorm2d(4)), ("pool1", tn.MaxPool2d(3, 2)), ("drop1", tn.Dropout(0.3)), ("flatten", tn.Flatten()),
        ("fc2", tn.Linear(36, 12)), ("relu2", tn.ReLU()), ("bn2", tn.BatchNorm1d(12)), ("drop2", tn.Dropout()),
        ("fc3", tn.Linear(12, 4)),
    ], name="small", input_shape=(17, 17, 3), seed=3).astype("float64")


def noise(count: int, seed: int) -> Dataset:
    generator = np.random.default_rng(seed)
    return Dataset(generator.integers(0, 256, (count, 19, 19, 3), dtype=np.uint8), generator.integers(0, 4, count),
                   list("abcd"), "noise")


def train(
    comm: Any, optimizer: str = "sgd", train: Any = None, epochs: int = 5, batch_size: int = 16
) -> dict[str, Any]:
    """Train, by default for twenty steps, with all augmentation; return parameters, running statistics and history."""
    net = network()
    net.recipe = {"optimizer": optimizer, "learning_rate": 0.01,
                  "augmentation": {"pad": 1, "colour": True, "stretch": 1 / 3}}
    history = tn.fit(net, train or noise(IMAGES, 0), noise(23, 1), epochs=epochs, batch_size=batch_size, comm=comm,
                     progress=False)
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


def main(out: Path) -> None:
    from mpi4py import MPI

    world, found = MPI.COMM_WORLD, {}
    tn.set_threads(1)

    def train_folder(comm: Any) -> dict[str, Any]:
        images, _ = load_image_folder(out.parent / "images", (19, 19))
        with redirect_stderr(io.StringIO()):
            numbers = train(comm, train=images, epochs=2, batch_size=24)
        return numbers | {"bad": list(images.bad_files.problems.values())}

    if world.rank == 0:
        folder_of_images(out.parent / "images")
        found = {"sgd 0": train(None), "adam 0": train(None, "adam"), "folder 0": train_folder(None)}
    for size in (1, 2, 3, 4):
        world.barrier()
        comm = world.Split(int(world.rank < size), world.rank)
        if world.rank < size:
            found[f"sgd {size}"] = train(comm)
            if size == 2:
                found[f"adam {size}"] = train(comm, "adam")
                found[f"folder {size}"] = train_folder(comm)
    if world.rank == 0:
        out.write_text(json.dumps(found))


if __name__ == "__main__":
    with Team(started_by_mpirun()).end_together():  # an error ends all, not only the test's patience
        main(Path(sys.argv[1]))
