"""What runs on a GPU beside what NumPy gives: kernels, layers and a training step, for `gpu_check`."""
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import layers
from ..layers.base import Layer
from ..layers.loss import softmax_cross_entropy
from ..network import Network
from ..network.fast import fast_implementation
from ..network.params import flat
from ..ops import Window, cuda_ops, numpy_ops
from ..ops.arrays import Array, Shape, to_cpu, to_gpu

IMAGES = 2  # to compare with
# The optimizers' kernels: how many arrays each is given, the gradient last, and its settings.
UPDATES: dict[str, tuple[int, tuple[Any, ...]]] = {
    "sgd_update": (3, (0.01, 0.9, 5e-4)), "adam_update": (4, (0.001, (0.9, 0.999), 1e-8, 5e-4, 3)),
}

# One of each layer, with settings that the paper's network does not have, and an input for it.
LAYERS: list[tuple[Layer, Shape]] = [
    (layers.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2, ceil_mode=True), (3, 8, 9, 4)),
    (layers.Conv2d(3, 5, 1), (3, 8, 9, 3)),
    (layers.Fire(4, 2, 3, 5), (3, 8, 9, 4)),
    (layers.LocallyConnected2d(3, 4, 3, input_size=(6, 7), padding=1), (3, 6, 7, 3)),
    (layers.Linear(300, 70), (5, 300)),
    (layers.ReLU(), (5, 300)),
    (layers.Tanh(), (5, 300)),
    (layers.Sigmoid(), (5, 300)),
    (layers.LocalResponseNorm(alpha=1.0, groups=2), (3, 8, 9, 10)),  # at the paper's alpha little would show
    (layers.SpatialResponseNorm(alpha=1.0), (3, 8, 9, 10)),
    (layers.MaxPool2d(3, 2, padding=1, ceil_mode=True), (3, 8, 10, 5)),
    (layers.AvgPool2d(3, 2, padding=1, ceil_mode=True), (3, 8, 10, 5)),
    (layers.Dropout(), (5, 300)),
    (layers.BatchNorm1d(300), (5, 300)),
    (layers.BatchNorm2d(10), (3, 8, 9, 10)),
    (layers.Flatten(), (3, 8, 9, 10)),
    (layers.Softmax(), (5, 300)),
]


class Case(NamedTuple):
    """A kernel, by its name in `ops.cuda_ops`, and the images that it is run on, (H, W, C) for one."""

    where: str
    kernel: str
    shape: Shape
    window: Window | None = None
    size: int = 5
    groups: int = 1


