"""`tinynet gpu-check`: on a machine with a GPU, everything that runs there against NumPy, and how long it takes."""
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..errors import NotFiniteError
from ..network import Network
from ..network.describe import describe
from ..ops import cuda_ops
from ..ops.arrays import gpu_name, to_gpu
from ..tables import text_table
from ..training.gpu_memory import explain_out_of_memory
from ..training.optim import SGD
from ..training.step import training_step
from .gpu_compare import (
    IMAGES,
    LAYERS,
    UPDATES,
    Case,
    kernel_arguments,
    kernel_cases,
    kernel_difference,
    layer_difference,
    moved,
    step_difference,
)
from .gpu_prediction import OF_BANDWIDTH, OF_PRODUCTS, predict_kernel, predict_step, step_work
from .profiling import gpu_rates, median, profile

DTYPES = ("float32", "float64")
# The largest difference allowed, as a part of NumPy's largest number: sums are added up in another order.
TOLERANCES = {"float32": 1e-4, "float64": 1e-11}
# In a training step rounding also decides which of two nearly equal numbers is a maximum, and whether one next to 0 is
# above it; the gradient then takes another way. NumPy's gradients of the paper's network in float32 and float64
# differ by 2e-6 for 15 batches of 2 images, but by up to 1e-2 for 3 others. A mistake shows in float64.
STEP_TOLERANCES = {"float32": 5e-2, "float64": 1e-9}
HEAD = ["what", "float32", "float64", "verdict", "ms", "predicted ms"]


class ComparedItem(NamedTuple):
    """One line of the table.

    Attributes
    ----------
    name : str
    differences : dict of str to float
        By dtype: the largest difference from NumPy, as a part of NumPy's largest number.
    allowed : dict of str to float
    seconds, predicted : float or None
        In float32, with a batch of the size asked for.
    """

    name: str
    differences: Mapping[str, float]
    allowed: Mapping[str, float] = TOLERANCES
    seconds: float | None = None
    predicted: float | None = None

    @property
    def passed(self) -> bool:
        """Whether all differences are small; nan, an infinity or another shape is none of them."""
        return all(found <= self.allowed[dtype] for dtype, found in self.differences.items())

    def cells(self) -> list[str]:
        """The line as text."""
        found = [f"{self.differences[dtype]:.0e}" if self.differences[dtype] else "0" for dtype in DTYPES]
        verdict = "right" if self.passed else "WRONG"
        times = ["" if time is None else f"{1e3 * time:.3f}" for time in (self.seconds, self.predicted)]
        return [self.name, *found, verdict, *times]


class Report:
    """What `check` found; prints as a table."""

    def __init__(self, headline: str, rows: list[ComparedItem]) -> None:
        self.headline, self.rows = headline, rows

    @property
    def wrong(self) -> list[str]:
        """Names of the lines whose numbers are not NumPy's."""
        return [row.name for row in self.rows if not row.passed]

    def __str__(self) -> str:
        return f"{self.headline}\n{text_table(HEAD, [row.cells() for row in self.rows])}"


def check(net: Network, batch: int = 128) -> Report:
    """Compare kernels, layers and a training step on the GPU with NumPy, and time them.

    Parameters
    ----------
    net : Network
        On the CPU, with layers that `gpu_prediction` knows. Its layers' shapes are those that kernels are run at.
    batch : int
        Images at a time when times are taken; compared are a few.
    """
    import cupy

    gflops, copied = gpu_rates(cupy)
    card = 1e9 * copied / OF_BANDWIDTH, 1e9 * gflops / OF_PRODUCTS  # predictions take a share of a GPU's best rates
    predicted = predict_step(net, batch, *card)  # ArgumentError for a layer that it does not know
    rows = [compare_kernel(case, batch, card) for case in kernel_cases(net)]
    rows += [ComparedItem(describe(layer), {dtype: layer_difference(layer, shape, dtype) for dtype in DTYPES})
             for layer, shape in LAYERS]
    rows += compare_layers(net, batch, card)
    step = ComparedItem(f"{net.name}: a training step", {dtype: step_difference(net, dtype) for dtype in DTYPES},
                        STEP_TOLERANCES)
    rows.append(step._replace(seconds=step_seconds(net, batch), predicted=predicted))
    headline = (f"{gpu_name()}: copies {copied:.0f} GB/s and does {gflops:.0f} GFLOP/s in float32 products, from which "
                f"times are predicted. Differences from NumPy with {IMAGES} images; times in float32 with {batch}.")
    return Report(headline, rows)


def compare_kernel(case: Case, batch: int, card: tuple[float, float]) -> ComparedItem:
    """Compare a kernel with its NumPy function, and time it."""
    differences = {dtype: kernel_difference(case, dtype) for dtype in DTYPES}
    there = [moved(argument) for argument in kernel_arguments(case, batch, "float32")]
    seconds = median(lambda: getattr(cuda_ops, case.kernel)(*there), there[0])
    shape = case.shape if case.kernel in UPDATES else (batch, *case.shape)
    predicted = predict_kernel(case.kernel, shape, *card, window=case.window, size=case.size)
    return ComparedItem(f"{case.where}: {case.kernel}", differences, seconds=seconds, predicted=predicted)


def compare_layers(net: Network, batch: int, card: tuple[float, float]) -> list[ComparedItem]:
    """Compare and time each layer of a network, forward and backward."""
    shapes = [net.input_shape or (), *net.shapes(net.input_shape or ()).values()]
    predicted = dict.fromkeys(net.layers, 0.0)
    for work in step_work(net, batch):
        if work.part in predicted and work.phase != "update":
            predicted[work.part] += work.seconds(*card)
    with explain_out_of_memory(batch, lambda images: profile(to_gpu(net), images)):
        times = {row.name: batch * (row.forward + row.backward) for row in profile(to_gpu(net), batch).rows}
    return [
        ComparedItem(name, {dtype: layer_difference(layer, (IMAGES, *shape), dtype) for dtype in DTYPES},
                     seconds=times[name], predicted=predicted[name])
        for (name, layer), shape in zip(net.layers.items(), shapes, strict=False)
    ]


def step_seconds(net: Network, batch: int) -> float | None:
    """Return the time of a training step, with the images on the GPU already; None where its numbers are not finite."""
    there, generator = to_gpu(net), np.random.default_rng(0)
    shape = net.input_shape or ()
    images = to_gpu(generator.standard_normal((batch, *shape), dtype=np.float32))
    labels = generator.integers(0, net.output_shape(shape)[0], batch)
    optimizer = SGD(there)

    def step(count: int = batch) -> None:
        training_step(there, images[:count], labels[:count], optimizer)

    with explain_out_of_memory(batch, step):
        try:
            return median(step, images)
        except NotFiniteError:
            return None
