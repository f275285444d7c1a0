"""Two towers that meet in some layers, one tower of half the size, two that never meet."""
from functools import partial
from typing import Any

import numpy as np

from ..layers import Conv2d, Linear, LocalResponseNorm
from ..models.parts import initial_weights
from ..network import Network
from .experiment import Arm, Budget
from .lesson import Lesson
from .plan import Plan
from .surgery import changed
from .towers_figure import draw_towers
from .towers_numbers import apart_cell, colour_cell, colour_of_filters, colour_of_towers, findings

MEDIUM = (96, 256, 384, 384, 256)  # filters of both towers of `alexnet_medium`
DROPS = (0.68, 0.9)                # of the network's recipe: after epochs 34 and 45 of 50


def convolutions(net: Network, seed: int, filters: tuple[int, ...], groups: tuple[int, ...], towers: int) -> Network:
    """Return an AlexNet with other numbers of filters and groups in its convolutions.

    A convolution of a tower sees half the maps, so its initial weights are larger by a square root of 2, and those of
    one tower of half the size too: the signals keep their scale.
    """
    inputs, new = (3, *filters), {}
    for i, (seen, made, parts) in enumerate(zip(inputs, filters, groups, strict=False), 1):
        name = f"conv{i}"
        old: Any = net[name]
        initial = initial_weights(net.recipe["initialization"], name, seed)
        initial["std"] *= (old.params["w"].shape[2] * parts / seen) ** 0.5
        new[name] = Conv2d(seen, made, old.kernel_size, old.stride, old.padding, groups=parts, **initial)
    norms = {name: LocalResponseNorm(groups=towers) for name in net.layers if name.startswith("norm")}
    name = next(name for name in net.layers if name.startswith("fc"))          # the layer that sees the last maps
    before, units = net[name].params["w"].shape
    after = before // net[f"conv{len(filters)}"].params["b"].size * filters[-1]
    full = Linear(after, units, **initial_weights(net.recipe["initialization"], name, seed))
    return changed(net, {**new, **norms, name: full})


def two_networks(net: Network, seed: int) -> Network:
    """Return two towers of `alexnet_medium` that add up their scores, and do not meet before.

    To be two parts, fc6 has to be a convolution whose window is all of the maps.
    """
    apart = convolutions(net, seed, MEDIUM, (1, 2, 2, 2, 2), 2)
    inputs, units = net["fc6"].params["w"].shape
    initial = initial_weights(net.recipe["initialization"], "fc6", seed)
    side = round((inputs / MEDIUM[-1]) ** 0.5)
    fc6 = Conv2d(MEDIUM[-1], units, side, groups=2, **initial | {"std": initial["std"] * 2**0.5})
    layers = [(name, fc6 if name == "fc6" else layer) for name, layer in apart.layers.items() if name != "flatten"]
    layers.insert([name for name, _ in layers].index("fc6") + 1, ("flatten", apart["flatten"]))
    return Network(layers, name=net.name, input_shape=net.input_shape, notes=net.notes, recipe=net.recipe,
                   hint=net.hint)


def arm(name: str, filters: tuple[int, ...], groups: tuple[int, ...], towers: int) -> Arm:
    """Return an arm with so many filters and groups in each of the four convolutions."""
    return Arm(name, change=lambda net, seed: convolutions(net, seed, filters, groups, towers))


def measured(net: Network, plan: Plan) -> dict[str, Any]:
    """Return the numbers of conv1's halves and of its filters; "colour" is the halves' mean with equal weights."""
    w = net["conv1"].params["w"]
    towers = colour_of_towers(w)
    share, energy = colour_of_filters(w)
    return {"colour": [float(half.mean()) for half in np.split(share, 2)], "towers": towers,
            "filters": {"share": [round(each, 4) for each in share],
                        "energy": [float(f"{each:.4g}") for each in energy]}}


def watched(net: Network, plan: Plan) -> dict[str, Any]:
    """Return the numbers of conv1's halves."""
    return colour_of_towers(net["conv1"].params["w"])


COLUMNS = {"colour": colour_cell, "points apart": apart_cell}
SCORES = {
    "two towers": "37.5% top-1, 17.0% top-5 (ILSVRC-2010)",
    "no communication": "program's log, ten views: 41.8% instead of 40.7% top-1",
    "half, last layer full": "1.7 points top-1, 1.2 top-5 worse; program's log: 39.2% top-1, 18.2% top-5",
    "all": "section 6.1: the filters of one tower are colour-agnostic, of the other colour-specific, in every run.",
}

PHOTOGRAPHS = Lesson(
    name="towers",
    question="What do two towers bring, and does one of them become colour's?",
    model="alexnet-medium",
    arms=(
        Arm("two towers", {"towers": 2}),
        Arm("no communication", {"towers": 2}, change=two_networks),
        Arm("half, last layer full", {"towers": 2}, change=partial(
            convolutions, filters=(48, 128, 192, 192, 256), groups=(1,) * 5, towers=1)),
        Arm("half", {"towers": 1}),
        Arm("one of both towers' size", {"towers": 2}, change=partial(
            convolutions, filters=MEDIUM, groups=(1,) * 5, towers=1)),
    ),
    quick=Budget(epochs=6, images=1000, seeds=2, rates=(0.01,), batch_size=32, test_images=500, drops=DROPS),
    full=Budget(epochs=50, images=100_000, seeds=3, rates=(0.01,), batch_size=64, test_images=10_000, drops=DROPS),
    published=SCORES,
    scale="the paper's five convolutions, but on photographs of 127 x 127, so that their maps are half as wide and "
          "high, and one hidden layer of 1024 units instead of two of 4096. Without communication the towers add up "
          "their scores alone. The paper's half-size net has conv5 and all after it at full width.",
    measure=measured, watch=watched, findings=findings, draw=draw_towers, columns=COLUMNS,
)

LESSON = Lesson(
    name="towers",
    question="What do two towers bring, and what does each of them see?",
    arms=(
        arm("two towers", (32, 64, 64, 64), (1, 2, 1, 2), 2),
        arm("no communication", (32, 64, 64, 64), (1, 2, 2, 2), 2),
        arm("half, last layer full", (16, 32, 32, 64), (1, 1, 1, 1), 1),
        arm("half", (16, 32, 32, 32), (1, 1, 1, 1), 1),
        arm("one of both towers' size", (32, 64, 64, 64), (1, 1, 1, 1), 1),
    ),
    quick=Budget(epochs=8, images=1600, seeds=2, rates=(0.003,), batch_size=32, test_images=1000),
    full=Budget(epochs=8, images=6000, seeds=3, rates=(0.001, 0.003, 0.01), batch_size=64),
    published=SCORES,
    scale="AlexNet's sequence for 32 x 32 images, conv1 with 32 filters of 5 x 5 instead of 96 of 11 x 11, without "
          "dropout. The paper's half-size net has as many parameters, because the authors kept conv5 at full width.",
    switches={"dropout": None}, measure=measured, findings=findings, draw=draw_towers,
    columns=COLUMNS, by_model={"alexnet-medium": PHOTOGRAPHS},
)
run = LESSON.run
