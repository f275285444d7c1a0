"""What the first run on a GPU ran on: machine.py OUTPUT_FOLDER writes machine.json."""
import io
import os
import platform
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version

from common import Results, needed_cupy

ASKED = "name,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit,pcie.link.gen.max"


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("numpy", "cupy-cuda13x", "cupy-cuda12x", "torch", "pillow", "pytest", "mpi4py"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def card(cupy) -> dict[str, object]:
    """The card's properties that times depend on."""
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.runtime.getDevice())
    wanted = ("name", "multiProcessorCount", "l2CacheSize", "totalGlobalMem", "memoryBusWidth", "major", "minor")
    found = {key: properties[key] for key in wanted if key in properties}
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in found.items()}


def configuration(cupy) -> str:
    text = io.StringIO()
    with redirect_stdout(text):
        cupy.show_config()
    return text.getvalue()


def main() -> None:
    results = Results(sys.argv[1], "machine.json")
    results.add({"processors": os.cpu_count(), "system": platform.platform(), **versions()}, "versions")
    results.attempt(lambda: subprocess.run(
        ["nvidia-smi", f"--query-gpu={ASKED}", "--format=csv,noheader"], capture_output=True, text=True, timeout=10,
    ).stdout.strip(), "nvidia-smi")
    cupy = needed_cupy()
    results.attempt(lambda: card(cupy), "card")
    results.attempt(lambda: configuration(cupy), "cupy")
    print(results.found)


if __name__ == "__main__":
    main()
