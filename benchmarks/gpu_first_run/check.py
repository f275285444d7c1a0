"""`tinynet gpu-check`, line by line, so that what fails does not hide what comes after it.

    check.py OUTPUT_FOLDER            writes check.json: kernels, layers and a step of the paper's network
    check.py OUTPUT_FOLDER --small    small images once, without times, and writes nothing: for compute-sanitizer
"""
import subprocess
import sys
import time
from typing import Any

from common import REHEARSAL, Results, needed_cupy

from tinynet.measure.gpu_check import HEAD, STEP_TOLERANCES, TOLERANCES, comparisons, measured_card
from tinynet.measure.gpu_compare import LAYERS, kernel_cases, kernel_difference, layer_difference
from tinynet.models import alexnet, alexnet_small
from tinynet.tables import text_table


def main() -> None:
    folder, small = sys.argv[1], "--small" in sys.argv
    cupy = needed_cupy()
    if small:
        cupy.cuda.set_allocator(None)  # each array its own memory: in a pool's the sanitizer sees no end of an array
        check_small()
        return
    results, start = Results(folder, "check.json"), time.perf_counter()
    net, batch = (alexnet_small(16), 2) if REHEARSAL else (alexnet(), 128)
    card = measured_card(cupy)
    results.add({"bytes_per_second": card.copied, "float32_products": card.products}, "card")
    results.add({**TOLERANCES, "step": STEP_TOLERANCES}, "allowed")
    table: list[Any] = []
    lines = list(comparisons(net, batch, card))
    lines.sort(key=lambda line: not line[0].endswith("a training step"))  # what says most, first
    for name, compare in lines:
        if name in results.found.get("lines", {}):
            continue

        def row(compare=compare):
            item = compare()
            table.append(item.cells())
            return {"differences": item.differences, "right": item.passed, "seconds": item.seconds,
                    "predicted": item.predicted}

        if "failed" in results.attempt(row, "lines", name) and is_broken(cupy):
            print("the card fails whatever comes after this in its process: a new one goes on", flush=True)
            print(text_table(HEAD, table), flush=True)
            sys.exit(subprocess.call([sys.executable, *sys.argv]))
    results.add(time.perf_counter() - start, "took")
    print(text_table(HEAD, table))
    wrong = sum(not line.get("right", False) for line in results.found["lines"].values())
    print(f"{wrong} of {len(results.found['lines'])} lines are wrong or failed")
    sys.exit(bool(wrong))


def is_broken(cupy: Any) -> bool:
    """Tell whether an error has ended the process's work on the card, as an access to memory that is not its own does.
    """
    try:
        cupy.cuda.runtime.deviceSynchronize()
    except Exception:  # of CUDA
        return True
    return False


def check_small() -> None:
    """Run every kernel and every layer once."""
    for case in kernel_cases(alexnet_small(16)):
        print(case.where, case.kernel, kernel_difference(case, "float32"), flush=True)
    for layer, shape in LAYERS:
        print(type(layer).__name__, layer_difference(layer, shape, "float32"), flush=True)


if __name__ == "__main__":
    main()
