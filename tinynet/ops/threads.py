"""Threads for the heavy work, one BLAS thread in each, and an allocator that keeps its memory.

NumPy and its BLAS release Python's lock while they compute, so plain Python threads use all cores. Work is cut by
fixed sizes, never by the number of threads, and results are taken in a fixed order: every number of threads gives
the same bits.
"""
import ctypes
import os
import platform
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

from .checks import check_count
from .fast_switch import in_calling_thread


class _Workers:
    """The process's worker threads and the BLAS limit that holds while they work."""

    def __init__(self, count: int = 0) -> None:
        self.count = count  # 0: not chosen yet
        self.pool: ThreadPoolExecutor | None = None
        self.lock = threading.Lock()
        self.users = 0  # calls that hold the BLAS at one thread
        self.limits: list[tuple[Any, int]] = []  # each BLAS, and the caller's number of threads in it


_workers = _Workers()
_thread = threading.local()  # .is_worker in our own threads


def set_threads(n: int | None = None) -> int:
    """Choose how many threads tinynet computes with; its results do not depend on it.

    Also asks glibc's allocator to keep freed memory instead of giving it back (`keep_memory`), for the whole process.

    Parameters
    ----------
    n : int or None
        None: the number of cores that this process may use.

    Returns
    -------
    int
        The number of threads from now on: 1 where the system starts none (`can_start_threads`).

    Raises
    ------
    ArgumentError
        When `n` is not a whole number of at least 1.
    """
    n = available_cores() if n is None else check_count("set_threads", "n", n)
    n = n if can_start_threads() else 1
    with _workers.lock:
        old, _workers.pool, _workers.count = _workers.pool, None, n
    if old is not None:
        old.shutdown()
    keep_memory()
    return n


def get_threads() -> int:
    """Return the number of threads that tinynet computes with."""
    return _workers.count or available_cores()


def available_cores() -> int:
    """Return the number of cores that this process may use; without threads it uses one."""
    if not can_start_threads():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def can_start_threads() -> bool:
    """Return whether this system starts threads; Python in a browser (Pyodide) does not, nor does it start processes.

    Everything works without: batches are made when they are asked for, layers compute in the calling thread, and a
    lesson's trainings and a course's checks are done one after the other.
    """
    thread = threading.Thread(target=int)
    try:
        thread.start()
    except RuntimeError as error:
        return "can't start new thread" not in str(error)  # else the program is ending
    thread.join()
    return True


def map_in_order(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Yield function(item) for each item, in order, worked out in the worker threads.

    Called in a worker, by a layer that calls another one, it works there: to wait for other workers, which may wait as
    well, would never end. Inside `tn.plain()` and in a debugger it works in the calling thread. `np.errstate` around
    the caller holds in the workers too (with NumPy 2).
    """
    items = list(items)
    with one_blas_thread():
        if get_threads() == 1 or len(items) == 1 or getattr(_thread, "is_worker", False) or in_calling_thread():
            yield from map(function, items)
        else:
            # A context each: it runs in one thread at a time.
            futures = deque(submit(_pool(), copy_context().run, function, item) for item in items)
            try:
                while futures:
                    yield futures.popleft().result()
            finally:  # after an error, or when the caller wants no more
                for future in futures:
                    future.cancel()


def submit(pool: ThreadPoolExecutor, function: Callable, *arguments: Any) -> Future:
    """Have a pool work out function(*arguments); where it takes no work (any more), do it here.

    When a program's main thread ends, Python closes all pools, and only then waits for the program's other threads. A
    training in one of those goes on in it alone, with the same numbers.
    """
    if can_start_threads():
        try:
            return pool.submit(function, *arguments)
        except RuntimeError as error:
            if "cannot schedule new futures" not in str(error):  # no more threads, for one
                raise
            if "interpreter shutdown" in str(error):  # and not set_threads in another thread
                say_that_pools_are_closed()
    future: Future = Future()
    try:
        future.set_result(function(*arguments))
    except Exception as error:
        future.set_exception(error)
    return future


@cache
def say_that_pools_are_closed() -> None:
    """Say it once."""
    warnings.warn("the program's main thread has ended, and Python has closed its thread pools: tinynet goes on in one "
                  "thread, with the same numbers but more slowly. Let the main thread wait, thread.join()",
                  RuntimeWarning, stacklevel=2)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold NumPy's BLAS at one thread; the last to leave puts the caller's limit back."""
    workers = _workers
    with workers.lock:
        if workers.users == 0:
            workers.limits = [(library, library.get_num_threads()) for library in _blas()]
            for library, _ in workers.limits:
                _set_blas_threads(library, 1)
        workers.users += 1
    try:
        yield
    finally:
        if workers is _workers:  # else this is a forked process, which has the caller's limit already
            with workers.lock:
                workers.users -= 1
                if workers.users == 0:
                    _restore_blas()


@cache
def _blas() -> list[Any]:
    return ThreadpoolController().select(user_api="blas").lib_controllers


def _set_blas_threads(library: Any, n: int) -> None:
    # From 3.8 on threadpoolctl lets one Python thread alone change OpenBLAS, the first that did, and ignores others:
    # whoever enters or leaves here takes that right, and gives it up again.
    give_up = getattr(library, "clear_controlling_thread", lambda force: None)
    give_up(force=True)
    library.set_num_threads(n)
    give_up(force=True)


def _restore_blas() -> None:
    for library, n in _workers.limits:
        _set_blas_threads(library, n)


def _pool() -> ThreadPoolExecutor:
    with _workers.lock:
        if _workers.pool is None:
            _workers.pool = ThreadPoolExecutor(get_threads(), "tinynet", initializer=_mark_as_worker)
        return _workers.pool


def _mark_as_worker() -> None:
    _thread.is_worker = True


def _start_anew_after_fork() -> None:
    """In a forked process: the parent's workers are not there, nor whoever held the lock or the BLAS."""
    global _workers
    if _workers.users:
        _restore_blas()
    _workers, _thread.is_worker = _Workers(_workers.count), False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew_after_fork)


def keep_memory() -> bool:
    """Ask glibc to keep freed memory for the next large array, instead of returning it and faulting it in again.

    A training step makes and drops hundreds of arrays of some megabytes. The setting is the process's own and holds
    until it ends. Elsewhere than with glibc nothing is done.

    Returns
    -------
    bool
        Whether the allocator took the settings.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # names and numbers of <malloc.h>
    gigabyte = 1 << 30
    done = [mallopt(mmap_threshold, gigabyte), mallopt(trim_threshold, gigabyte), mallopt(arena_max, 1)]
    return all(done)
