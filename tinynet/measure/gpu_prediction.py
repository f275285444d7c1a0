"""What a training step should cost on a GPU, worked out from its published memory bandwidth and arithmetic rate.

Nothing here was measured: `tinynet gpu-check` prints what a GPU takes beside it. `benchmarks/gpu_tables.py` makes
the tables of kernels/README.md from it.
"""
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..layers import Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU
from ..layers.base import Layer
from ..network import Network
from ..ops.arrays import Shape
from ..ops.window import Window

# Assumptions. How much of the published rates is reached, and what a launch takes at least.
OF_BANDWIDTH = 0.8
OF_PRODUCTS = 0.75  # large products in cuBLAS
OF_INSTRUCTIONS = 0.5  # indices are integers, which newer GPUs work on at half the rate
LAUNCH = 4e-6  # seconds, of the GPU, however small the work
# Instructions, counted in what nvcc 13.0 makes for sm_90.
DIVISION = 24  # of integers, with the remainder
POWER = 32  # exp2 and log2
REAL = 4  # bytes of a float32


class Card(NamedTuple):
    """A GPU: its memory bandwidth in bytes/s, and float32 operations a second without tensor cores."""

    name: str
    bandwidth: float
    flops: float
    source: str


H100 = Card("H100 SXM", 3.35e12, 67e12, "NVIDIA's H100 data sheet: 3.35 TB/s, 67 TFLOPS FP32")
LAPTOP = Card(
    "RTX 4060 Laptop", 256e9, 2 * 3072 * 2.37e9,
    "NVIDIA's table of laptop GPUs: 3072 cores of two operations, up to 2370 MHz; 128 bits of 16 Gbit/s memory",
)


class Work(NamedTuple):
    """Something that the GPU does in a training step.

    Attributes
    ----------
    part : str
        The layer, or "loss", "SGD".
    phase : str
        "forward", "backward" or "update".
    what : str
        The kernel's name; "product" (cuBLAS) or "expression" (CuPy).
    bytes : float
        Read and written.
    operations : float
        Floating-point operations of a product; instructions of a kernel.
    launches : int
    """

    part: str
    phase: str
    what: str
    bytes: float
    operations: float
    launches: int = 1

    def seconds(self, bandwidth: float, flops: float) -> float:
        """Return the larger of the times that memory and arithmetic take, at a GPU's published rates."""
        rate = OF_PRODUCTS * flops if self.what == "product" else OF_INSTRUCTIONS * flops / 2  # a multiply-add is two
        return max(self.bytes / (OF_BANDWIDTH * bandwidth), self.operations / rate, self.launches * LAUNCH)


def kernel_cost(name: str, shape: Shape, window: Window | None = None, size: int = 5) -> tuple[float, float]:
    """Return (bytes, instructions) of one launch of a kernel in float32.

    Parameters
    ----------
    name : str
        As in `ops.cuda_ops`.
    shape : tuple of int
        Of the images (N, H, W, C), x or dx; for sgd_update and adam_update of the parameter.
    window : Window
        For kernels that have one.
    size : int
        Of nearby_sum, around_sum and local_response_norm.
    """
    numbers = math.prod(shape)
    if window is None:
        moved, each = {
            "nearby_sum": (2, DIVISION + 5 * size),
            "around_sum": (2, DIVISION + 6 * size**2),
            "sgd_update": (5, 20),
            "adam_update": (7, 70),  # two divisions and a root among them
            "local_response_norm": (3, DIVISION + 5 * size + POWER),
            "local_response_norm_back": (4, DIVISION + (8 + POWER) * size + POWER),
        }[name]
        return REAL * moved * numbers, each * numbers
    seen = math.prod(window.kernel)
    outputs = shape[0] * math.prod(window.output_size((shape[1], shape[2]))) * shape[3]
    by = seen / math.prod(window.stride)  # windows that see a place
    return {
        "im2col": (REAL * (numbers + seen * outputs), 12 * seen * outputs),
        "col2im": (REAL * (numbers + seen * outputs), (3 * DIVISION + 8 * by) * numbers),
        "window_max": (REAL * (numbers + outputs), (DIVISION + 10 * seen) * outputs),
        "window_max_back": (REAL * (2 * numbers + 2 * outputs), (3 * DIVISION + 14 * by) * numbers),
        "window_sum": (REAL * (numbers + outputs), (DIVISION + 10 * seen) * outputs),
        "window_sum_back": (REAL * (numbers + outputs), (3 * DIVISION + 6 * by) * numbers),
    }[name]


def predict_kernel(
    name: str, shape: Shape, bandwidth: float, flops: float, window: Window | None = None, size: int = 5
) -> float:
    """Return the seconds that one launch of a kernel in float32 should take; arguments as for `kernel_cost`."""
    return Work("", "", name, *kernel_cost(name, shape, window, size)).seconds(bandwidth, flops)


