"""Small trainings that something happens to: killed, on a full disk, stopped. What the short and the long tests share.

As a program it is such a training: `python tests/support/faulty_runs.py FOLDER [--resume]`. A linear layer makes the
checkpoint large, and there is one after every step, so that most of the time goes into writing checkpoints.
"""
import argparse
import hashlib
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a program it finds the tests' own helpers so
from support.data_files import idx_bytes, random_images  # noqa: E402

import tinynet as tn  # noqa: E402
from tinynet.data import Dataset  # noqa: E402
from tinynet.errors import TinynetError  # noqa: E402
from tinynet.network.params import flat  # noqa: E402
from tinynet.training.checkpoint import load_training_state  # noqa: E402
from tinynet.training.run_folder import FILES, RunFolder  # noqa: E402

# A shell starts its background commands with Ctrl-C ignored, and what they start inherits it.
signal.signal(signal.SIGINT, signal.default_int_handler)

EPOCHS = 2
BATCHES = 5  # in an epoch; the last one lacks three images
AFTER = {"loader_threads": {0: 1, 1: 2, 2: 4, 4: 0}, "threads": {1: 2, 2: 1}}  # a stop, by those before it
COMMAND_EPOCHS = 30  # of a training on the command line
CHECKPOINTS = ("last.npz", "best.npz")
RECIPE: dict[str, Any] = {
    "learning_rate": 0.001, "epochs": EPOCHS, "schedule": {"kind": "plateau", "patience": 1},
    "augmentation": {"crop": True, "mirror": True, "pad": 1, "colour": True},
}


def network(width: int) -> tn.Network:
    """A network with all that a checkpoint has to keep; 784 x `width` weights of it are in one layer."""
    return tn.Network([
        ("conv1", tn.Conv2d(3, 4, 3, seed=1)), ("norm1", tn.BatchNorm2d(4)), ("relu1", tn.ReLU()),
        ("drop1", tn.Dropout(0.3, seed=4)), ("flatten", tn.Flatten()), ("fc2", tn.Linear(784, width, seed=2)),
        ("relu2", tn.ReLU()), ("fc3", tn.Linear(width, 3, seed=3)),
    ], name="small", input_shape=(16, 16, 3), recipe=RECIPE)


def images(count: int, seed: int) -> Dataset:
    """Noise, in three classes."""
    generator = np.random.default_rng(seed)
    return Dataset(generator.integers(0, 256, (count, 18, 18, 3), dtype=np.uint8), generator.integers(0, 3, count),
                   ["a", "b", "c"], "noise")


def train(folder: Path, width: int = 1200, batch_size: int = 8, **options: Any) -> Any:
    """Train the network in a run folder."""
    return tn.fit(network(width), images(BATCHES * batch_size - 3, 0), images(16, 1), run=folder,
                  batch_size=batch_size, **{"checkpoint_seconds": 0, "progress": False} | options)


def train_in_blocks(folder: Path, **options: Any) -> Any:
    """Train in batches that are worked on in two blocks each, by two threads if there are two."""
    return train(folder, width=40, batch_size=80, **options)


def digest(folder: Path) -> str:
    """Return the SHA-256 of all parameters, running statistics and velocities of the last checkpoint."""
    net, total = tn.load_checkpoint(folder / "last.npz"), hashlib.sha256()
    velocity = load_training_state(folder / "last.npz")["optimizer"]["velocity"]
    for arrays in (net.params, net.buffers, velocity):
        for path, array in flat(arrays).items():
            total.update(f"{path} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def stopped_and_resumed(folder: Path, step: int, loader_threads: int, threads: int) -> str:
    """Train, stop in step number `step` (of 10), go on with other numbers of threads; return the digest of the end.

    The numbers given are those before the stop; `AFTER` has the ones to go on with. Stopped is a process's own way of
    Ctrl-C, held until the batch is done, for even steps; an exception in the middle of the batch, which is then lost,
    for odd ones.
    """
    usual, steps = tn.SGD.step, []

    def counted(self: Any, grads: Any) -> None:
        steps.append(1)
        if len(steps) == step and step % 2:
            raise KeyboardInterrupt
        if len(steps) == step:
            signal.raise_signal(signal.SIGINT)
        usual(self, grads)

    tn.set_threads(threads)
    with mock.patch.object(RunFolder, "draw_curve"):
        with mock.patch.object(tn.SGD, "step", counted), suppress(KeyboardInterrupt):
            train_in_blocks(folder, loader_threads=loader_threads)
            raise RuntimeError("the run was not stopped")
        tn.set_threads(AFTER["threads"][threads])
        train_in_blocks(folder, loader_threads=AFTER["loader_threads"][loader_threads], resume=True)
    return digest(folder)


def start(folder: Path, *options: str) -> subprocess.Popen:
    """Start a training in a process of its own; one that was killed before its first checkpoint begins anew."""
    resume = ["--resume"] if (folder / "last.npz").exists() else []
    return subprocess.Popen([sys.executable, __file__, str(folder), *resume, *options],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen) -> tuple[int, str]:
    """Wait for the end; return the exit code and what was printed as an error."""
    _, text = process.communicate(timeout=900)
    return process.returncode, text or ""


def position(folder: Path) -> tuple[int, int] | None:
    """Return the epoch and the batch that the last checkpoint has come to; None where there is none."""
    if not (folder / "last.npz").exists():
        return None
    at = load_training_state(folder / "last.npz")["progress"]["position"]
    return at["epoch"], at["batch"]


def kill_while_writing(folder: Path, generator: random.Random, *options: str) -> dict[str, Any]:
    """Start a training and kill it around the writing of a checkpoint; one time in five at any moment.

    Returns
    -------
    dict
        "killed": False if it had ended before; "writing": the files that were being written; "trouble": what is wrong
        with the folder afterwards, a last checkpoint that is gone or older than before among it.
    """
    before = position(folder)
    process = start(folder, *options)
    if generator.random() < 0.2:
        wait_for(process, time.monotonic() + generator.uniform(0, 2))
    else:
        for _ in range(generator.randint(1, 4)):
            for there in (False, True):
                while being_written(folder) != there and process.poll() is None:
                    time.sleep(0.0005)
        wait_for(process, time.monotonic() + generator.uniform(0, 0.015))
    process.send_signal(signal.SIGKILL)
    code, text = ended(process)
    found = list(trouble(folder, before))
    if code not in (0, -signal.SIGKILL):
        found.append(f"the exit code is {code}: {text}")
    return {"killed": code == -signal.SIGKILL, "writing": [path.name for path in half_written(folder)],
            "trouble": found}


def wait_for(process: subprocess.Popen, end: float) -> None:
    """Wait for a time or for the end of the process."""
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.0005)


