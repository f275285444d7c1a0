"""Figure 1 of the paper: how much faster does a network learn with ReLU than with tanh, each at its best rate?"""
import math
import statistics
import time
from typing import Any

from ..layers import Conv2d, Flatten, Linear, MaxPool2d
from ..layers.loss import softmax_cross_entropy
from ..models.parts import ACTIVATIONS, PIXEL_DEVIATION, choose, he_initialization, initial_weights
from ..network import Network
from ..ops.threads import get_threads, set_threads
from ..training.optim import SGD
from .experiment import Arm, Budget
from .lesson import SEARCH_SEED, Lesson, rates_of
from .plan import Plan
from .relu_numbers import (
    epochs_to_target,
    epochs_until,
    last_error,
    ratio,
    seconds_an_epoch,
    shared_ratios,
    shared_target,
)
from .result import Result

LOWER = (0.0003, 0.00125)  # further rates for the first two arms, to see what one shared rate would show
ROUNDS = 15   # of training steps, each activation in turn, that the time of an epoch is the median of


def four_layers(classes: int = 10, seed: int = 0, activation: str = "relu") -> Network:
    """Return three convolutions and a fully connected layer, for (32, 32, 3) pixels divided by their deviation.

    The paper does not say which four layers; three convolutions and one fully connected layer is what the same authors'
    CIFAR-10 networks of four layers have. Initial weights have the scale that suits the activation: they keep the
    mean square of the signals from layer to layer (see `models.parts.SQUARED_GAIN`).
    """
    choose("four_layers", "activation", activation, ACTIVATIONS)
    fan_in = {"conv1": 5 * 5 * 3, "conv2": 3 * 3 * 32, "conv3": 3 * 3 * 32, "fc4": 1024}
    initialization = he_initialization(fan_in, activation, deviation=1.0)
    conv1, conv2, conv3, fc4 = (initial_weights(initialization, name, seed) for name in initialization)
    act = ACTIVATIONS[activation]
    return Network(
        [                                                          # from 32 x 32 x 3
            ("conv1", Conv2d(3, 32, 5, padding=2, **conv1)),       # 32 x 32 x 32
            ("pool1", MaxPool2d(3, 2, ceil_mode=True)),            # 16 x 16 x 32
            (f"{activation}1", act()),  # after the maximum: the same numbers as before it, for a quarter of the work
            ("conv2", Conv2d(32, 32, 3, padding=1, **conv2)),      # 16 x 16 x 32
            (f"{activation}2", act()),
            ("pool2", MaxPool2d(3, 2, ceil_mode=True)),            # 8 x 8 x 32
            ("conv3", Conv2d(32, 64, 3, padding=1, **conv3)),      # 8 x 8 x 64
            (f"{activation}3", act()),
            ("pool3", MaxPool2d(3, 2, ceil_mode=True)),            # 4 x 4 x 64
            ("flatten", Flatten()),                                # 1024
            ("fc4", Linear(1024, classes, **fc4)),
        ],
        name="four-layers", input_shape=(32, 32, 3),
        recipe={"deviation": PIXEL_DEVIATION, "initialization": initialization},
    )


def stages(plan: Plan) -> list[dict[str, Any]]:
    """Search, then run the two best rates of each arm to the target, then every seed at the faster of the two.

    Finally the first two arms are trained at lower rates, until `shared_target`.
    """
    arms, target = plan.arms, plan.budget.until
    rates = {arm.name: rates_of(plan, arm) for arm in arms}
    found = plan.run([
        plan.job(arm, SEARCH_SEED, rate, stage="search", epochs=plan.budget.search_epochs, until=None)
        for arm in arms for rate in rates[arm.name]
    ])
    best = {arm.name: sorted(rates[arm.name], key=lambda rate: last_error(found, arm.name, rate))[:2] for arm in arms}
    choices = plan.run([plan.job(arm, SEARCH_SEED, rate, stage="choice") for arm in arms for rate in best[arm.name]])

    def slowness(record: dict[str, Any]) -> tuple[float, float]:
        reached = epochs_until(record["history"], target, plan.chance) or math.inf
        return reached, last_error(choices, record["arm"], record["rate"])

    chosen = {
        arm.name: min((r for r in choices if r["arm"] == arm.name), key=slowness)["rate"] for arm in arms
    }
    seeds = range(1, plan.budget.seeds + 1)
    runs = plan.run([plan.job(arm, seed, chosen[arm.name]) for seed in seeds for arm in arms])
    lower = plan.run([
        plan.job(arm, SEARCH_SEED, rate, stage="shared", until=shared_target(plan))
        for arm in arms[:2] for rate in LOWER
    ])
    return found + lower + choices + runs + alone(plan)


