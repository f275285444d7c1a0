"""The processes of one training: who they are, what they tell each other, and that they end together."""
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ArgumentError, TinynetError
from ..network import Network
from ..ops.arrays import Array, array_module, to_cpu
from ..ops.processes import Share
from ..ops.threads import available_cores
from .cards import nccl_backend

COUNTS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")  # where MPICH's mpirun, and Open MPI's, say how many processes they start
NUMBERS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK")  # and which of them a process is
INSTALL = "pip install 'tinynet[mpi]' installs mpi4py and an mpirun that belongs to it"


class AllStopped(KeyboardInterrupt):
    """Ctrl-C in a training of several processes, after all of them have agreed to stop between two batches."""


def started_by_mpirun() -> Any:
    """Return MPI's communicator where mpirun has started several processes; None where there is but this one.

    Raises
    ------
    ArgumentError
        When mpi4py is not installed, or belongs to another MPI than mpirun.
    """
    started = max(int(os.environ.get(name, 1)) for name in COUNTS)
    if started == 1:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # it is there, but finds no MPI
        if any(os.environ.get(name, "0") != "0" for name in NUMBERS):
            raise SystemExit(2) from None  # the first process says it
        raise ArgumentError(f"mpirun has started {started} processes, and mpi4py, which lets them work together, "
                            f"cannot be used ({error}): {INSTALL}") from error
    if MPI.COMM_WORLD.size != started:
        raise ArgumentError(f"mpirun has started {started} processes, and mpi4py knows of {MPI.COMM_WORLD.size}: they "
                            f"belong to different MPIs; {INSTALL}")
    return MPI.COMM_WORLD