def half_written(folder: Path) -> list[Path]:
    """Return the files that were being written when the process ended; the next one takes them away."""
    return sorted(folder.glob("*.partial"))


def being_written(folder: Path) -> bool:
    """Tell whether a checkpoint is half written."""
    return any((folder / f"{name}.partial").exists() for name in CHECKPOINTS)


def trouble(folder: Path, before: tuple[int, int] | None = None) -> Iterator[str]:
    """Yield what must not be in a run folder whatever happened: damaged files, and files that nobody takes away.

    `before` is the `position` that its last checkpoint once had. A run begins anew where there is no checkpoint, and
    would come to the same end: that nothing was lost is seen here alone.
    """
    if before is not None and not (folder / "last.npz").exists():
        yield f"last.npz is gone, it was at {before}"
    if not folder.is_dir():
        return
    allowed = {"run.lock", *FILES, *(f"{name}.partial" for name in FILES)}
    yield from (f"{path.name} is left over" for path in folder.iterdir() if path.name not in allowed)
    if len(half_written(folder)) > 1:  # one at a time is written, and a run takes away that of the run before it
        yield f"several files are half written: {half_written(folder)}"
    for name in CHECKPOINTS:
        if (folder / name).exists():
            try:
                tn.load_checkpoint(folder / name)
                load_training_state(folder / name)
                after = position(folder) if name == "last.npz" else None
                if before is not None and after is not None and after < before:
                    yield f"last.npz is back at {after}, it was at {before}"
            except TinynetError as error:
                yield str(error)
    metrics = folder / "metrics.csv"
    if metrics.exists():
        text = metrics.read_text()
        if not text.endswith("\n") or len({line.count(",") for line in text.splitlines()}) != 1:
            yield f"metrics.csv is not whole: {text!r}"


def whole(folder: Path, expected: str, epochs: int = EPOCHS) -> list[str]:
    """Return what is wrong with a run that has come to its end: it must be like the straight one."""
    found = list(trouble(folder)) + [f"{path.name} is left over" for path in half_written(folder)]
    if digest(folder) != expected:
        found.append("other numbers than those of the run that nothing happened to")
    rows = (folder / "metrics.csv").read_text().splitlines()[1:]
    if [row.split(",")[0] for row in rows] != [str(epoch + 1) for epoch in range(epochs)]:
        found.append(f"metrics.csv has other rows: {rows}")
    return found


def write_digits(folder: Path, count: int = 400) -> None:
    """Write a MNIST of noise."""
    folder.mkdir(parents=True)
    for prefix, some in (("train", count), ("t10k", 50)):
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(random_images(some, 28, 28, 1)[..., 0]))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(some) % 10))


def start_command(data: Path, folder: Path, before: list[str] | None = None, **options: Any) -> subprocess.Popen:
    """Start `tinynet train` on these digits, or go on with it; `before` may be `mpirun` and its arguments."""
    resume = ["--resume"] if (folder / "last.npz").exists() else []
    command = [*(before or []), sys.executable, "-m", "tinynet", "train", "--model", "lenet5", "--data", str(data),
               "--run", str(folder), "--epochs", str(COMMAND_EPOCHS), "--batch-size", "50", *resume]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)


def press_ctrl_c(process: subprocess.Popen, folder: Path) -> dict[str, Any]:
    """Press Ctrl-C; return whether the process had not ended, whether a checkpoint is there, and what is wrong."""
    before = position(folder)  # which no longer goes back, though the training is still under way
    pressed = process.poll() is None
    process.send_signal(signal.SIGINT)
    code, text = ended(process)
    code = 128 - code if code < 0 else code  # as a shell counts; Python itself dies of the signal while it imports
    found = [f"{path.name} is left over" for path in half_written(folder)] + list(trouble(folder, before))
    if code != (130 if pressed else 0):
        found.append(f"the exit code is {code}: {text}")
    after = position(folder)
    if after is not None:
        rows = (folder / "metrics.csv").read_text().count("\n") - 1
        if rows != after[0]:
            found.append(f"metrics.csv has {rows} rows, the checkpoint is in epoch {after[0] + 1}")
    return {"pressed": pressed, "checkpoint": after is not None, "trouble": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--largest-file", type=int, help="in bytes: no file can grow larger")
    options = parser.parse_args()
    if options.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.largest_file,) * 2)
    try:
        with mock.patch.object(RunFolder, "draw_curve"):  # which takes longer than the training
            train(options.folder, options.width, resume=options.resume)
    except (TinynetError, OSError) as error:  # as the command line does
        sys.exit(f"tinynet: {error}")


if __name__ == "__main__":
    main()
