"""Kill one of several processes of a training at a drawn moment: do the others end, and does the run go on as if not?

    mpirun is needed, and mpi4py (extra mpi):  python tests/long/killed_processes.py --kills 10 --folder FOLDER

Two to four processes train a small network in float64, with a checkpoint after every step; one of them is killed
(SIGKILL), and another number of processes goes on. The others have to be gone within ten seconds, the last checkpoint
has to be whole and no older than before, and the run that was killed again and again has to end with the parameters of
one process that nothing happened to. Cut off at any time, the same command goes on;
`results/reliability/killed-processes.json` has what happened.
"""
import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

from record import FOLDER, load_record, write_record  # noqa: E402
from support import faulty_runs  # noqa: E402
from support.faulty_runs import ended, position, trouble, wait_for  # noqa: E402
from support.several_processes import mpirun, started_by  # noqa: E402

import tinynet as tn  # noqa: E402
from tinynet.distributed.team import started_by_mpirun  # noqa: E402
from tinynet.network.params import flat  # noqa: E402

EPOCHS, LATEST = 20, 10.0  # seconds until all are gone
TOLERANCE = 1e-10  # of the largest number of an array; the order of sums differs


def train(folder: Path, resume: bool) -> None:
    """Train in the processes that mpirun has started."""
    net = faulty_runs.network(width=100).astype("float64")
    tn.fit(net, faulty_runs.images(37, 0), faulty_runs.images(16, 1), run=folder, batch_size=8, epochs=EPOCHS,
           checkpoint_seconds=0, progress=False, resume=resume, comm=started_by_mpirun())


def start(run: Path, processes: int) -> subprocess.Popen:
    """Start a training, or go on with it."""
    resume = ["--resume"] if (run / "last.npz").exists() else []
    before = mpirun(processes) if processes > 1 else []
    return subprocess.Popen([*before, sys.executable, __file__, "--train", "--folder", str(run), *resume],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def kill(run: Path, generator: random.Random) -> dict[str, Any]:
    """Start a training and kill one of its processes; return what happened."""
    before, processes = position(run), generator.randint(2, 4)
    mpi = start(run, processes)
    begin = generator.random() < 0.2  # at any moment, that of the beginning too; else while it trains
    while not begin and mpi.poll() is None and (position(run) or (0, 0)) <= (before or (0, 0)):
        wait_for(mpi, time.monotonic() + 0.02)
    wait_for(mpi, time.monotonic() + generator.uniform(0, 3 if begin else 0.5))
    ids = started_by(mpi)
    if mpi.poll() is not None or len(ids) < processes:
        code, text = ended(mpi)  # it was too late, or too early, for a kill
        return {"killed": False, "trouble": [text] if code else []}
    at = time.monotonic()
    os.kill(generator.choice(ids), signal.SIGKILL)
    code, _ = ended(mpi)
    while any(Path(f"/proc/{each}").exists() for each in ids) and time.monotonic() - at < 2 * LATEST:
        time.sleep(0.01)
    took = round(time.monotonic() - at, 2)
    found = list(trouble(run, before))
    if took > LATEST:
        found.append(f"the others were there for {took} s")
    if code == 0:
        found.append("mpirun's exit code is 0")
    return {"killed": True, "processes": processes, "seconds": took, "position": position(run), "trouble": found}


def difference(run: Path, straight: Path) -> float:
    """Return the largest difference of parameters and statistics, in parts of the largest number of each array."""
    one, two = (tn.load_checkpoint(folder / "last.npz") for folder in (run, straight))
    a, b = (flat({"params": net.params, "buffers": net.buffers}) for net in (one, two))
    return max(float(np.abs(a[path] - b[path]).max() / max(np.abs(b[path]).max(), 1e-3)) for path in b)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--folder", type=Path, required=True, help="for the runs")
    parser.add_argument("--out", type=Path, default=FOLDER / "killed-processes.json")
    parser.add_argument("--train", action="store_true", help="be one of the processes")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    if options.train:
        return train(options.folder, options.resume)
    straight, run = options.folder / "straight", options.folder / "run"
    record = load_record(options.out, {"kills": [], "runs": [], "trouble": []})
    if not (straight / "last.npz").exists() or position(straight) != (EPOCHS, 0):
        shutil.rmtree(straight, ignore_errors=True)
        code, text = ended(start(straight, 1))
        if code:
            raise RuntimeError(text)
    while len(record["kills"]) < options.kills:
        found = kill(run, random.Random(f"{len(record['kills'])} {time.time()}"))
        record["trouble"] += found.pop("trouble")
        if found.pop("killed"):
            record["kills"].append(found)
        if position(run) == (EPOCHS, 0) or len(record["kills"]) == options.kills:
            code, text = ended(start(run, 2))
            record["trouble"] += [text] if code else list(trouble(run))
            record["runs"].append(difference(run, straight))
            if record["runs"][-1] > TOLERANCE:
                record["trouble"].append(f"other numbers than those of one process: {record['runs'][-1]}")
            shutil.rmtree(run)
        write_record(options.out, record)
        print(len(record["kills"]), found, record["trouble"][-1:], flush=True)
    sys.exit(1 if record["trouble"] else 0)


if __name__ == "__main__":
    main()
