"""A training on GPUs' stand-ins: `mpirun -n 2 python tests/support/on_cards.py FILE host` (or nccl, or towers).

The first process trains alone, in NumPy, then both together on stand-ins for CuPy, which share one card, or with a
stand-in for NCCL have one each. FILE gets by how much the parameters differ, and what crossed in the last training.
"""
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a program it finds the tests' own helpers so
from support import strict_cupy  # noqa: E402
from support.several_processes import two_towers  # noqa: E402

import tinynet as tn  # noqa: E402
from tinynet.distributed.team import Team  # noqa: E402
from tinynet.network.params import flat  # noqa: E402

COMM = MPI.COMM_WORLD


class Nccl:
    """Adds up as NCCL does, from memory of one card to that of the other."""

    calls = 0

    def __init__(self, n_devices: int, rank: int, *, use_mpi: bool = False) -> None:
        assert (n_devices, rank, use_mpi) == (COMM.size, COMM.rank, True)

    def all_reduce(self, in_array: Any, out_array: Any, op: str = "sum", stream: Any = None) -> None:
        assert in_array.flags.c_contiguous and out_array.flags.c_contiguous and op == "sum"
        COMM.Allreduce(in_array._array, out_array._array)
        Nccl.calls += 1


def network() -> tn.Network:
    return tn.Network([
        ("fc1", tn.Linear(12, 9)), ("relu1", tn.ReLU()), ("bn1", tn.BatchNorm1d(9)), ("drop1", tn.Dropout()),
        ("fc2", tn.Linear(9, 4)),
    ], seed=5)


def train(net: tn.Network, comm: Any, **options: Any) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    shape = (13, *(net.input_shape or (12,)))  # batches of 8 and 5
    images, labels = generator.standard_normal(shape).astype(np.float32), generator.integers(0, 4, 13)
    tn.fit(net, (images, labels), (images, labels), batch_size=8, epochs=2, comm=comm, progress=False, **options)
    return {".".join(path): tn.to_cpu(array) for path, array in flat({"p": net.params, "b": net.buffers}).items()}


def main(out: Path, how: str) -> None:
    made = (lambda: two_towers().astype("float32")) if how == "towers" else network
    alone = train(made(), None)
    cupy = sys.modules["cupy"] = strict_cupy.make()
    cupy.cuda.nccl = types.SimpleNamespace(available=how == "nccl")
    sys.modules["cupy.cuda"] = cupy.cuda
    if how == "nccl":
        card = types.SimpleNamespace(pci_bus_id=f"0000:00:0{COMM.rank}.0", use=lambda: None)
        cupy.cuda.Device = lambda index=None: card
        sys.modules["cupyx"] = types.ModuleType("cupyx")
        distributed = sys.modules["cupyx.distributed"] = types.ModuleType("cupyx.distributed")
        distributed.init_process_group = Nccl
    net = tn.to_gpu(made())
    strict_cupy.transfers.clear()
    found = train(net, COMM, **({"split": "towers"} if how == "towers" else {}))
    largest = max(float(np.abs(found[name] - alone[name]).max() / np.abs(alone[name]).max()) for name in alone
                  if not name.endswith("conv2.b"))
    if COMM.rank == 0:
        out.write_text(json.dumps({"difference": largest, "calls": Nccl.calls,
                                   "to_cpu": sum(t.bytes for t in strict_cupy.transfers
                                                 if t.direction == strict_cupy.TO_CPU)}))


if __name__ == "__main__":
    with Team(COMM).end_together():
        main(Path(sys.argv[1]), sys.argv[2])
