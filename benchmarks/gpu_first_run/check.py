"""`tinynet gpu-check`, line by line, so that what fails does not hide what comes after it.

    check.py OUTPUT_FOLDER            writes check.json: kernels, layers and a step of the paper's network
    check.py OUTPUT_FOLDER --small    small images once, without times, and writes nothing: for compute-sanitizer
"""
import sys
import time

from common import REHEARSAL, Results, needed_cupy

from tinynet.measure.gpu_check import HEAD, STEP_TOLERANCES, TOLERANCES, comparisons, measured_card
from tinynet.measure.gpu_compare import LAYERS, kernel_cases, kernel_difference, layer_difference
from tinynet.models import alexnet, alexnet_small
from tinynet.tables import text_table


def main() -> None:
    folder, small = sys.argv[1], "--small" in sys.argv
    cupy = needed_cupy()
    if small:
        check_small()
        return
    results, start = Results(folder, "check.json"), time.perf_counter()
    net, batch = (alexnet_small(16), 2) if REHEARSAL else (alexnet(), 128)
    card = measured_card(cupy)
    results.add({"bytes_per_second": card.copied, "float32_products": card.products}, "card")
    results.add({**TOLERANCES, "step": STEP_TOLERANCES}, "allowed")
    wrong, table = 0, []
    for name, compare in comparisons(net, batch, card):
        def row(compare=compare):
            item = compare()
            table.append(item.cells())
            return {"differences": item.differences, "right": item.passed, "seconds": item.seconds,
                    "predicted": item.predicted}

        wrong += not results.attempt(row, "lines", name).get("right", False)
    results.add(time.perf_counter() - start, "took")
    print(text_table(HEAD, table))
    print(f"{wrong} of {len(results.found['lines'])} lines are wrong or failed")
    sys.exit(bool(wrong))


def check_small() -> None:
    """Run every kernel and every layer once."""
    for case in kernel_cases(alexnet_small(16)):
        print(case.where, case.kernel, kernel_difference(case, "float32"), flush=True)
    for layer, shape in LAYERS:
        print(type(layer).__name__, layer_difference(layer, shape, "float32"), flush=True)


if __name__ == "__main__":
    main()
