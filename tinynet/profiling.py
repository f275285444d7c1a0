"""Where a training step's time goes: each layer, forwards and back, beside what the machine could do."""
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .blocks import images_per_block
from .layer import Array, Layer, Shape
from .network import Network
from .primitives.twins import twin
from .tables import html_table, text_table
from .threads import get_threads, map_in_order, one_blas_thread

REPEATS = 5
HEAD = ["layer", "forward ms", "backward ms", "limit ms", "of limit", "GFLOP/s", "output kB"]


class Row(NamedTuple):
    """One layer, for one image and one thread.

    Attributes
    ----------
    forward, backward : float
        Seconds, the medians of a few passes.
    limit : float
        Seconds that both would take at the machine's measured rates: the larger of the products at the rate of
        matrix products, and the arrays that must be read and written at the rate of copying.
    operations : float
        Floating-point operations of the layer's products, forwards and back.
    bytes : int
        Memory of the output.
    """

    name: str
    forward: float
    backward: float
    limit: float
    operations: float
    bytes: int


class Profile:
    """What `profile` found; prints as a table."""

    def __init__(self, network: str, batch: int, rows: list[Row], gflops: float, copied: float) -> None:
        self.network, self.batch, self.rows, self.gflops, self.copied = network, batch, rows, gflops, copied

    def __str__(self) -> str:
        return f"{self.headline()}\n{text_table(HEAD, self.cells(), rules=[len(self.rows)])}"

    def _repr_html_(self) -> str:
        return f"<p>{self.headline()}</p>{html_table(HEAD, self.cells())}"

    def headline(self) -> str:
        """One line: what was measured, and the machine's rates."""
        return (
            f"{self.network}, batch {self.batch}: milliseconds an image on one thread; here a thread does "
            f"{self.gflops:.0f} GFLOP/s in matrix products and copies {self.copied:.1f} GB/s"
        )

    def cells(self) -> list[list[str]]:
        """The table, a row a layer and one of sums."""
        sums: list[Any] = [sum(column) for column in list(zip(*self.rows, strict=True))[1:]]
        total = Row("total", *sums)
        table = []
        for row in [*self.rows, total]:
            seconds = row.forward + row.backward
            rate = f"{row.operations / seconds / 1e9:.0f}" if row.operations else ""
            table.append([
                row.name, f"{1e3 * row.forward:.3f}", f"{1e3 * row.backward:.3f}", f"{1e3 * row.limit:.3f}",
                f"{row.limit / seconds:.0%}", rate, f"{row.bytes / 1e3:.0f}",
            ])
        return table


def profile(net: Network, batch: int = 128) -> Profile:
    """Time every layer of a network, as the executor runs it: blocks of images where a layer takes those, and twins.

    The images' own gradient is left out, as in training.
    """
    shape: Shape = net.input_shape or ()
    gflops, copied = product_rate(1), copy_rate()
    rows = []
    generator = np.random.default_rng(0)
    trainable = False  # whether a parameter lies below: without one, nothing goes back
    with one_blas_thread():
        for name, layer in net.layers.items():
            images = batch if layer.whole_batch else min(batch, images_per_block([layer], shape))
            x = generator.standard_normal((images, *shape), dtype=np.float32)
            rows.append(measure(name, layer, x, trainable, gflops, copied))
            trainable = trainable or bool(layer.params)
            shape = layer.output_shape(shape)
    return Profile(net.name, batch, rows, gflops, copied)


def measure(name: str, layer: Layer, x: Array, input_gradient: bool, gflops: float, copied: float) -> Row:
    """Time one layer on one block, or on the batch."""
    run: Any = twin(layer, x)
    y, saved = run.forward(x, True)
    goes_back = input_gradient or bool(layer.params)
    forward = median(lambda: run.forward(x, True)) / len(x)
    backward = median(lambda: run.backward(y, saved, input_gradient)) / len(x) if goes_back else 0.0
    products = 1 + bool(layer.params) + (input_gradient and bool(layer.params))  # y, dw, dx: as many operations each
    operations = 2.0 * products * layer.multiply_adds(x.shape[1:])
    # forward reads x and writes y, backward reads dy and what was saved and writes dx
    moved = (x.nbytes + y.nbytes + goes_back * (y.nbytes + x.nbytes + input_gradient * x.nbytes)) / len(x)
    limit = max(operations / gflops / 1e9, moved / copied / 1e9)
    return Row(name, forward, backward, limit, operations, y.nbytes // len(y))


def median(function: Callable[[], Any]) -> float:
    """Return the median of a few timings in seconds, after one that does not count."""
    function()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def product_rate(threads: int | None = None, size: int = 1536) -> float:
    """Return GFLOP/s of float32 matrix products, one product in each thread; default: tinynet's threads."""
    count = get_threads() if threads is None else threads
    pairs = [(np.ones((size, size), np.float32), np.ones((size, size), np.float32)) for _ in range(count)]

    def all_products() -> None:
        for _ in map_in_order(lambda pair: pair[0] @ pair[1], pairs):
            pass

    return count * 2 * size**3 / median(all_products) / 1e9


def copy_rate(megabytes: int = 16) -> float:
    """Return GB/s, read and written together, at which one thread copies an array of so many megabytes."""
    source = np.ones(megabytes * 250_000, np.float32)
    target = np.empty_like(source)
    return 2 * source.nbytes / median(lambda: np.copyto(target, source)) / 1e9