def kernel_cases(net: Network) -> Iterator[Case]:
    """Yield every kernel at the shapes that the layers of a network give it."""
    shapes = [net.input_shape or (), *net.shapes(net.input_shape or ()).values()]
    for (name, layer), shape in zip(net.layers.items(), shapes, strict=False):
        if isinstance(layer, layers.Conv2d):
            for kernel in ("im2col", "col2im"):
                yield Case(name, kernel, (*shape[:2], shape[2] // layer.groups), layer.window)
        elif isinstance(layer, layers.MaxPool2d):
            for kernel in ("window_max", "window_max_back", "window_sum", "window_sum_back"):
                yield Case(name, kernel, shape, layer.window)
        elif isinstance(layer, layers.LocalResponseNorm):
            yield Case(name, "nearby_sum", shape, None, layer.size, layer.groups)
            yield Case(name, "around_sum", shape)
        elif isinstance(layer, layers.Linear):
            for kernel in UPDATES:
                yield Case(name, kernel, layer.params["w"].shape)


def kernel_difference(case: Case, dtype: str) -> float:
    """Return the difference of a kernel's results from its NumPy function's."""
    arguments = kernel_arguments(case, IMAGES, dtype)
    found = run_kernel(cuda_ops, case, [moved(argument) for argument in arguments])
    return difference(found, run_kernel(numpy_ops, case, arguments))


def kernel_arguments(case: Case, images: int, dtype: str) -> tuple[Any, ...]:
    """Return what a kernel is called with, in NumPy; for more than a few images, and for parameters, drawn quickly."""
    draw = repeating(dtype) if images > IMAGES or case.kernel in UPDATES else drawing(dtype)
    if case.kernel in UPDATES:
        arrays, settings = UPDATES[case.kernel]
        *changed, last, g = (draw(case.shape) for _ in range(arrays))
        return *changed, abs(last), g, *settings  # Adam's v is a mean of squares; SGD's may be positive too
    shape = (images, *case.shape)
    x = draw(shape)
    if case.kernel == "nearby_sum":
        return x, case.size, case.groups
    if case.window is None:
        return x, case.size
    (oh, ow), seen = case.window.output_size((shape[1], shape[2])), int(np.prod(case.window.kernel))
    if case.kernel == "col2im":
        return draw((images * oh * ow, seen * shape[3])), shape, case.window
    dy = draw((images, oh, ow, shape[3]))
    if case.kernel == "window_max_back":
        return dy, x, numpy_ops.window_max(x, case.window), case.window
    return (dy, shape, case.window) if case.kernel == "window_sum_back" else (x, case.window)


def run_kernel(backend: Any, case: Case, arguments: Any) -> list[Array]:
    """Return what a kernel gives, or what it has changed in place."""
    result = getattr(backend, case.kernel)(*arguments)
    return list(arguments[: UPDATES[case.kernel][0] - 1]) if result is None else [result]


def layer_difference(layer: Layer, shape: Shape, dtype: str) -> float:
    """Return the difference of a layer's output, gradients and running statistics, in training."""
    draw = drawing(dtype)
    layer, x = layer.astype(dtype), draw(shape)
    there = to_gpu(layer)

    def passes(run: Any, owner: Layer, x: Array, move: Callable[[Array], Array]) -> list[Array]:
        y, saved = run.forward(x, train=True)
        dx, grads = run.backward(move(drawing(dtype)(y.shape)), saved)
        return [y, dx, *(grads[key] for key in sorted(grads)), *owner.buffers.values()]

    gpu_x = moved(x)
    fast = fast_implementation(there, True, shape[1:])  # that itself, whether it is right or not
    run = there if fast is None else fast(there)
    return difference(passes(run, there, gpu_x, moved), passes(layer, layer, x, lambda dy: dy))


def step_difference(net: Network, dtype: str) -> float:
    """Return the difference of the loss and of all parameters' gradients, by their root mean squares."""
    net = net.astype(dtype)
    x, labels = 60 * drawing(dtype)((IMAGES, *(net.input_shape or ()))), np.arange(IMAGES)  # spread as pixels are
    found = []
    for one, images in ((to_gpu(net), moved(x)), (net, x)):
        scores, saved = one.forward(images, train=True)
        loss, dscores = softmax_cross_entropy(scores, labels)
        _, grads = one.backward(dscores, saved, input_gradient=False)
        found.append([np.array([loss]), *(to_cpu(array) for array in flat(grads).values())])
    return max(rms(a - b) / rms(b) for a, b in zip(*found, strict=True))


def difference(found: list[Array], expected: list[Array]) -> float:
    """Return the largest difference as a part of the largest expected number; infinite for another shape or dtype."""
    worst = 0.0
    for a, b in zip(map(to_cpu, found), expected, strict=True):
        if a.shape != b.shape or a.dtype != b.dtype:
            return float("inf")
        worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)), key=nan_is_largest)
    return worst


def nan_is_largest(number: float) -> float:
    """Return what to compare numbers by, so that nan comes last."""
    return float("inf") if np.isnan(number) else number


def rms(x: np.ndarray) -> float:
    """Return the root mean square, or next to nothing in place of 0."""
    return max(float(np.sqrt(np.mean(x * x))), 1e-30)


def drawing(dtype: str) -> Callable[[Shape], np.ndarray]:
    """Return a function that draws arrays of a shape, the same ones each time."""
    generator = np.random.default_rng(0)
    return lambda shape: generator.standard_normal(shape).astype(dtype)


def repeating(dtype: str) -> Callable[[Shape], np.ndarray]:
    """Return a function as from `drawing`, whose arrays repeat a few numbers: to draw as many as fc6 has takes long."""
    few, draw = 10_007, drawing(dtype)  # a prime, so that no axis repeats them
    return lambda shape: np.resize(draw((few,)), shape)


def moved(argument: Any) -> Any:
    """Return an array on the GPU; anything else as it is."""
    return to_gpu(argument) if isinstance(argument, np.ndarray) else argument
