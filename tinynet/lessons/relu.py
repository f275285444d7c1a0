"""Figure 1 of the paper: when is ReLU six times faster than tanh, and why?

The authors' networks for CIFAR-10 see pixels of 0 to 255 minus their mean. Such numbers drive the first tanh layer into
saturation, where its slope is next to 0; ReLU has slope 1 at any size. The arms change the size of the pixels (with
initial weights that suit each, and a control that begins as the same function), the activation and the pools, and
count the epochs.
"""
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d
from ..models.parts import ACTIVATIONS, PIXEL_DEVIATION, choose, he_initialization, initial_weights
from ..network import Network
from .experiment import Arm, Budget
from .job import Job, sample
from .lesson import SEARCH_SEED, Lesson, rates_of
from .plan import Plan
from .relu_numbers import (
    CONTROL,
    MAX_POOLS,
    RAW,
    SATURATED,
    SCALED,
    epochs_cell,
    findings,
    last_error,
    ratio_cell,
    saturation_cell,
)
from .result import Result

SHORT = 2      # epochs of the search at all rates; the better half of the rates then gets the budget's search_epochs
WATCHED = 500  # training images on which the activations are looked at

# Initial weights N(0, std**2) and biases, as (std, bias), for pixels of 0 to 255 (the authors' file layers-18pct.cfg).
AUTHORS = {"conv1": (0.0001, 0.0), "conv2": (0.01, 0.0), "conv3": (0.01, 0.0), "fc4": (0.01, 0.0)}


