"""Out of memory on a GPU: what an image needs, what there is, and which batch would fit."""
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import GpuMemoryError
from ..ops.processes import images_of_all

SPARE = 0.95  # of the free memory is counted on: the pool rounds sizes up
MB = 1e6


@contextmanager
def explain_out_of_memory(images: int, run: Callable[[int], Any] | None, inputs: int = 1) -> Iterator[None]:
    """Turn CuPy's error about a batch into one that says which batch would fit.

    Parameters
    ----------
    images : int
        Of the batch that is worked on inside the `with`, or of this process's share of it.
    run : function of an int, or None
        Does the same with fewer images of that batch. It is called after the error, to see what they take. None: that
        cannot be tried, as another process would have to take part.
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
        whole = images_of_all(images)
        text = f"out of memory on the GPU with a batch of {whole * inputs} inputs" + (
            f", {images * inputs} of them in this process" if whole > images else "")
        if run is None:
            text += ": take a smaller batch size (--batch-size, batch_size)"
        else:
            text += explanation(images, run, inputs * whole / images)
        raise GpuMemoryError(text) from None


def out_of_memory() -> tuple[type[BaseException], ...]:
    """Return CuPy's error for a full memory, to be caught; nothing where CuPy is not in use."""
    cupy = sys.modules.get("cupy")
    return () if cupy is None else (cupy.cuda.memory.OutOfMemoryError,)


def explanation(images: int, run: Callable[[int], Any], inputs: float) -> str:
    """Say what an image needs and which batch would fit, from trials with one image and with some.

    `inputs` are those of a batch for each image of this process.
    """
    import cupy

    bytes_for(1, run, cupy)  # makes what is made but once: the optimizer's arrays, what cuBLAS keeps
    free = free_memory(cupy)
    head = f": {free / MB:.3g} MB were free for it, "
    one, some = bytes_for(1, run, cupy), max(2, images // 4)
    if one is None or images == 1:
        return f"{head}and not even one image fits beside the parameters"
    several = bytes_for(some, run, cupy)
    while several is None and some > 2:
        some //= 2
        several = bytes_for(some, run, cupy)
    if several is None:
        return f"{head}one image needs {one / MB:.1f} MB, and two do not fit: take a batch size of {int(inputs)}"
    each = max(1.0, (several - one) / (some - 1))
    whatever = one - each  # gradients of the parameters, for instance
    fitting = max(1, min(images - 1, int((SPARE * free - whatever) / each)))
    return (f"{head}an image needs {each / MB:.3g} MB, and {whatever / MB:.3g} MB are needed whatever their number. "
            f"A batch size of {int(fitting * inputs)} would fit (--batch-size, batch_size)")


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
