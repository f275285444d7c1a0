"""`tinynet gpu-check`: on a machine with a GPU, everything that runs there against NumPy, and how long it takes."""
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from ..errors import NotFiniteError
from ..layers.base import Layer
from ..network import Network
from ..network.describe import describe
from ..ops import cuda_ops
from ..ops.arrays import Shape, gpu_name, to_gpu
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
from .gpu_prediction import predict_kernel, predict_step, step_work
from .gpu_work import OF_BANDWIDTH, OF_PRODUCTS
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

    card = measured_card(cupy)
    rows = [compare() for _, compare in comparisons(net, batch, card)]
    headline = (f"{gpu_name()}: copies {card.copied / 1e9:.0f} GB/s and does {card.products / 1e9:.0f} GFLOP/s in "
                f"float32 products, from which times are predicted. Differences from NumPy with {IMAGES} images; times "
                f"in float32 with {batch}.")
    return Report(headline, rows)


class Rates(NamedTuple):
    """A GPU's measured rates: bytes copied, read and written together, and operations of float32 products a second."""

    copied: float
    products: float

    @property
    def best(self) -> tuple[float, float]:
        """The rates that it should be published with, of which predictions take a share."""
        return self.copied / OF_BANDWIDTH, self.products / OF_PRODUCTS


def measured_card(cupy: Any) -> Rates:
    """Measure the rates of the GPU in use."""
    gflops, copied = gpu_rates(cupy)
    return Rates(1e9 * copied, 1e9 * gflops)


def comparisons(net: Network, batch: int, card: Rates) -> Iterator[tuple[str, Callable[[], ComparedItem]]]:
    """Yield each line's name, and a function that compares and times what it is about; arguments as for `check`."""
    predicted = predict_step(net, batch, *card.best)  # ArgumentError for a layer that it does not know
    for case in kernel_cases(net):
        yield f"{case.where}: {case.kernel}", partial(compare_kernel, case, batch, card)
    for layer, shape in LAYERS:
        yield describe(layer), partial(compare_layer, layer, shape)
    shapes = [net.input_shape or (), *net.shapes(net.input_shape or ()).values()]
    times = cache(partial(layer_times, net, batch))  # one run through the network, when the first line asks for it
    for (name, layer), shape in zip(net.layers.items(), shapes, strict=False):
        yield name, partial(compare_in_net, name, layer, shape, times, layer_prediction(net, name, batch, card))
    yield f"{net.name}: a training step", partial(compare_step, net, batch, predicted)


def compare_kernel(case: Case, batch: int, card: Rates) -> ComparedItem:
    """Compare a kernel with its NumPy function, and time it."""
    differences = {dtype: kernel_difference(case, dtype) for dtype in DTYPES}
    there = [moved(argument) for argument in kernel_arguments(case, batch, "float32")]
    seconds = median(lambda: getattr(cuda_ops, case.kernel)(*there), there[0])
    shape = case.shape if case.kernel in UPDATES else (batch, *case.shape)
    predicted = predict_kernel(case.kernel, shape, *card.best, window=case.window, size=case.size)
    return ComparedItem(f"{case.where}: {case.kernel}", differences, seconds=seconds, predicted=predicted)


def compare_layer(layer: Layer, shape: Shape) -> ComparedItem:
    """Compare one of `LAYERS`, whose time says nothing."""
    return ComparedItem(describe(layer), {dtype: layer_difference(layer, shape, dtype) for dtype in DTYPES})


def compare_in_net(
    name: str, layer: Layer, shape: Shape, times: Callable[[], dict[str, float]], predicted: float
) -> ComparedItem:
    """Compare a layer of a network, forward and backward, and look up its time."""
    differences = {dtype: layer_difference(layer, (IMAGES, *shape), dtype) for dtype in DTYPES}
    return ComparedItem(name, differences, seconds=times()[name], predicted=predicted)


def layer_times(net: Network, batch: int) -> dict[str, float]:
    """Time each layer of a network on the GPU, forward and backward, in seconds for the batch."""
    with explain_out_of_memory(batch, lambda images: profile(to_gpu(net), images)):
        return {row.name: batch * (row.forward + row.backward) for row in profile(to_gpu(net), batch).rows}


def layer_prediction(net: Network, name: str, batch: int, card: Rates) -> float:
    """Predict a layer's time, forward and backward."""
    return sum(work.seconds(*card.best) for work in step_work(net, batch)
               if work.part == name and work.phase != "update")


def compare_step(net: Network, batch: int, predicted: float) -> ComparedItem:
    """Compare and time a training step."""
    differences = {dtype: step_difference(net, dtype) for dtype in DTYPES}
    name = f"{net.name}: a training step"
    return ComparedItem(name, differences, STEP_TOLERANCES, step_seconds(net, batch), predicted)


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
