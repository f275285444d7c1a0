"""Trainings on a GPU: a small network as on the CPU, an epoch of a larger one, memory, and what is copied.

    training.py OUTPUT_FOLDER    writes training.json
"""
import sys
import time
from typing import Any

import numpy as np
from common import REHEARSAL, Results, needed_cupy, traced
from drawn import drawn_images

import tinynet as tn

SIZES = {"small": (4000, 1000, 32, 8), "medium": (1024, 256, 127, 1), "counted": (256, 64, 32, 1)}
if REHEARSAL:
    SIZES = {"small": (8, 4, 16, 2), "medium": (4, 2, 16, 1), "counted": (4, 2, 16, 1)}
KEYS = ("train_loss", "train_error", "validation_loss", "validation_error")


def train(net: Any, which: str) -> dict[str, Any]:
    """Train a network; return its curves, the seconds, and the images a second of training and validation together."""
    count, others, size, epochs = SIZES[which]
    start = time.perf_counter()
    (images, labels), (unseen, names) = drawn_images(count, size, 0), drawn_images(others, size, 1)
    if which == "medium":  # whose recipe wants pixels divided by about their deviation
        images, unseen = images / np.float32(58), unseen / np.float32(58)
    drawn = time.perf_counter()
    history = tn.fit(net, (images, labels), (unseen, names), epochs=epochs, batch_size=64, augmentation=False,
                     progress=False)
    seconds = time.perf_counter() - drawn
    return {
        "curves": {key: [row[key] for row in history] for key in KEYS}, "seconds": seconds,
        "images_per_second": epochs * (count + others) / seconds, "drawing_took": drawn - start,
    }


def main() -> None:
    cupy = needed_cupy()
    results, pool = Results(sys.argv[1], "training.json"), cupy.get_default_memory_pool()
    small, size = tn.alexnet_small, SIZES["small"][2]
    for where, net in (("gpu", tn.to_gpu(small(size))), ("cpu", small(size))):
        print(where, results.attempt(lambda net=net: train(net, "small"), "alexnet-small", where), flush=True)
    pool.free_all_blocks()
    net = small(16) if REHEARSAL else tn.alexnet_medium()
    print(results.attempt(lambda: train(tn.to_gpu(net), "medium"), "alexnet-medium", "gpu"), flush=True)
    results.add({"pool_bytes": pool.total_bytes(), "parameters": net.parameter_count}, "alexnet-medium", "memory")
    results.attempt(lambda: traced(lambda: train(tn.to_gpu(small(SIZES["counted"][2])), "counted")), "copies")


if __name__ == "__main__":
    main()
