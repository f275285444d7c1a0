"""The flat loss at ln(classes), and what ends it."""
import math
import statistics
from typing import Any

from ..models.parts import PIXEL_DEVIATION
from ..network import Network
from .drawing import draw_curves
from .experiment import Arm, Budget
from .lesson import Lesson
from .result import Result

BELOW = 0.95  # a loss below this part of ln(classes) is no longer flat


def biases_of(value: float) -> Any:
    """Return the change that sets all biases that are 1 to `value`."""
    def change(net: Network, seed: int) -> Network:
        for layer in net.params.values():
            layer["b"][layer["b"] == 1] = value
        return net
    return change


def divided_pixels(net: Network, seed: int) -> Network:
    """Let the network see pixels / 64, whose deviation is about 1, as most programs do today; its weights stay."""
    net.recipe["deviation"] = PIXEL_DEVIATION
    return net


def epochs_until_it_falls(record: dict[str, Any], classes: int = 10) -> int | None:
    """Return the first epoch whose mean loss was below 95% of ln(classes); None if there was none."""
    return next((row["epoch"] for row in record["history"] if row["train_loss"] < BELOW * math.log(classes)), None)


def findings(result: Result) -> list[str]:
    """Say how long the loss stayed flat."""
    classes, budget = len(result.plan.train.class_names), result.plan.budget
    steps, said = math.ceil(budget.images / budget.batch_size), []
    for arm in result.plan.arms:
        found = [epochs_until_it_falls(r, classes) for r in result.of(arm)]
        fell = [steps * value for value in found if value is not None]
        text = f"{arm.name}: the loss fell below {BELOW:.0%} of ln {classes} = {math.log(classes):.3f} in "
        text += f"{len(fell)} of {len(found)} trainings"
        said.append(text + (f", within {statistics.mean(fell):.0f} steps on average" if fell else ""))
    return said + [f"Counted in epochs of {steps} steps; {budget.epochs * steps} steps in all."]


def draw(result: Result) -> Any:
    """Draw the loss by steps."""
    from ..plots.letters import drawn
    from ..plots.pictures import Picture

    picture = Picture(figsize=(9, 5), layout="constrained")
    axes, budget = picture.subplots(), result.plan.budget
    steps = math.ceil(budget.images / budget.batch_size)
    at = [steps * (epoch - 0.5) for epoch in range(1, budget.epochs + 1)]
    for i, arm in enumerate(result.plan.arms):
        draw_curves(axes, [[row["train_loss"] for row in r["history"]] for r in result.of(arm)], i,
                    f"{arm.name}, rate {result.of(arm)[0]['rate']:g}", at)
    classes = len(result.plan.train.class_names)
    axes.axhline(math.log(classes), color="grey", linestyle="--", label=f"ln {classes}: all classes alike")
    axes.set(xlabel="steps", ylabel="training loss (mean of each epoch)", xlim=(0, None), ylim=(0, None))
    axes.legend()
    axes.grid(alpha=0.3)
    picture.suptitle(drawn(result.title()), fontsize=11)
    return picture


LESSON = Lesson(
    name="init",
    question="Why does the loss stay at ln(classes), and what ends it?",
    arms=(
        Arm("the paper's text", {"init": "text"}),
        Arm("its authors' program", {"init": "authors"}),
        Arm("text, biases of 0.1", {"init": "text"}, change=biases_of(0.1)),
        Arm("He", {"init": "he"}),
        Arm("text, pixels / 64", {"init": "text"}, change=divided_pixels),
    ),
    quick=Budget(epochs=22, images=640, seeds=2, rates=(0.003,), batch_size=32, test_images=500, drops=()),
    full=Budget(epochs=16, images=2560, seeds=3, rates=(0.001, 0.003, 0.01, 0.03), batch_size=64,
                test_images=1000, drops=()),
    published={
        "the paper's text": "N(0, 0.01²), biases of 1",
        "its authors' program": "N(0, 0.03²) in conv3 to conv5",
        "text, biases of 0.1": "Caffe's choice: biases of 1 gave it a flat loss",
        "all": "the paper gives its initialization alone; that the loss stays flat was measured by others, and here.",
    },
    scale="AlexNet's sequence for 32 x 32 images, four convolutions instead of five, whose program's numbers are "
          "rescaled (see models.small.AUTHORS); --model alexnet with a folder of photographs has the original's.",
    switches={"dropout": None}, training={"augmentation": {}}, findings=findings, draw=draw,
)
run = LESSON.run
