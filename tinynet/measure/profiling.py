"""Where a training step's time goes: each layer, forward and backward, beside what the machine could do."""
import copy
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..layers.base import Layer
from ..network import Network
from ..network.executor import images_per_block, shapes_of
from ..network.fast import fast_or_own
from ..network.params import library_of
from ..ops.arrays import Array, Shape, array_module, gpu_name, wait_for
from ..ops.threads import get_threads, map_in_order, one_blas_thread
from ..tables import html_table, text_table

REPEATS = 5
GPU_SECONDS, MOST_CALLS = 0.005, 200  # of one timing on a GPU
SLOW = 4.0  # GFLOP/s; one core with a BLAS does 10 times as much, NumPy alone in Pyodide 0.7
HEAD = ["layer", "runs as", "forward ms", "backward ms", "limit ms", "of limit", "GFLOP/s", "output kB"]


class LayerTime(NamedTuple):
    """One layer, for one image and one thread, or a GPU.

    Attributes
    ----------
    name : str
    runs_as : str
        "its own methods", or "fast: ..." for a fast implementation.
    forward, backward : float
        Seconds, the medians of a few passes.
    limit : float
        Seconds that both would take at the machine's measured rates: the larger of the products at the rate of
        matrix products, and the arrays that must be read and written at the rate of copying.
    operations : float
        Floating-point operations of the layer's products, forward and backward.
    bytes : int
        Memory of the output.
    """

    name: str
    runs_as: str
    forward: float
    backward: float
    limit: float
    operations: float
    bytes: int


class Profile:
    """What `profile` found; prints as a table."""

    def __init__(
        self, network: str, batch: int, rows: list[LayerTime], gflops: float, copied: float, device: str = "a thread"
    ) -> None:
        self.network, self.batch, self.rows, self.gflops, self.copied = network, batch, rows, gflops, copied
        self.device = device

    def __str__(self) -> str:
        return f"{self.headline()}\n{text_table(HEAD, self.cells(), rules=[len(self.rows)])}"

    def _repr_html_(self) -> str:
        return f"<p>{self.headline()}</p>{html_table(HEAD, self.cells())}"

    def headline(self) -> str:
        """One line: what was measured, and the machine's rates."""
        return (
            f"{self.network}, batch {self.batch}: milliseconds an image on {self.device}, which does "
            f"{self.gflops:.0f} GFLOP/s in matrix products and copies {self.copied:.1f} GB/s"
        )

    def cells(self) -> list[list[str]]:
        """The table, a row a layer and one of sums."""
        sums: list[Any] = [sum(column) for column in list(zip(*self.rows, strict=True))[2:]]
        total = LayerTime("total", "", *sums)
        table = []
        for row in [*self.rows, total]:
            seconds = row.forward + row.backward
            rate = f"{row.operations / seconds / 1e9:.0f}" if row.operations else ""
            table.append([
                row.name, row.runs_as, *(f"{1e3 * time:.3f}" for time in (row.forward, row.backward, row.limit)),
                f"{row.limit / seconds:.0%}", rate, f"{row.bytes / 1e3:.0f}",
            ])
        return table


def profile(net: Network, batch: int = 128) -> Profile:
    """Time every layer of a network where it is, as a training runs it: with what is fast, on the CPU in blocks.

    The images' own gradient is left out, as in training. The network stays as it is: layers that training changes
    without gradients run as copies. ArgumentError for a network that does not say its images' size.
    """
    if net.input_shape is None:
        raise ArgumentError(f"profile: {net.name} does not say its input's shape: Network(..., input_shape=(H, W, C))")
    shape: Shape = net.input_shape
    dtype = np.float32 if net.dtype is None else net.dtype
    xp, on_cpu = library_of(net), library_of(net) is np
    gflops, copied = (product_rate(1), copy_rate()) if on_cpu else gpu_rates(xp)
    rows = []
    generator = np.random.default_rng(0)
    trainable = False  # whether a layer below has parameters: if not, no gradient is needed
    with one_blas_thread():
        for name, layer in net.layers.items():
            in_blocks = on_cpu and not layer.whole_batch
            images = min(batch, images_per_block(shapes_of([layer], shape))) if in_blocks else batch
            x = xp.asarray(generator.standard_normal((images, *shape)), dtype=dtype)
            changes = isinstance(layer, Network) or layer.buffers or layer.generator is not None
            rows.append(measure(name, copy.deepcopy(layer) if changes else layer, x, trainable, gflops, copied))
            trainable = trainable or bool(layer.params)
            shape = layer.output_shape(shape)
    return Profile(net.name, batch, rows, gflops, copied, "one thread" if on_cpu else f"the {gpu_name()}")


