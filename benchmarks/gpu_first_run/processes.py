"""Two processes that train together on one GPU, their gradients added through the host: by mpirun, where there is one.

    processes.py OUTPUT_FOLDER    writes processes.json; ends with 77 where something is missing, and says what
"""
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from common import REHEARSAL, SKIPPED, Results, needed_cupy
from drawn import drawn_images

import tinynet as tn

COUNT, SIZE, EPOCHS = (8, 16, 1) if REHEARSAL else (2048, 32, 2)


def mpirun() -> str | None:
    """Return where it is: beside this Python, where the package mpich has put it, or on the PATH."""
    return shutil.which("mpirun", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def missing() -> str | None:
    """Return what several processes would need and is not there."""
    for module in ("tinynet.distributed", "mpi4py"):
        if importlib.util.find_spec(module) is None:
            return f"there is no {module}"
    return None if mpirun() else "there is no mpirun"


def train(**options) -> dict[str, object]:
    start = time.perf_counter()
    history = tn.fit(tn.to_gpu(tn.alexnet_small(SIZE)), drawn_images(COUNT, SIZE, 0), epochs=EPOCHS, batch_size=64,
                     augmentation=False, progress=False, **options)
    return {"train_loss": [row["train_loss"] for row in history], "seconds": time.perf_counter() - start}


def main() -> None:
    results = Results(sys.argv[1], "processes.json")
    needed_cupy()
    if "--worker" in sys.argv:
        from mpi4py import MPI

        found = train(comm=MPI.COMM_WORLD)
        if MPI.COMM_WORLD.rank == 0:
            results.add(found, "two processes")
        return
    reason = missing()
    if reason:
        results.add(reason, "skipped")
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    results.attempt(train, "one process")
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}  # Open MPI asks twice
    done = subprocess.run([mpirun(), "-n", "2", sys.executable, __file__, sys.argv[1], "--worker"],
                          env=os.environ | root)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
