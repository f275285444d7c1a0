"""Processes with GPUs, which strict stand-ins for CuPy and NCCL take the place of."""
import inspect
import json
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
from support.cupy_names import MISSING, REAL, check_call
from support.several_processes import mpirun

from tinynet.distributed import team
from tinynet.distributed.cards import has_nccl, take_own_card

ON_CARDS = Path(__file__).parents[1] / "support" / "on_cards.py"


@pytest.mark.parametrize("how", ["nccl", "host", "towers"])
def test_a_training_on_cards_gives_what_one_process_gives_in_numpy(how, tmp_path):
    out = tmp_path / "found.json"
    done = subprocess.run([*mpirun(2), sys.executable, str(ON_CARDS), str(out), how], capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["difference"] < 1e-5
    assert found["calls"] == (4 if how == "nccl" else 0)  # the gradients of a step in one message, small as they are


def test_each_process_of_a_machine_takes_another_card(gpu, monkeypatch):
    taken = []
    monkeypatch.setitem(sys.modules, "mpi4py", types.SimpleNamespace(MPI=types.SimpleNamespace(COMM_TYPE_SHARED=0)))
    monkeypatch.setattr(gpu.cuda.runtime, "getDeviceCount", lambda: 2)
    monkeypatch.setattr(gpu.cuda, "Device", lambda index: types.SimpleNamespace(use=lambda: taken.append(index)))
    monkeypatch.setattr("tinynet.ops.arrays.trial", lambda cupy: pytest.fail("tries the first card"))
    for rank in range(4):
        take_own_card(types.SimpleNamespace(Split_type=lambda kind, rank=rank: types.SimpleNamespace(rank=rank)))
    assert taken == [0, 1, 0, 1]
    asked = []
    monkeypatch.setitem(sys.modules, "cupy", None)                             # a process without a GPU asks, too
    take_own_card(types.SimpleNamespace(Split_type=lambda kind: asked.append(kind) or types.SimpleNamespace(rank=0)))
    assert asked == [0] and taken == [0, 1, 0, 1]


@pytest.mark.parametrize(("cores", "processes", "threads"), [(8, 2, 4), (16, 5, 3), (2, 4, 1)])
def test_each_process_computes_with_its_part_of_the_cores(cores, processes, threads, monkeypatch):
    monkeypatch.setattr(team, "available_cores", lambda: cores)
    one = team.Team()
    one.size, one.mpi = processes, types.SimpleNamespace(COMM_TYPE_SHARED=0)
    one.comm = types.SimpleNamespace(Split_type=lambda kind: types.SimpleNamespace(size=processes))
    assert one.threads() == threads


def broken_nccl(name):
    warnings.warn(f"{name} library could not be loaded", stacklevel=2)
    raise ImportError("libnccl.so.2: cannot open shared object file")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("nccl", [None, types.SimpleNamespace(available=False)])
def test_without_nccl_sums_go_over_the_cpu_and_nothing_is_said(nccl, gpu, monkeypatch):
    if nccl is None:  # its library is missing: CuPy warns, and its module cannot be imported
        cuda = types.ModuleType("cupy.cuda")
        cuda.__getattr__ = broken_nccl
    else:
        cuda = types.SimpleNamespace(nccl=nccl)
    monkeypatch.setitem(sys.modules, "cupy.cuda", cuda)
    assert has_nccl() is False


@pytest.mark.skipif(REAL is None, reason=MISSING)
@pytest.mark.filterwarnings("ignore:\\s*nccl library could not be loaded")
def test_cupy_has_what_is_asked_of_it():
    import cupyx.distributed as real

    assert hasattr(REAL.cuda.Device, "pci_bus_id") and hasattr(REAL.cuda.Device, "use")
    assert isinstance(REAL.cuda.nccl.available, bool)
    check_call("cuda.runtime.getDeviceCount", (), {})
    inspect.signature(real.init_process_group).bind(2, 0, use_mpi=True)
    inspect.signature(real.NCCLBackend.all_reduce).bind(None, np.zeros(1), np.zeros(1))