class Team:
    """The processes of one training, or the one; a derived class says how they share the work.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm or None
        None: this process alone.

    Attributes
    ----------
    number, size : int
        Which of how many processes this is, from 0; 0 is the one that writes files and prints.
    """

    can_repeat = True  # one process alone can go through a batch again

    def __init__(self, comm: Any = None) -> None:
        if comm is not None and not hasattr(comm, "Allreduce"):
            raise ArgumentError(f"comm is {comm!r}, expected a communicator of mpi4py, MPI.COMM_WORLD, or None")
        if comm is not None:
            from mpi4py import MPI

            self.mpi = MPI
        self.comm = comm
        self.number: int = 0 if comm is None else comm.rank
        self.size: int = 1 if comm is None else comm.size
        self.interrupts = 0  # that have come and wait for `agree`

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.number == 0

    def from_first(self, value: Any) -> Any:
        """Return what the first process has given, in all of them."""
        return value if self.size == 1 else self.comm.bcast(value)

    def from_all(self, value: Any) -> list[Any]:
        """Return what each process has given, in the processes' order."""
        return [value] if self.size == 1 else self.comm.allgather(value)

    def add(self, array: Array) -> Array:
        """Return the sum of the processes' arrays, where this one's is: on its GPU, or in NumPy."""
        total = np.array(to_cpu(array))  # a copy
        self.comm.Allreduce(self.mpi.IN_PLACE, total)
        return array_module(array).asarray(total)

    def gather(self, array: Array) -> Array:
        """Return the processes' arrays, one behind the other."""
        return self.joined(array, axis=0)

    def joined(self, array: Array, axis: int) -> Array:
        """Return the processes' arrays joined along an axis, in the processes' order."""
        own, parts = np.ascontiguousarray(to_cpu(array)), []
        for number, shape in enumerate(self.from_all(own.shape)):
            part = own if number == self.number else np.empty(shape, own.dtype)
            self.comm.Bcast(part, root=number)  # as memory: what is no array, mpi4py turns into bytes first
            parts.append(part)
        return array_module(array).asarray(np.concatenate(parts, axis))

    def add_into(self, own: Array, total: Array) -> None:
        """Put the sum of the processes' arrays `own` into `total`; from GPU to GPU where each process has its own."""
        if array_module(own) is np:
            self.comm.Allreduce(own, total)
        elif self.nccl is not None:
            self.nccl.all_reduce(own, total)
        else:
            total[...] = self.add(own)

    @cached_property
    def nccl(self) -> Any:
        """What adds up arrays that lie on GPUs, without the CPU; None where that cannot be done."""
        return nccl_backend(self.comm)

    def take_first(self, own: Array, total: Array) -> None:
        """Put the first process's array `own` into `total`."""
        numbers = np.array(to_cpu(own))
        self.comm.Bcast(numbers)
        total[...] = array_module(total).asarray(numbers)

    def agree(self, count: int) -> int:
        """Return the sum of the processes' counts; where Ctrl-C has come to one of them, raise AllStopped in all."""
        counts = np.array([count, self.interrupts])
        self.comm.Allreduce(self.mpi.IN_PLACE, counts)
        if counts[1]:
            raise AllStopped
        return int(counts[0])

    def part(self, count: int) -> slice:
        """Return which of a batch's `count` images this process takes."""
        return slice(0, count)

    def share(self, count: int) -> Share | None:
        """Return how this process's part of a batch of `count` images belongs to the whole; None: it is the whole."""
        return None

    def check_network(self, net: Network, batch_size: int) -> None:
        """Raise ArgumentError for a network, or a batch, that these processes cannot train together."""

    @contextmanager
    def own_network(self, net: Network, optimizer: Any) -> Iterator[Network]:
        """Yield what this process trains of a network; the optimizer works on it inside the block."""
        yield net

    def whole(self, net: Network, optimizer: Any) -> tuple[Network, Any]:
        """Return the whole network, for what `own_network` gave, and what has the `state` of a whole optimizer."""
        return net, optimizer

    @contextmanager
    def hold_interrupts(self) -> Iterator[None]:
        """Let Ctrl-C, and SIGTERM, wait for `agree`; a second one does not wait. One process needs no agreement.

        A process that stopped on its own would leave the others waiting for its part of the next batch.
        """
        if self.size == 1 or threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, frame: Any) -> None:
            self.interrupts += 1
            if self.interrupts > 1:
                raise KeyboardInterrupt

        usual = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in usual.items():
                signal.signal(number, handler)

    @contextmanager
    def end_together(self, all_exit: bool = False) -> Iterator[None]:
        """End all processes after an error in one: the others would wait for it for ever. One process raises it.

        All may have met the same error, a missing file for one. So each waits a little longer than the one before it,
        and the first to say it ends the others. With `all_exit` a SystemExit is one that all raise, as `--help` is.
        """
        if self.size == 1:
            yield
            return
        try:
            yield
        except AllStopped:
            raise
        except BaseException as error:
            if isinstance(error, SystemExit) and all_exit:
                raise
            time.sleep(2 * self.number / self.size)
            text, code = message(error, "tinynet" if self.leads else f"tinynet, process {self.number}")
            sys.stdout.flush()
            if sys.__stderr__ is not None:  # `silence` has not closed this one
                print(text, file=sys.__stderr__, flush=True)
            time.sleep(0.2)  # mpirun drops what it has not passed on when the end comes
            self.comm.Abort(code)
            os._exit(code)  # Abort may return before it has ended this process

    def silence(self) -> None:
        """Let all processes but the first print nothing, as long as they live."""
        if not self.leads:
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the program

    def threads(self) -> int:
        """Return how many threads each process should compute with: its part of the machine's cores."""
        if self.size == 1:
            return available_cores()
        here = self.comm.Split_type(self.mpi.COMM_TYPE_SHARED)  # the processes on this machine
        return max(1, available_cores() // here.size)


def message(error: BaseException, who: str) -> tuple[str, int]:
    """Return what to print of an error, and the exit code, as the command line has them."""
    if isinstance(error, KeyboardInterrupt):
        return f"{who}: stopped", 130
    if isinstance(error, SystemExit):
        number = error.code if isinstance(error.code, int) else int(error.code is not None)
        return f"{who}: {'sys.exit()' if error.code is None else error}", number
    if isinstance(error, TinynetError | OSError):
        return f"{who}: {error}", 2
    if isinstance(error, MemoryError):
        return f"{who}: out of memory: {error}", 2
    return f"{who}:\n{''.join(traceback.format_exception(error))}", 1