def measure(name: str, layer: Layer, x: Array, input_gradient: bool, gflops: float, copied: float) -> LayerTime:
    """Time one layer on one block, or on the batch."""
    run = fast_or_own(layer, x, x.shape[1:], name)
    y, saved = run.forward(x, True)
    back = fast_or_own(layer, x, x.shape[1:], name, "backward")
    goes_back = input_gradient or bool(layer.params)
    forward = median(lambda: run.forward(x, True), x) / len(x)
    backward = median(lambda: back.backward(y, saved, input_gradient), x) / len(x) if goes_back else 0.0
    products = 1 + bool(layer.params) + (input_gradient and bool(layer.params))  # y, dw, dx: as many operations each
    operations = 2.0 * products * layer.multiply_adds(x.shape[1:])
    # forward reads x and writes y, backward reads dy and what was saved and writes dx
    moved = (x.nbytes + y.nbytes + goes_back * (y.nbytes + x.nbytes + input_gradient * x.nbytes)) / len(x)
    limit = max(operations / gflops / 1e9, moved / copied / 1e9)
    return LayerTime(name, runs_as(run, back), forward, backward, limit, operations, y.nbytes // len(y))


def runs_as(forward: Any, backward: Any) -> str:
    """Say which code runs for a layer: its own methods, or a fast implementation, for both passes or for one."""
    labels = [getattr(run, "label", "") for run in (forward, backward)]
    if not any(labels):
        return "its own methods"
    return "fast: " + " / ".join(dict.fromkeys(label or "its own methods" for label in labels))


def median(function: Callable[[], Any], where: Array = None) -> float:
    """Return the median of a few timings in seconds, after one that does not count.

    If the array `where` is on a GPU, each is of so many calls that waiting for them at the end hardly counts.
    """
    def timed(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        wait_for(where)
        return (time.perf_counter() - start) / calls

    timed(1)
    calls = 1 if array_module(where) is np else max(1, min(MOST_CALLS, int(GPU_SECONDS / max(timed(1), 1e-9))))
    return statistics.median(timed(calls) for _ in range(REPEATS))


def product_rate(threads: int | None = None, size: int | None = None) -> float:
    """Return GFLOP/s of float32 matrix products, one product in each thread; default: tinynet's threads.

    The matrices have 1536 rows; 256 where these are so slow, without a BLAS as in a browser, that others take minutes.
    """
    count = get_threads() if threads is None else threads

    def rate(size: int) -> float:
        pairs = [(np.ones((size, size), np.float32), np.ones((size, size), np.float32)) for _ in range(count)]

        def all_products() -> None:
            for _ in map_in_order(lambda pair: pair[0] @ pair[1], pairs):
                pass

        return count * 2 * size**3 / median(all_products) / 1e9

    small = rate(256 if size is None else size)
    return small if size is not None or small < SLOW else rate(1536)


def copy_rate(megabytes: int = 16) -> float:
    """Return GB/s, read and written together, at which one thread copies an array of so many megabytes."""
    return copied_per_second(np.ones(megabytes * 250_000, np.float32)) / 1e9


def gpu_rates(xp: Any, size: int = 4096, megabytes: int = 256) -> tuple[float, float]:
    """Return GFLOP/s of float32 matrix products and GB/s of copying, of a GPU; arguments as for the CPU's."""
    a = xp.ones((size, size), np.float32)
    products = 2 * size**3 / median(lambda: a @ a, a)
    return products / 1e9, copied_per_second(xp.ones(megabytes * 250_000, np.float32)) / 1e9


def copied_per_second(source: Array) -> float:
    """Return the bytes, read and written together, of copying an array, in a second."""
    target = array_module(source).empty_like(source)

    def copy() -> None:
        target[...] = source

    return 2 * source.nbytes / median(copy, source)
