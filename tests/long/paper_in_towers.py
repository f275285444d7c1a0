"""The paper's network in two processes, a tower in each: do its parameters stay those of one process?

    mpirun is needed, and mpi4py (extra mpi):  python tests/long/paper_in_towers.py --steps 2

In float64 and in float32 two processes take a few steps on noise, then one process takes the same steps;
`results/reliability/paper-in-towers.json` has the largest difference of each array, in parts of its largest number. In
float64 it has to stay below 1e-12. In float32 rounding may let a ReLU or a maximum choose differently, so that its
differences are recorded and not judged. Needs 8 GB of memory, and takes minutes.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

from record import FOLDER, load_record, write_record  # noqa: E402
from support.several_processes import mpirun  # noqa: E402

import tinynet as tn  # noqa: E402
from tinynet.distributed.team import started_by_mpirun  # noqa: E402
from tinynet.network.params import flat  # noqa: E402
from tinynet.ops.arrays import Array  # noqa: E402

TOLERANCE = 1e-12


def train(dtype: str, steps: int, batch: int) -> dict[str, Array] | None:
    """Take the steps, in two towers where mpirun has started two processes; return the parameters, if this is one."""
    comm = started_by_mpirun()
    tn.set_threads(1)
    generator = np.random.default_rng(0)
    images = (60 * generator.standard_normal((steps * batch, 227, 227, 3))).astype(dtype)
    labels = generator.integers(0, 1000, steps * batch)
    net = tn.alexnet().astype(dtype)
    tn.fit(net, (images, labels), epochs=1, batch_size=batch, comm=comm, progress=False,
           split="batch" if comm is None else "towers")
    found = {".".join(path): array for path, array in flat(net.params).items()}
    return found if comm is None or comm.rank == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--out", type=Path, default=FOLDER / "paper-in-towers.json")
    parser.add_argument("--towers", type=Path, help=argparse.SUPPRESS)  # be one of the two, and write them here
    parser.add_argument("--dtype", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.towers:
        found = train(options.dtype, options.steps, options.batch)
        if found is not None:
            np.savez(options.towers, **found)
        return
    record, largest = load_record(options.out, {"steps": options.steps, "batch": options.batch}), {}
    for dtype in ("float64", "float32"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "towers.npz"
            subprocess.run([*mpirun(2), sys.executable, __file__, "--towers", str(file), "--dtype", dtype,
                            "--steps", str(options.steps), "--batch", str(options.batch)], check=True)
            towers, one = dict(np.load(file)), train(dtype, options.steps, options.batch)
        assert one is not None
        record[dtype] = {name: float(np.abs(array - towers[name]).max() / np.abs(array).max())
                         for name, array in one.items()}
        largest[dtype] = max(record[dtype].values())
        write_record(options.out, record)
        print(dtype, largest[dtype], flush=True)
    sys.exit(0 if largest["float64"] < TOLERANCE else 1)


if __name__ == "__main__":
    main()
