"""The tables of kernels/README.md, from `gpu_prediction`: `python benchmarks/gpu_tables.py`."""
import math
from collections.abc import Iterator

from tinynet.layers import Conv2d, Flatten, Linear, LocalResponseNorm
from tinynet.measure.gpu_prediction import (
    H100,
    LAPTOP,
    Card,
    predict_step,
    step_work,
)
from tinynet.measure.gpu_work import Work, expression, kernel, product
from tinynet.models import alexnet
from tinynet.network import Network
from tinynet.ops.window import Window

BATCH = 128
POOL = Window((3, 3), (2, 2), (0, 0), False)
# Kernels that the paper's network does not use, at the size of its pool1 and norm1, and of fc6's weights.
OTHERS = [
    kernel("forward", "window_sum", (BATCH, 55, 55, 96), POOL)._replace(part="as pool1"),
    kernel("backward", "window_sum_back", (BATCH, 55, 55, 96), POOL)._replace(part="as pool1"),
    kernel("forward", "nearby_sum", (BATCH, 55, 55, 96))._replace(part="as norm1"),
    kernel("forward", "around_sum", (BATCH, 55, 55, 96))._replace(part="as norm1"),
    kernel("update", "adam_update", (9216, 4096))._replace(part="as fc6"),
]


def milliseconds(works: list[Work], card: Card) -> float:
    """Return the time of all of them."""
    return 1e3 * sum(work.seconds(card.bandwidth, card.flops) for work in works)


def kernel_table(net: Network) -> list[str]:
    """Each kernel in each layer of a training step."""
    lines = [
        f"| kernel | layer | launches | MB | instructions, 10^6 | {H100.name}, ms | {LAPTOP.name}, ms |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    groups: dict[tuple[str, str], list[Work]] = {}
    for work in [*step_work(net, BATCH), *OTHERS]:
        if work.what not in ("product", "expression"):
            part = "all parameters" if work.what == "sgd_update" else work.part
            groups.setdefault((work.what, part), []).append(work)
    for (name, part), works in sorted(groups.items()):
        launches, moved, count = (sum(numbers) for numbers in zip(*(
            (work.launches, work.bytes, work.operations) for work in works), strict=True))
        lines.append(
            f"| {name} | {part} | {launches} | {moved / 1e6:,.1f} | {count / 1e6:,.0f} "
            f"| {milliseconds(works, H100):.3f} | {milliseconds(works, LAPTOP):.2f} |"
        )
    return lines


def step_table(net: Network) -> list[str]:
    """The step by what is done, and what each shortcut brings."""
    works = list(step_work(net, BATCH))
    lines = [f"| what | launches | GB | {H100.name}, ms | {LAPTOP.name}, ms |", "|---|---:|---:|---:|---:|"]

    def row(name: str, works: list[Work]) -> None:
        lines.append(
            f"| {name} | {sum(work.launches for work in works)} | {sum(work.bytes for work in works) / 1e9:.2f} "
            f"| {milliseconds(works, H100):.2f} | {milliseconds(works, LAPTOP):.1f} |"
        )

    row("matrix products (cuBLAS)", [work for work in works if work.what == "product"])
    row("kernels of this folder", [work for work in works if work.what not in ("product", "expression")])
    row("array expressions (CuPy)", [work for work in works if work.what == "expression"])
    row("**the whole step**", works)
    least = list(least_work(net))
    theirs = [work for work in least if work.part != "norm"] + list(composed_norm(net))
    for name, other in (("a framework that wastes nothing", least), ("the same with PyTorch's LRN", theirs)):
        row(name, other)
        ratios = [milliseconds(other, card) / milliseconds(works, card) for card in (H100, LAPTOP)]
        lines.append(f"| our speed, as a part of its | | | {ratios[0]:.2f} | {ratios[1]:.2f} |")
    return lines


def composed_norm(net: Network) -> Iterator[Work]:
    """Local response normalization as PyTorch 2 has it, made of other functions.

    Counted in torch/nn/functional.py (15 passes over memory: multiply, pad, average, multiply, add, power, divide) and
    in the derivatives of those functions (39 passes).
    """
    shapes = net.shapes(net.input_shape or ())
    for name, layer in net.layers.items():
        if isinstance(layer, LocalResponseNorm):
            yield expression("forward", 15, BATCH * math.prod(shapes[name]), 7)
            yield expression("backward", 39, BATCH * math.prod(shapes[name]), 15)


def least_work(net: Network) -> Iterator[Work]:
    """The same products, each layer's arrays read and written once, the update in one pass; no im2col."""
    shape = net.input_shape or ()
    trainable = False
    for layer in net.layers.values():
        after = layer.output_shape(shape)
        x, y, rows = BATCH * math.prod(shape), BATCH * math.prod(after), BATCH * math.prod(after[:-1])
        if isinstance(layer, Conv2d | Linear):
            phases = ("forward", "backward", "backward")[: 2 + trainable]
            for phase in phases:
                work = product(phase, rows, layer.multiply_adds(shape) * BATCH // (rows * after[-1]), after[-1])
                yield work._replace(bytes=4.0 * (x + y))
        elif not isinstance(layer, Flatten):
            part = "norm" if isinstance(layer, LocalResponseNorm) else ""
            yield expression("forward", 1, x + y)._replace(part=part)
            yield expression("backward", 1, 2 * x + y)._replace(part=part)
        trainable = trainable or bool(layer.params)
        shape = after
    yield expression("update", 5, net.parameter_count)


def savings_table(net: Network) -> list[str]:
    """What fusing brings, as a part of the step."""
    lines = [f"| fused | {H100.name} | {LAPTOP.name} | done |", "|---|---:|---:|---|"]
    plain, fused = list(step_work(net, BATCH, fused=False)), list(step_work(net, BATCH))
    activations = [name for name in net.layers if name.startswith("relu")]
    biased = [w for w in fused if w.part in activations and w.phase == "forward"]  # one pass over y less each
    loss = [work for work in fused if work.part == "loss"]
    for name, done, saved in (
        ("local response normalization, forward and backward", "yes", [
            milliseconds([w for w in plain if w.part.startswith("norm")], card)
            - milliseconds([w for w in fused if w.part.startswith("norm")], card) for card in (H100, LAPTOP)]),
        ("the update", "yes", [
            milliseconds([w for w in plain if w.phase == "update"], card)
            - milliseconds([w for w in fused if w.phase == "update"], card) for card in (H100, LAPTOP)]),
        ("bias with ReLU", "no", [milliseconds(biased, card) for card in (H100, LAPTOP)]),
        ("softmax with cross-entropy (all of it)", "no", [milliseconds(loss, card) for card in (H100, LAPTOP)]),
    ):
        parts = [
            milliseconds_saved / 1e3 / predict_step(net, BATCH, card.bandwidth, card.flops)
            for milliseconds_saved, card in zip(saved, (H100, LAPTOP), strict=True)
        ]
        lines.append(f"| {name} | {parts[0]:.1%} | {parts[1]:.1%} | {done} |")
    return lines


def tables() -> list[str]:
    """Return the three tables as Markdown."""
    net = alexnet()
    return ["\n".join(table(net)) for table in (step_table, savings_table, kernel_table)]


if __name__ == "__main__":
    print("\n\n".join(tables()))
