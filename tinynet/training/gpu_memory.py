"""Out of memory on a GPU: what an image needs, what there is, and which batch would fit."""
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import GpuMemoryError

SPARE = 0.95  # of the free memory is counted on: the pool rounds sizes up
MB = 1e6


@contextmanager
def explain_out_of_memory(images: int, run: Callable[[int], Any], inputs: int = 1) -> Iterator[None]:
    """Turn CuPy's error about a batch into one that says which batch would fit.

    Parameters
    ----------
    images : int
        Of the batch that is worked on inside the `with`.
    run : function of an int
        Does the same with fewer images of that batch. It is called after the error, to see what they take.
    inputs : int
        To the network for each image (ten with ten crops), which are what a batch size counts.

    Raises
    ------
    GpuMemoryError
    """
    try:
        yield
    except out_of_memory() as error:
        traceback.clear_frames(error.__traceback__)  # which hold the arrays of the batch
        text = explanation(images, run, inputs)
        raise GpuMemoryError(text) from None


def out_of_memory() -> tuple[type[BaseException], ...]:
    """Return CuPy's error for a full memory, to be caught; nothing where CuPy is not in use."""
    cupy = sys.modules.get("cupy")
    return () if cupy is None else (cupy.cuda.memory.OutOfMemoryError,)


def explanation(images: int, run: Callable[[int], Any], inputs: int) -> str:
    """Say what an image needs and which batch would fit, from trials with one image and with some."""
    import cupy

    bytes_for(1, run, cupy)  # makes what is made but once: the optimizer's arrays, what cuBLAS keeps
    free = free_memory(cupy)
    head = f"out of memory on the GPU with a batch of {images * inputs} inputs: {free / MB:.3g} MB were free for it, "
    one, some = bytes_for(1, run, cupy), max(2, images // 4)
    if one is None or images == 1:
        return f"{head}and not even one image fits beside the parameters"
    several = bytes_for(some, run, cupy)
    while several is None and some > 2:
        some //= 2
        several = bytes_for(some, run, cupy)
    if several is None:
        return f"{head}one image needs {one / MB:.1f} MB, and two do not fit: take a batch size of {inputs}"
    each = max(1.0, (several - one) / (some - 1))
    whatever = one - each  # gradients of the parameters, for instance
    fitting = max(1, min(images - 1, int((SPARE * free - whatever) / each)))
    return (f"{head}an image needs {each / MB:.3g} MB, and {whatever / MB:.3g} MB are needed whatever their number. "
            f"A batch size of {fitting * inputs} would fit (--batch-size, batch_size)")


def free_memory(cupy: Any) -> int:
    """Return the bytes that a batch can have: the GPU's free ones, or what CuPy's pool may still take, if less."""
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    free, _ = cupy.cuda.runtime.memGetInfo()
    limit = pool.get_limit()
    return min(free, limit - pool.used_bytes()) if limit else free


def bytes_for(images: int, run: Callable[[int], Any], cupy: Any) -> int | None:
    """Return how far CuPy's pool grows while `run` works on so many images; None where they do not fit."""
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    before = pool.total_bytes()
    try:
        run(images)
    except out_of_memory() as error:
        traceback.clear_frames(error.__traceback__)
        return None
    return pool.total_bytes() - before
