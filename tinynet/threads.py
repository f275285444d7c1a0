"""Threads for the heavy work, one BLAS thread in each, and an allocator that keeps its memory.

NumPy and its BLAS release Python's lock while they compute, so plain Python threads use all cores. Work is cut by
fixed sizes, never by the number of threads, and results are taken in a fixed order: every number of threads gives
the same bits.
"""
import ctypes
import os
import platform
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

from .layer import check_count


class _Workers:
    """The process's worker threads and the BLAS limit that holds while they work."""

    def __init__(self) -> None:
        self.count = 0  # not chosen yet
        self.pool: ThreadPoolExecutor | None = None
        self.lock = threading.Lock()
        self.users = 0  # calls that hold the BLAS at one thread
        self.blas: Any = None
        self.limit: Any = None


_workers = _Workers()


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
        The number of threads from now on.
    """
    n = available_cores() if n is None else check_count("set_threads", "n", n)
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
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_order(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Yield function(item) for each item, in order, worked out in the worker threads."""
    items = list(items)
    with one_blas_thread():
        if get_threads() == 1 or len(items) == 1:
            yield from map(function, items)
        else:
            yield from _pool().map(function, items)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold NumPy's BLAS at one thread; the last to leave puts the caller's limit back."""
    with _workers.lock:
        if _workers.users == 0:
            if _workers.blas is None:
                _workers.blas = ThreadpoolController().select(user_api="blas")
            _workers.limit = _workers.blas.limit(limits=1)
        _workers.users += 1
    try:
        yield
    finally:
        with _workers.lock:
            _workers.users -= 1
            if _workers.users == 0:
                _workers.limit.restore_original_limits()


def _pool() -> ThreadPoolExecutor:
    with _workers.lock:
        if _workers.pool is None:
            _workers.pool = ThreadPoolExecutor(get_threads(), thread_name_prefix="tinynet")
        return _workers.pool


def keep_memory() -> bool:
    """Ask glibc to keep freed memory for the next large array, instead of returning it and faulting it in again.

    A training step makes and drops hundreds of arrays of some megabytes. The setting is the process's own and holds
    until it ends. Elsewhere than with glibc nothing is done.

    Returns
    -------
    bool
        Whether the allocator took the settings.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # names and numbers of <malloc.h>
    gigabyte = 1 << 30
    done = [mallopt(mmap_threshold, gigabyte), mallopt(trim_threshold, gigabyte), mallopt(arena_max, 1)]
    return all(done)
