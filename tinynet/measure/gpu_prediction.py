"""What a training step should cost on a GPU, worked out from its published memory bandwidth and arithmetic rate.

Nothing here was measured: `tinynet gpu-check` prints what a GPU takes beside it. `benchmarks/gpu_tables.py` makes
the tables of kernels/README.md from it.
"""
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..layers import AvgPool2d, Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU
from ..layers.base import Layer
from ..network import Network
from ..ops.arrays import Shape
from ..ops.window import Window
from .gpu_conv_work import conv_work
from .gpu_work import OF_BANDWIDTH as OF_BANDWIDTH  # for whoever predicts a time of their own: notebook 11
from .gpu_work import REAL, Work, expression, kernel, kernel_cost, product


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


def average_work(layer: AvgPool2d, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    y = shape[0] * math.prod(layer.output_shape(shape[1:]))
    cells = math.prod(layer.output_shape(shape[1:])[:2])
    for phase, name in (("forward", "window_sum"), ("backward", "window_sum_back")):
        yield kernel(phase, name, shape, layer.window)
        yield expression(phase, 2, y)                           # divided by the cells that a window sees
        yield expression(phase, 2, cells)                       # which are in the images' dtype


def dropout_work(layer: Dropout, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    yield expression("forward", 8, math.prod(shape), 3)         # the mask comes from the CPU
    yield expression("backward", 3, math.prod(shape))


def flatten_work(layer: Flatten, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    yield from ()


LAYERS: dict[type[Layer], Callable[[Any, Shape, bool, bool], Iterator[Work]]] = {
    Conv2d: conv_work, Linear: linear_work, LocalResponseNorm: norm_work, ReLU: relu_work, MaxPool2d: pool_work,
    AvgPool2d: average_work, Dropout: dropout_work, Flatten: flatten_work,
}
