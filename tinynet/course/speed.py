"""How fast a student's layer is, and what that will cost in `tinynet course train`. It decides nothing."""
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .step import Step

IMAGES = 8000 * 5  # how many images go through a layer in `tinynet course train`
ENOUGH = 0.05  # seconds after which a measurement is long enough
SLOW = 300.0  # seconds of the whole training that one layer may take and still be called fast enough


class Workload(NamedTuple):
    """A layer as the course's AlexNet has it: the class, its settings, and the shape of one image."""

    name: str
    settings: dict[str, Any]
    shape: tuple[int, ...]


# The largest of each kind in SMALL of step 16 (of batch normalization and average pooling, in their place).
WORKLOADS: dict[int, Workload] = {
    1: Workload("ReLU", {}, (32, 32, 16)),
    2: Workload("Linear", {"in_features": 576, "out_features": 10}, (576,)),
    7: Workload("Conv2d", {"in_channels": 3, "out_channels": 16, "kernel_size": 5, "padding": 2}, (32, 32, 3)),
    8: Workload("GroupedConv2d", {"in_channels": 16, "out_channels": 32, "kernel_size": 3, "padding": 1, "groups": 2},
                (15, 15, 16)),
    9: Workload("MaxPool2d", {"kernel_size": 3, "stride": 2}, (32, 32, 16)),
    10: Workload("AvgPool2d", {"kernel_size": 3, "stride": 2}, (32, 32, 16)),
    11: Workload("LocalResponseNorm", {}, (32, 32, 16)),
    12: Workload("Dropout", {}, (576,)),
    13: Workload("BatchNorm2d", {"channels": 16}, (32, 32, 16)),
}


def speed(step: Step, namespace: Mapping[str, Any]) -> str:
    """Return a sentence on the speed of a step's layer; empty for a step without one."""
    if step.number not in WORKLOADS:
        return ""
    load = WORKLOADS[step.number]
    seconds = seconds_an_image(namespace[load.name](**load.settings), load.shape)
    total = IMAGES * seconds
    if total <= SLOW:
        return "fast enough"
    return f"right, but slow: {duration(seconds)} an image, {duration(total)} in `course train`"


def seconds_an_image(layer: Any, shape: tuple[int, ...], batches: tuple[int, ...] = (1, 8)) -> float:
    """Return how long forward and backward take for one image, measured on a part of one where they are slow.

    A layer in Python loops would take minutes for a batch: a smaller image comes first, and where that takes long
    already, the time is taken to go with the number of pixels.
    """
    size, generator = int(np.prod(shape)), np.random.default_rng(0)
    tries = [(1, (8, 8, shape[2]))] if len(shape) == 3 and shape[0] > 8 else []
    best = 0.0
    for count, image in (*tries, *((batch, shape) for batch in batches)):
        x = generator.standard_normal((count, *image)).astype(np.float32)
        best = timed(layer, x) * size / (count * float(np.prod(image)))
        if best * count * np.prod(image) / size > ENOUGH:
            break
    return best


def timed(layer: Any, x: np.ndarray) -> float:
    """Return how many seconds forward and backward take; the quicker of two where they take little."""
    times: list[float] = []
    while not times or (len(times) < 2 and times[0] < ENOUGH):
        start = time.process_time()
        y, saved = layer.forward(x, train=True)
        layer.backward(np.ones_like(y), saved)
        times.append(time.process_time() - start)
    return min(times)


def duration(seconds: float) -> str:
    """Write a time in words."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0)):
        if seconds >= 1.5 * length or unit == "seconds" and seconds >= 1:
            return f"{seconds / length:.0f} {unit}"
    return f"{1000 * seconds:.3g} ms"