def alone(plan: Plan) -> list[dict[str, Any]]:
    """Time training steps of each activation in turn, with nothing else of the lesson running, on one thread."""
    size = plan.budget.batch_size
    nets = {arm.name: plan.make(arm, 0) for arm in plan.arms}
    images, labels = plan.train.images_at(range(min(size, len(plan.train)))), plan.train.labels[:size]
    x = images.astype("float32") / 64 - 2
    times: dict[str, list[float]] = {name: [] for name in nets}
    threads = get_threads()
    set_threads(1)
    for _ in range(ROUNDS):
        for name, net in nets.items():
            start = time.perf_counter()
            scores, saved = net.forward(x, train=True)
            SGD(net, 1e-6).step(net.backward(softmax_cross_entropy(scores, labels)[1], saved, False)[1])
            times[name].append(time.perf_counter() - start)
    set_threads(threads)
    epochs = {name: statistics.median(each) / len(x) * len(plan.train) for name, each in times.items()}
    return [{"arm": name, "stage": "alone", "seed": 0, "rate": 0.0, "history": [], "diverged": None,
             "seconds_an_epoch": seconds} for name, seconds in epochs.items()]


def epochs_cell(result: Result, arm: Arm) -> str:
    """Write after how many epochs the arm reached the target."""
    return target_cell(result, arm, 1.0)


def seconds_cell(result: Result, arm: Arm) -> str:
    """Write after how many seconds it did, by the time of an epoch alone."""
    return target_cell(result, arm, seconds_an_epoch(result, arm))


def target_cell(result: Result, arm: Arm, unit: float) -> str:
    """Write mean and standard deviation of the epochs to the target, each worth `unit`."""
    at, seeds = [unit * value for value in epochs_to_target(result, arm)], result.plan.budget.seeds
    if len(at) < seeds:
        return f"in {len(at)} of {seeds} seeds"
    decimals = decimals_of(statistics.mean(at))
    spread = f" +- {statistics.stdev(at):,.{decimals}f}" if seeds > 1 else ""
    return f"{statistics.mean(at):,.{decimals}f}{spread}"


def decimals_of(number: float) -> int:
    """Return how many decimals give a positive number three digits."""
    return max(0, 2 - math.floor(math.log10(number)))


def ratio_cell(result: Result, arm: Arm) -> str:
    """Write how many times the epochs of the first arm, with its interval."""
    found = None if arm is result.plan.arms[0] else ratio(result, arm)
    if found is None:
        return ""
    return f"{found[0]:.2f}" + ("" if math.isnan(found[1]) else f" ({found[1]:.2f} to {found[2]:.2f})")


def findings(result: Result) -> list[str]:
    """Say what the columns mean, how long an epoch takes, and what one shared rate would have shown."""
    first, *others = result.plan.arms
    epoch = {arm.name: seconds_an_epoch(result, arm) for arm in result.plan.arms}
    ratios = {arm.name: ratio(result, arm) for arm in others}
    by_seconds = [f"{name} {found[0] * epoch[name] / epoch[first.name]:.2f}" for name, found in ratios.items() if found]
    times = ", ".join(f"{name} {each:,.{decimals_of(each)}f} s" for name, each in epoch.items())
    said = [
        f"The target: {result.plan.budget.until:.0%} training error on the way. There an epoch's error is its mean "
        "while the network learned; it stands for the middle of the epoch, interpolated linearly, from "
        f"{result.plan.chance:.0%} at the start.",
        f"An epoch, alone on one thread: {times}.",
    ]
    if others:
        said.append(f"How many times {first.name}'s epochs: geometric mean of the seeds' ratios and its 95% interval "
                    "(t), where every seed of both reached the target."
                    + (f" By seconds: {', '.join(by_seconds)}." if by_seconds else ""))
    return said + shared_finding(result)


def shared_finding(result: Result) -> list[str]:
    """Say what one learning rate for both would have shown."""
    if len(result.plan.arms) < 2:
        return []
    first, second = result.plan.arms[:2]
    each = ", ".join(f"{bound} {value:.2f} at {rate:g}".strip() for rate, value, bound in shared_ratios(result))
    return [f"With one learning rate for both, {second.name} needs this many times the epochs of {first.name} until "
            f"{shared_target(result.plan):.0%} training error (one seed): {each or 'neither got there'}."]


def draw(result: Result) -> Any:
    """Draw figure 1 on two axes, and what the learning rate does to it."""
    from .relu_figure import four_panels

    return four_panels(result)


RATES = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
LESSON = Lesson(
    name="relu",
    question="How much faster does a network learn with ReLU than with tanh or the sigmoid, each at its best rate?",
    arms=tuple(Arm(name, {"activation": name}) for name in ("relu", "tanh", "sigmoid")),
    quick=Budget(epochs=12, images=1000, seeds=3, rates=RATES[:5], search_epochs=3, batch_size=32, test_images=0,
                 until=0.45, drops=()),
    full=Budget(epochs=24, images=50_000, seeds=5, rates=RATES, search_epochs=3, test_images=0, until=0.25, drops=()),
    published={
        "tanh": "6 times the epochs of ReLU (figure 1)",
        "all": "25% training error on CIFAR-10 six times faster with ReLU than with tanh; rates chosen independently, "
               "no regularization; one curve each, no spread.",
    },
    scale="the paper does not describe its four-layer network; ours is three convolutions and one fully connected "
          "layer, with momentum 0.9 and a constant learning rate.",
    model=four_layers, training={"weight_decay": 0.0, "augmentation": {}},
    stages=stages, findings=findings, draw=draw,
    columns={"epochs to the target": epochs_cell, "seconds to it": seconds_cell, "times {first}'s epochs": ratio_cell},
)
run = LESSON.run
