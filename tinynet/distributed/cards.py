"""GPUs of several processes: which one each takes, and sums that go from one to the other without the CPU."""
import sys
import warnings
from typing import Any


def take_own_card(comm: Any) -> None:
    """Let each process of a machine compute on another of its GPUs, as long as there are enough of them.

    All processes call it, those without a GPU too, and before anything is on a GPU. `tinynet train` does.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm or None
        None: one process, which keeps the card that it has.
    """
    if comm is None:
        return
    from mpi4py import MPI

    here = comm.Split_type(MPI.COMM_TYPE_SHARED).rank  # which of this machine's processes
    try:
        import cupy
    except ImportError:  # without it, or with a broken one, there is no GPU: `why_no_gpu` says why
        return
    if cupy.cuda.is_available():  # `why_no_gpu` would try the first card, whosever it is
        cupy.cuda.Device(here % cupy.cuda.runtime.getDeviceCount()).use()


def has_nccl() -> bool:
    """Tell whether CuPy finds NCCL; where it does not, its import warns, of what nobody has asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from cupy.cuda import nccl  # a module, which `import cupy` does not always load
        except ImportError:
            return False
    return bool(nccl.available)


def nccl_backend(comm: Any) -> Any:
    """Return what adds arrays up by NCCL; None where CuPy lacks it, or two processes share a GPU, which it refuses."""
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return None
    from mpi4py import MPI

    cards = comm.allgather((MPI.Get_processor_name(), cupy.cuda.Device().pci_bus_id))
    everyone = comm.size == MPI.COMM_WORLD.size  # CuPy lets MPI's world begin it, and no other communicator
    if len(set(cards)) < comm.size or not everyone or not all(comm.allgather(has_nccl())):
        return None
    from cupyx.distributed import init_process_group

    return init_process_group(comm.size, comm.rank, use_mpi=True)
