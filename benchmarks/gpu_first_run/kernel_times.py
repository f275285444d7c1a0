"""Each kernel and each matrix product of a network's training step alone, beside its prediction; and what might help.

The table "work" has what runs now. "experiments" times other ways to do the same, which decide what a fast
implementation of a convolution on a GPU should do:

- pieces: forward with columns for so many images at a time, which might stay in the cache between im2col and product.
- both groups: the products of two groups as one batched product.
- dw transposed, dw in parts: the sum over all rows in the weights' gradient, which leaves a product few results to
  share out among many processors, asked for the other way round, and cut into parts that are added up. (The columns
  are transposed beforehand, which the time leaves out.)
"""
import math
from collections.abc import Callable, Iterator
from typing import Any

from common import REHEARSAL, Results, numbers, time_on_gpu

import tinynet as tn
from tinynet.measure.gpu_check import measured_card
from tinynet.measure.gpu_work import Work, kernel, product
from tinynet.ops import cuda_ops
from tinynet.ops.arrays import Shape

PIECES, PARTS = (64, 32, 16, 8), 16
if REHEARSAL:
    PIECES, PARTS = (1,), 2
Job = tuple[str, Callable[[], Any], Work, int]  # what, how to do it, what it costs, how often a step does it


def conv_jobs(xp: Any, layer: Any, shape: Shape, needed: bool) -> Iterator[Job]:
    groups, window = layer.groups, layer.window
    part = (*shape[:3], shape[3] // groups)
    f, (oh, ow, _) = layer.out_channels // groups, layer.output_shape(shape[1:])
    rows, seen = shape[0] * oh * ow, math.prod(window.kernel) * part[3]
    x, w, dy = numbers(xp, shape)[..., : part[3]], numbers(xp, (seen, f)), numbers(xp, (rows, f))
    cols = cuda_ops.im2col(x, window)
    yield "im2col", lambda: cuda_ops.im2col(x, window), kernel("", "im2col", part, window), 2 * groups
    yield "product y", lambda: cols @ w, product("", rows, seen, f), groups
    yield "product dw", lambda: cols.T @ dy, product("", seen, rows, f), groups
    if needed:
        yield "product dx", lambda: dy @ w.T, product("", rows, f, seen), groups
        yield "col2im", lambda: cuda_ops.col2im(cols, part, window), kernel("", "col2im", part, window), groups


def linear_jobs(xp: Any, layer: Any, shape: Shape, needed: bool) -> Iterator[Job]:
    n, m, p = shape[0], layer.in_features, layer.out_features
    x, w, dy = numbers(xp, (n, m)), numbers(xp, (m, p)), numbers(xp, (n, p))
    yield "product y", lambda: x @ w, product("", n, m, p), 1
    yield "product dw", lambda: x.T @ dy, product("", m, n, p), 1
    if needed:
        yield "product dx", lambda: dy @ w.T, product("", n, p, m), 1


def norm_jobs(xp: Any, layer: Any, shape: Shape, needed: bool) -> Iterator[Job]:
    x, settings = numbers(xp, shape), (layer.size, layer.alpha, layer.beta)
    y, scale = cuda_ops.local_response_norm(x, *settings, layer.k, layer.groups)
    yield ("local_response_norm", lambda: cuda_ops.local_response_norm(x, *settings, layer.k, layer.groups),
           kernel("", "local_response_norm", shape, size=layer.size), 1)
    yield ("local_response_norm_back", lambda: cuda_ops.local_response_norm_back(y, x, scale, *settings, layer.groups),
           kernel("", "local_response_norm_back", shape, size=layer.size), 1)


def pool_jobs(xp: Any, layer: Any, shape: Shape, needed: bool) -> Iterator[Job]:
    x, window = numbers(xp, shape), layer.window
    y = cuda_ops.window_max(x, window)
    yield "window_max", lambda: cuda_ops.window_max(x, window), kernel("", "window_max", shape, window), 1
    yield ("window_max_back", lambda: cuda_ops.window_max_back(y, x, y, window),
           kernel("", "window_max_back", shape, window), 1)


def update_jobs(xp: Any, layer: Any, shape: Shape, needed: bool) -> Iterator[Job]:
    w, v, g = (numbers(xp, layer.params["w"].shape) for _ in range(3))
    yield ("sgd_update", lambda: cuda_ops.sgd_update(w, v, g, 1e-9, 0.9, 5e-4),
           kernel("", "sgd_update", layer.params["w"].shape), 1)


JOBS = {tn.Conv2d: (conv_jobs, update_jobs), tn.Linear: (linear_jobs, update_jobs), tn.LocalResponseNorm: (norm_jobs,),
        tn.MaxPool2d: (pool_jobs,)}


def experiments(xp: Any, layer: Any, shape: Shape) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield other ways to do what a convolution does, for one group."""
    groups, window = layer.groups, layer.window
    f, (oh, ow, _) = layer.out_channels // groups, layer.output_shape(shape[1:])
    rows, seen = shape[0] * oh * ow, math.prod(window.kernel) * shape[3] // groups
    x, w = numbers(xp, shape)[..., : shape[3] // groups], numbers(xp, (seen, f))

    def forward(images: int) -> None:
        for i in range(0, shape[0], images):
            cuda_ops.im2col(x[i : i + images], window) @ w

    for images in (shape[0], *PIECES):
        yield f"forward, {images} images at a time", lambda images=images: forward(images)
    cols, dy = numbers(xp, (rows, seen)), numbers(xp, (rows, f))
    yield "dw", lambda: cols.T @ dy
    yield "dw transposed", lambda: dy.T @ cols
    across, along = numbers(xp, (PARTS, seen, rows // PARTS)), numbers(xp, (PARTS, rows // PARTS, f))
    yield f"dw in {PARTS} parts", lambda: xp.matmul(across, along).sum(axis=0)
    if groups > 1:
        several, weights = numbers(xp, (groups, rows, seen)), numbers(xp, (groups, seen, f))
        yield "y of all groups, each alone", lambda: [cols @ w for _ in range(groups)]
        yield "y of all groups, one batched product", lambda: xp.matmul(several, weights)


def measure(xp: Any, net: Any, batch: int, results: Results) -> None:
    """Add the tables "work" and "experiments"."""
    card = measured_card(xp)
    shape, needed = (batch, *net.input_shape), False
    for name, layer in net.layers.items():
        for make in JOBS.get(type(layer), ()):
            def table(make=make, layer=layer, shape=shape, needed=needed):
                return {what: row(xp, run, work, count, card)
                        for what, run, work, count in make(xp, layer, shape, needed)}

            results.attempt(table, "work", name, make.__name__.removesuffix("_jobs"))
        if isinstance(layer, tn.Conv2d):
            results.attempt(lambda layer=layer, shape=shape: {
                what: time_on_gpu(xp, run, 0.02) for what, run in experiments(xp, layer, shape)}, "experiments", name)
        needed, shape = needed or bool(layer.params), (batch, *layer.output_shape(shape[1:]))


def row(xp: Any, run: Callable[[], Any], work: Work, count: int, card: Any) -> dict[str, float]:
    """Time one kernel or product; count: how many of these a step has."""
    seconds = time_on_gpu(xp, run, 0.02)
    return {"seconds": seconds, "predicted": work.seconds(*card.best), "in_a_step": count,
            "gigabytes_per_second": work.bytes / seconds / 1e9,
            ("teraflops" if work.what == "product" else "tera_instructions"): work.operations / seconds / 1e12}
