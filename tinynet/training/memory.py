"""Memory on the CPU: what a training step needs, and the limit that a process may have."""
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
        raise OutOfMemoryError(f"out of memory: the process may have {free / GB:.2g} GB more, and {text}")
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
        f"a step of {net.name} needs about {need / GB:.2g} GB beside the program and the data, {fixed / MB:.3g} MB for "
        f"parameters, gradients and what the optimizer keeps, and {each / MB:.3g} MB for each image. A smaller batch "
        "(--batch-size, batch_size) needs less"
    )


def allowed_memory() -> int | None:
    """Return how many bytes the process may still take by its limits (ulimit -v, a container's); None without any."""
    try:
        import resource

        sizes = Path("/proc/self/statm").read_text().split()  # the process's addresses and resident pages
    except (ImportError, OSError):  # Windows, macOS
        return None
    size, resident = (int(pages) * resource.getpagesize() for pages in sizes[:2])
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    found = [] if limit == resource.RLIM_INFINITY else [limit - size]
    with suppress(OSError, ValueError):  # files that may not be read, or are of another form
        found += [each - resident for each in group_limits()]
    return max(0, min(found)) if found else None


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
