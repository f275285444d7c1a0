"""Dropout: less overfitting, and more epochs."""
import statistics
from typing import Any

from ..layers import Dropout, Linear, ReLU
from ..models.parts import initial_weights
from ..models.small import alexnet_small
from ..network import Network
from .common_error import common_error, training_curves
from .experiment import Arm, Budget
from .lesson import Lesson
from .result import Result, paired, with_spread

HIDDEN = 512  # units of the fully connected layer that dropout acts on


def with_hidden_layer(classes: int = 10, seed: int = 0, dropout: float | None = None) -> Network:
    """Return AlexNet's sequence for small images with a hidden fully connected layer, and dropout after it."""
    net = alexnet_small(classes=classes, dropout=None, seed=seed)
    initialization = net.recipe["initialization"] | {"fc5": (0.02, 0.0), "fc6": (0.01, 0.0)}
    layers = {**net.layers, "fc5": Linear(3 * 3 * 64, HIDDEN, **initial_weights(initialization, "fc5", seed))}
    layers["relu5"] = ReLU()
    if dropout:
        layers["dropout6"] = Dropout(dropout, seed=[seed, 6, 1])
    layers["fc6"] = Linear(HIDDEN, classes, **initial_weights(initialization, "fc6", seed))
    return Network(list(layers.items()), name="with-hidden-layer", input_shape=net.input_shape, recipe=net.recipe)


def gap_cell(result: Result, arm: Arm) -> str:
    """Write how much higher the test error is than the training error, both without dropout."""
    return with_spread([record["test_error"] - record["train_error"] for record in result.of(arm)])


def findings(result: Result) -> list[str]:
    """Say when each arm reached an error that all reached."""
    curves, common = training_curves(result), common_error(result)
    said = []
    for name, each in curves.items():
        epochs = [next(i for i, error in enumerate(curve, 1) if error <= common) for curve in each]
        if not epochs:
            continue  # all of them diverged
        said.append(f"{name}: {statistics.mean(epochs):.1f} epochs until {common:.1%} error in training, measured "
                    "with dropout: the lowest that every training reached")
    first, *others = result.plan.arms
    for arm in others:
        gaps = [[r["test_error"] - r["train_error"] for r in result.of(each)] for each in (first, arm)]
        said.append(f"The gap between test and training error, {first.name} minus {arm.name}: {paired(*gaps)} points.")
    return said


def draw(result: Result) -> Any:
    """Draw the usual plot with the training errors, and the one by which the slowing-down is measured."""
    from .drawing import curves_and_errors, draw_curves

    picture = curves_and_errors(result, "training error", lambda record: record["train_error"])
    left = picture.axes[0]
    for i, curves in enumerate(training_curves(result).values()):
        draw_curves(left, curves, i, "", style="--")
    left.axhline(common_error(result), color="grey", linestyle=":")
    left.set_ylabel("test error\n(dashed: training error, with dropout)")
    return picture


LESSON = Lesson(
    name="dropout",
    question="What does dropout do to training error, test error and time?",
    arms=(Arm("without", {"dropout": None}), Arm("dropout 0.5", {"dropout": 0.5})),
    quick=Budget(epochs=16, images=1000, seeds=3, rates=(0.003,), batch_size=32, test_images=1000, drops=()),
    full=Budget(epochs=30, images=5000, seeds=3, rates=(0.001, 0.003, 0.01), batch_size=64, drops=()),
    published={"dropout 0.5": "without it 'substantial overfitting'; about twice the iterations to converge",
               "all": "the paper's section 4.2, without a figure of error."},
    scale="one hidden fully connected layer of 512 units with dropout instead of two of 4096; few images and no other "
          "augmentation, so that the network can overfit.",
    model=with_hidden_layer, training={"augmentation": {}}, findings=findings, draw=draw,
    columns={"gap": gap_cell},
)
run = LESSON.run