def predict_step(net: Network, batch: int, bandwidth: float, flops: float, fused: bool = True) -> float:
    """Return the seconds that a training step in float32 should take: forward, loss, backward and SGD.

    Parameters
    ----------
    net : Network
        Of the layers that the paper's network has.
    batch : int
    bandwidth : float
        Published, in bytes a second.
    flops : float
        Published, float32 operations a second without tensor cores.
    fused : bool
        False: without the kernels of whole layers and of the update, which are array expressions then.
    """
    return sum(work.seconds(bandwidth, flops) for work in step_work(net, batch, fused))


def step_work(net: Network, batch: int, fused: bool = True) -> Iterator[Work]:
    """Yield all that the GPU does in a training step of `net`."""
    shape = net.input_shape or ()
    trainable = False  # the images' own gradient is not computed
    for name, layer in net.layers.items():
        if type(layer) not in LAYERS:
            raise ArgumentError(f"layer {name}: no prediction for {type(layer).__name__}, expected one of "
                                f"{', '.join(kind.__name__ for kind in LAYERS)}")
        for work in LAYERS[type(layer)](layer, (batch, *shape), trainable, fused):
            yield work._replace(part=name)
        trainable = trainable or bool(layer.params)
        shape = layer.output_shape(shape)
    yield Work("loss", "forward", "expression", 20 * REAL * batch * math.prod(shape), 0, launches=14)
    for name, params in net.params.items():
        for w in params.values():
            if fused:
                yield Work(name, "update", "sgd_update", *kernel_cost("sgd_update", w.shape))
            else:
                yield expression("update", 15, w.size, launches=6)._replace(part=name)


def expression(phase: str, passes: float, numbers: int, launches: int = 1) -> Work:
    """Array expressions that go `passes` times over arrays of so many numbers, reading or writing."""
    return Work("", phase, "expression", REAL * passes * numbers, 0, launches)


def product(phase: str, m: int, k: int, p: int) -> Work:
    """(m, k) @ (k, p)."""
    return Work("", phase, "product", REAL * (m * k + k * p + m * p), 2.0 * m * k * p)


def kernel(phase: str, name: str, shape: Shape, window: Window | None = None, size: int = 5) -> Work:
    """One launch of a kernel of ours."""
    return Work("", phase, name, *kernel_cost(name, shape, window, size))


def conv_work(layer: Conv2d, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    n, h, w, c = shape
    oh, ow, f = layer.output_shape(shape[1:])
    groups, rows, seen = layer.groups, n * oh * ow, math.prod(layer.window.kernel) * c // layer.groups
    part = (n, h, w, c // groups)
    y, own = rows * f, rows * f // groups
    for _ in range(groups):
        yield kernel("forward", "im2col", part, layer.window)
        yield product("forward", rows, seen, f // groups)
        yield expression("forward", 2, own)                     # the product into its filters of y
    yield expression("forward", 2, y)                           # the biases
    for _ in range(groups):
        if groups > 1:
            yield expression("backward", 2 + 2 * trainable, own, 1 + trainable)  # cuBLAS wants a group's dy in a row
        yield kernel("backward", "im2col", part, layer.window)
        yield product("backward", seen, rows, f // groups)
        if trainable:
            yield product("backward", rows, f // groups, seen)
            yield kernel("backward", "col2im", part, layer.window)
            yield expression("backward", 2, math.prod(part))    # into its channels of dx
    yield expression("backward", 1, y)                          # the biases' gradient


def linear_work(layer: Linear, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    n, m, p = shape[0], layer.in_features, layer.out_features
    yield product("forward", n, m, p)
    yield expression("forward", 2, n * p)
    yield product("backward", m, n, p)
    yield expression("backward", 1, n * p)
    if trainable:
        yield product("backward", n, p, m)


def norm_work(layer: LocalResponseNorm, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    if fused:
        yield kernel("forward", "local_response_norm", shape, size=layer.size)
        yield kernel("backward", "local_response_norm_back", shape, size=layer.size)
    else:  # lrn.py, expression by expression
        for phase, passes, launches in (("forward", 11, 5), ("backward", 19, 7)):
            yield kernel(phase, "nearby_sum", shape, size=layer.size)
            yield expression(phase, passes, math.prod(shape), launches)


def relu_work(layer: ReLU, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    yield expression("forward", 2, math.prod(shape))
    yield expression("backward", 3.5, math.prod(shape), 2)      # y > 0 is an array of bytes


def pool_work(layer: MaxPool2d, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    yield kernel("forward", "window_max", shape, layer.window)
    yield kernel("backward", "window_max_back", shape, layer.window)


def dropout_work(layer: Dropout, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    yield expression("forward", 8, math.prod(shape), 3)         # the mask comes from the CPU
    yield expression("backward", 3, math.prod(shape))


def flatten_work(layer: Flatten, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    yield from ()


LAYERS: dict[type[Layer], Callable[[Any, Shape, bool, bool], Iterator[Work]]] = {
    Conv2d: conv_work, Linear: linear_work, LocalResponseNorm: norm_work, ReLU: relu_work, MaxPool2d: pool_work,
    Dropout: dropout_work, Flatten: flatten_work,
}
