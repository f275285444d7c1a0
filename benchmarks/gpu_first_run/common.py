"""What the parts of the first run on a GPU share: results written as they come, and times by the GPU's clock."""
import json
import os
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.measure import profiling
from tinynet.ops.arrays import Array, Shape, why_no_gpu

SKIPPED = 77  # how a part ends that lacks something, and has said what
REHEARSAL = bool(os.environ.get("REHEARSAL"))  # tiny sizes, over the stand-in for CuPy
if REHEARSAL:
    profiling.gpu_rates.__defaults__, profiling.REPEATS = (64, 1), 1  # type: ignore[misc]


class Results:
    """A JSON file that is written anew whenever something is added, so that nothing is lost when a part is cut off."""

    def __init__(self, folder: str, name: str) -> None:
        self.path = Path(folder) / name
        self.found: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}

    def add(self, value: Any, *keys: str) -> None:
        """Put a value under keys that lie in each other."""
        inside = self.found
        for key in keys[:-1]:
            inside = inside.setdefault(key, {})
        inside[keys[-1]] = value
        partial = self.path.with_suffix(".partial")  # a part may be cut off while it writes
        partial.write_text(json.dumps(self.found, indent=1) + "\n")
        partial.replace(self.path)

    def attempt(self, function: Callable[[], Any], *keys: str) -> Any:
        """Add what a function returns, or how it failed; the next one is to run in any case."""
        try:
            value = function()
        except Exception as error:  # of whatever kind a library raises that meets a card for the first time
            traceback.print_exc()
            value = {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        self.add(value, *keys)
        return value


def needed_cupy() -> Any:
    """Return CuPy; end the part where it cannot compute."""
    reason = why_no_gpu()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    import cupy

    return cupy


def time_on_gpu(xp: Any, function: Callable[[], Any], seconds: float = 0.05, rounds: int = 3) -> float:
    """Return the seconds that a function takes on the GPU, by CuPy's events: the median of a few rounds.

    A round repeats it for about so many seconds, so that the GPU does not wait for Python between two of them.
    """
    def repeat(count: int) -> float:
        start, end = xp.cuda.Event(), xp.cuda.Event()
        start.record()
        for _ in range(count):
            function()
        end.record()
        end.synchronize()
        return xp.cuda.get_elapsed_time(start, end) / 1e3 / count

    function()
    count = max(1, min(200, int(seconds / max(repeat(1), 1e-6))))
    return statistics.median(repeat(count) for _ in range(1 if REHEARSAL else rounds))


def numbers(xp: Any, shape: Shape) -> Array:
    """Return float32 numbers from -1 to 1, made where they are needed."""
    return xp.sin(xp.arange(np.prod(shape), dtype=np.float32)).reshape(shape)


def traced(function: Callable[[], Any]) -> dict[str, Any]:
    """Return what the GPU did while a function ran, of CuPy's and of PyTorch's, by PyTorch's profiler.

    Returns
    -------
    dict
        seconds : by this computer's clock; busy : of the GPU. kernels : name, count and seconds, longest first.
        copies : count and bytes by direction.
    """
    import torch
    from torch.profiler import ProfilerActivity, profile

    on_gpu = torch.cuda.is_available()
    with tempfile.TemporaryDirectory() as folder:
        with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as profiler:
            start = time.perf_counter()
            function()
            if on_gpu:
                torch.cuda.synchronize()  # all streams
            seconds = time.perf_counter() - start
        profiler.export_chrome_trace(f"{folder}/trace.json")
        events = json.loads(Path(folder, "trace.json").read_text())["traceEvents"]
    return {"seconds": seconds, **summed(events)}


def summed(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum up the events of a trace, by kernel and by direction of copying."""
    kernels: dict[str, list[float]] = {}
    copies: dict[str, list[int]] = {}
    for event in events:
        if event.get("cat") == "kernel":
            found = kernels.setdefault(event["name"][:120], [0, 0.0])
            found[0] += 1
            found[1] += event["dur"] / 1e6
        elif event.get("cat") == "gpu_memcpy":
            there = copies.setdefault(event["name"], [0, 0])
            there[0] += 1
            there[1] += event.get("args", {}).get("bytes", 0)
    longest = sorted(kernels.items(), key=lambda item: -item[1][1])
    return {
        "busy": sum(seconds for _, (_, seconds) in longest), "launches": sum(int(n) for _, (n, _) in longest),
        "kernels": [{"name": name, "count": n, "seconds": seconds} for name, (n, seconds) in longest[:30]],
        "copies": {name: {"count": n, "bytes": size} for name, (n, size) in copies.items()},
    }
