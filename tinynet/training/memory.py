"""Memory on the CPU: what a training step needs, and what a process may have."""
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import OutOfMemoryError
from ..network import Network
from ..ops.arrays import Shape

GB, MB = 1e9, 1e6
SURE = 0.9  # of the estimate is needed in any case
OWN_GROUPS, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


@contextmanager
def explain_memory(net: Network, image_shape: Shape, batch_size: int, optimizer: Any = None) -> Iterator[None]:
    """Say what a training step needs where the process may not have it, beforehand and after NumPy's error.

    Before, because the matrix library ends the process when it gets no memory, and so does the system beyond a limit.

    Raises
    ------
    OutOfMemoryError
    """
    free, (need, text) = allowed_memory(), needed(net, image_shape, batch_size, optimizer)
    if free is not None and SURE * need > free:
        raise OutOfMemoryError(f"out of memory: the process may have {gigabytes(free)} more, and {text}")
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(f"out of memory with a batch of {batch_size} images ({error}): {text}") from error


def needed(net: Network, image_shape: Shape, batch_size: int, optimizer: Any = None) -> tuple[float, str]:
    """Return the bytes that a training step needs, and say it.

    Parameters and gradients are of one size, and so is each array that the optimizer keeps of each: SGD has one, Adam
    two; of another optimizer one is counted. Of each layer the output is kept for backward. Measured, a step with SGD
    needed between 0.95 and 1.6 times as much (batches of 16 to 512, LeNet-5 to the paper's network).
    """
    summary = net.summary(image_shape)
    fixed = (2 + getattr(optimizer, "kept_arrays", 1)) * summary.parameter_bytes
    each = summary.activation_bytes
    need = fixed + batch_size * each
    return need, (
        f"a step of {net.name} needs about {gigabytes(need)} beside the program and the data, {fixed / MB:.3g} MB for "
        f"parameters, gradients and what the optimizer keeps, and {each / MB:.3g} MB for each image. A smaller batch "
        "(--batch-size, batch_size) needs less"
    )


def gigabytes(count: float) -> str:
    """Return a number of bytes in gigabytes, "1.7 GB" or "127 GB"."""
    return f"{count / GB:.2g} GB" if count < 100 * GB else f"{count / GB:.0f} GB"


def allowed_memory() -> int | None:
    """Return how many bytes the process may still take; None where that cannot be found out (Windows).

    The least of what the limits (ulimit -v, a container's) and the machine's memory leave. All of that counts, not what
    happens to be free: a minute later another program may have ended, and what is refused must be sure never to fit.
    """
    size, resident = taken_memory()
    found = [] if (total := machine_memory()) is None else [total - resident]
    with suppress(ImportError, AttributeError):  # Windows
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        found += [] if limit == resource.RLIM_INFINITY else [limit - size]
    with suppress(OSError, ValueError):  # files that may not be read, or are of another form
        found += [each - resident for each in group_limits()]
    return max(0, min(found)) if found else None


def taken_memory() -> tuple[int, int]:
    """Return how many bytes the process has, as addresses and in the machine's memory; 0 where that is not known."""
    try:
        size, resident = Path("/proc/self/statm").read_text().split()[:2]  # in pages
    except OSError:  # macOS, Windows
        return 0, 0
    page = os.sysconf("SC_PAGE_SIZE")
    return int(size) * page, int(resident) * page


def machine_memory() -> int | None:
    """Return the bytes of memory that the machine has, without what it swaps to a disk."""
    try:
        pages = os.sysconf("SC_PHYS_PAGES")  # Linux and macOS know it; -1 where it is not known
        return pages * os.sysconf("SC_PAGE_SIZE") if pages > 0 else None
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def group_limits() -> Iterator[int]:
    """Yield the limits, in bytes, of the control groups that the process is in: a container's, a batch system's."""
    for line in OWN_GROUPS.read_text().splitlines() if OWN_GROUPS.exists() else []:
        _, controllers, group = line.split(":", 2)  # "0::/slice/job"; in version 1 "9:memory:/slice/job"
        if controllers and "memory" not in controllers.split(","):
            continue
        root, name = (GROUPS / "memory", "memory.limit_in_bytes") if controllers else (GROUPS, "memory.max")
        folder = root / group.lstrip("/")
        for each in (folder, *folder.parents):
            if each.is_relative_to(root) and (each / name).exists():
                text = (each / name).read_text().strip()
                if text.isdigit():  # "max" for none
                    yield int(text)