def four_layers(classes: int = 10, seed: int = 0, activation: str = "relu", setting: str = MAX_POOLS) -> Network:
    """Return three convolutions and a fully connected layer, for (32, 32, 3) pixels.

    The paper does not say which four layers; three convolutions and one fully connected layer is what the same authors'
    CIFAR-10 networks of four layers have.

    Parameters
    ----------
    classes, seed : int
    activation : "relu", "tanh" or "sigmoid"
    setting : str
        "raw pixels": the authors' layers (averages in pools 2 and 3) without their normalization, their pixels of 0 to
        255 minus the mean, their initial weights; biases learn at twice the rate, as theirs.
        "scaled pixels": the same layers on pixels divided by 64. Initial weights keep the mean square of the signals
        from layer to layer (see `models.parts.SQUARED_GAIN`).
        "scaled, begins like raw": pixels divided by 64 and conv1's initial weights times 64, the others as in "raw
        pixels": before the first step the same function as there. But a step of conv1's weights, whose gradient has
        the pixels as a factor, is 64 times smaller beside weights 64 times larger.
        "max pools": 3 x 3 convolutions and maxima in all pools, on pixels divided by 64. Initial weights as for
        "scaled pixels", biases at the same rate as weights: the network of earlier records.

    Raises
    ------
    ArgumentError
        For an activation or a setting that does not exist.
    """
    choose("four_layers", "activation", activation, ACTIVATIONS)
    choose("four_layers", "setting", setting, (RAW, SCALED, CONTROL, MAX_POOLS))
    size = 3 if setting == MAX_POOLS else 5                        # of conv2's and conv3's filters
    fan_in = {"conv1": 5 * 5 * 3, "conv2": size * size * 32, "conv3": size * size * 32, "fc4": 1024}
    initialization = {
        RAW: AUTHORS, CONTROL: AUTHORS | {"conv1": (PIXEL_DEVIATION * AUTHORS["conv1"][0], 0.0)},
    }.get(setting) or he_initialization(fan_in, activation, deviation=1.0)
    conv1, conv2, conv3, fc4 = (initial_weights(initialization, name, seed) for name in initialization)
    act, maximum = ACTIVATIONS[activation], partial(MaxPool2d, 3, 2, ceil_mode=True)
    pool = maximum if setting == MAX_POOLS else partial(AvgPool2d, 3, 2, ceil_mode=True)
    recipe: dict[str, Any] = {"deviation": 1.0 if setting == RAW else PIXEL_DEVIATION, "initialization": initialization}
    return Network(
        [                                                                     # from 32 x 32 x 3
            ("conv1", Conv2d(3, 32, 5, padding=2, **conv1)),                  # 32 x 32 x 32
            ("pool1", maximum()),                                             # 16 x 16 x 32
            (f"{activation}1", act()),  # after the maximum: the same numbers as before it, for a quarter of the work
            ("conv2", Conv2d(32, 32, size, padding=size // 2, **conv2)),      # 16 x 16 x 32
            (f"{activation}2", act()),
            ("pool2", pool()),                                                # 8 x 8 x 32
            ("conv3", Conv2d(32, 64, size, padding=size // 2, **conv3)),      # 8 x 8 x 64
            (f"{activation}3", act()),
            ("pool3", pool()),                                                # 4 x 4 x 64
            ("flatten", Flatten()),                                           # 1024
            ("fc4", Linear(1024, classes, **fc4)),
        ],
        name="four-layers", input_shape=(32, 32, 3),
        recipe=recipe if setting == MAX_POOLS else recipe | {"bias_rate": 2.0},
    )


def watch(net: Network, plan: Plan) -> dict[str, float]:
    """Return which share of each activation's outputs is saturated; for ReLU, how large its outputs are.

    The outputs are those for 500 training images, drawn. "saturated1" is the share of tanh1's outputs beyond 0.95
    (the sigmoid's are stretched to -1 to 1 first: sigmoid(2 x) = (1 + tanh x) / 2), "rms1" the root of the mean square
    of relu1's.
    """
    images = plan.train.images_at(sample(WATCHED, len(plan.train)))
    _, saved = net.forward(net.preprocessing(images))
    seen = {}
    for name, layer in net.layers.items():
        kind, number = type(layer).__name__, name[-1]
        if kind == "ReLU":
            seen[f"rms{number}"] = float(np.sqrt(np.mean(saved[name].y ** 2)))
        elif kind in ("Tanh", "Sigmoid"):
            y = saved[name].y if kind == "Tanh" else 2 * saved[name].y - 1
            seen[f"saturated{number}"] = float(np.mean(np.abs(y) > SATURATED))
    return seen


def stages(plan: Plan) -> list[dict[str, Any]]:
    """Choose each arm's rate by the training error, then train it with every seed, two arms after the other.

    All rates get two epochs, and the better half of them as many as the budget says for a search: tanh on raw pixels is
    fastest at 0.03 in the first two, and at 0.01 in nine. When a run is cut off, the first arms are whole.
    """
    found: list[dict[str, Any]] = []
    waiting: list[Job] = []  # the seeds of the arms before, which run beside the search of the next
    for start in range(0, len(plan.arms), 2):
        pair = plan.arms[start : start + 2]
        rates = {arm.name: rates_of(plan, arm) for arm in pair}
        searches = [
            plan.job(arm, SEARCH_SEED, rate, stage="search", epochs=SHORT, until=None)
            for arm in pair for rate in rates[arm.name] if len(rates[arm.name]) > 1]
        if searches:
            found += plan.run([*waiting, *searches])
            waiting = []
        rates = {name: best(each, (len(each) + 1) // 2, found, name, "search") for name, each in rates.items()}
        found += plan.run([
            plan.job(arm, SEARCH_SEED, rate, stage="choice", epochs=plan.budget.search_epochs, until=None)
            for arm in pair for rate in rates[arm.name] if len(rates[arm.name]) > 1])
        waiting += [plan.job(arm, seed, best(rates[arm.name], 1, found, arm.name, "choice")[0])
                    for seed in range(1, plan.budget.seeds + 1) for arm in pair if seed in plan.seeds(arm)]
    return found + plan.run(waiting)


def best(
    rates: tuple[float, ...], count: int, records: Sequence[Mapping[str, Any]], name: str, stage: str
) -> tuple[float, ...]:
    """Return so many of the rates of an arm, those with the lowest training error at the end of a stage's trainings."""
    if len(rates) <= count:
        return rates
    own = {r["rate"]: r for r in records if r["arm"] == name and r["stage"] == stage}
    return tuple(sorted(rates, key=lambda rate: last_error(own[rate]))[:count])


def searched(result: Result) -> list[str]:
    """Say how the rates were chosen, if they were."""
    if not any(record["stage"] == "choice" for record in result.records):
        return []
    return [f"Each rate was tried for {SHORT} epochs and the better half of an arm's rates for "
            f"{result.plan.budget.search_epochs}; the lowest training error chose."]


def draw(result: Result) -> Any:
    """Draw figure 1, the same on scaled pixels, the ratio of the epochs, and the saturated units."""
    from .relu_figure import figure

    return figure(result)


def arm_of(activation: str, setting: str, *rates: float, epochs: int | None = None, seeds: int | None = None) -> Arm:
    """Return an arm with the rates to choose from, the quick form's first."""
    return Arm(f"{activation}, {setting}", {"activation": activation, "setting": setting}, rates=rates, epochs=epochs,
               seeds=seeds)


ARMS = (
    arm_of("relu", RAW, 0.003, 0.001, 0.01), arm_of("tanh", RAW, 0.01, 0.003, 0.03, 0.1),
    arm_of("relu", SCALED, 0.01, 0.005, 0.02, 0.04), arm_of("tanh", SCALED, 0.01, 0.02, 0.04, 0.08),
    arm_of("tanh", CONTROL, 0.01, 0.02, 0.04, 0.08), arm_of("relu", MAX_POOLS, 0.005, 0.0025, 0.01),
    arm_of("tanh", MAX_POOLS, 0.02, 0.01, 0.04), arm_of("sigmoid", RAW, 0.01, 0.003, 0.03, epochs=12, seeds=1),
)
LESSON = Lesson(
    name="relu",
    question="When does a network learn six times faster with ReLU than with tanh, and why?",
    arms=ARMS, quick_arms=tuple(replace(each, rates=(each.rates or ())[:1]) for each in ARMS[:4]),
    # ReLU and scaled pixels together take about as many epochs as tanh on raw pixels alone: two cores end together.
    quick=Budget(epochs=24, images=3000, seeds=1, rates=(0.01,), search_epochs=9, batch_size=32, test_images=0,
                 until=0.25, drops=()),
    full=Budget(epochs=50, images=50_000, seeds=3, rates=(0.003, 0.01, 0.03), search_epochs=9, test_images=0,
                until=0.25, drops=()),
    published={
        "tanh, raw pixels": "6 times the epochs of ReLU (figure 1)",
        "all": "25% training error on CIFAR-10 six times faster with ReLU than with tanh; rates chosen independently, "
               "no regularization; one curve each, no spread.",
    },
    scale="the paper does not describe its four-layer network; ours have three convolutions and one fully connected "
          "layer, with momentum 0.9 and a constant learning rate.",
    model=four_layers, training={"weight_decay": 0.0, "augmentation": {}},
    stages=stages, watch=watch, findings=lambda result: findings(result) + searched(result), draw=draw,
    columns={"epochs to the target": epochs_cell, "times ReLU's epochs": ratio_cell,
             "conv1 saturated, epoch 2": saturation_cell},
)
run = LESSON.run
