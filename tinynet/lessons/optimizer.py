"""What momentum brings, and what Adam, each at its own best learning rate."""
import statistics
from typing import Any

from .common_error import common_error, epochs_to_common_error, training_curves
from .experiment import Arm, Budget
from .lesson import Lesson
from .relu import four_layers
from .result import Result


def held_out_errors(result: Result, arm: Arm) -> dict[float, float]:
    """Return the held-out error of the arm's search at each rate, 1 where the training diverged."""
    return {r["rate"]: 1.0 if r["diverged"] else r["test_error"]
            for r in sorted(result.of(arm, "search"), key=lambda record: record["rate"])}


def rates_cell(result: Result, arm: Arm) -> str:
    """Write the errors of the search."""
    return ", ".join(f"{rate:g}: {'diverged' if error == 1 else f'{error:.1%}'}"
                     for rate, error in held_out_errors(result, arm).items())


def neighbours(result: Result, arm: Arm) -> list[str]:
    """Say for the rates below and above the chosen one how many times it they are and what they cost in points."""
    errors = held_out_errors(result, arm)
    rates, best = list(errors), result.of(arm)[0]["rate"]
    at = rates.index(best)
    return [f"{100 * (errors[rate] - errors[best]):+.1f} at {rate / best:.2g} times"
            for rate in (*rates[max(at - 1, 0) : at], *rates[at + 1 : at + 2])]


def findings(result: Result) -> list[str]:
    """Say when each arm reached the training error that all reached, and what another rate costs."""
    said, epochs = [], epochs_to_common_error(result)
    reached = {name: statistics.mean(each) for name, each in epochs.items() if each}
    if reached:
        each = ", ".join(f"{name} {mean:.1f}" for name, mean in reached.items())
        said.append(f"Epochs until {common_error(result):.1%} training error, the lowest that every training reached: "
                    f"{each}. An epoch's error is its mean while the network learned; it stands for its middle.")
    cost = {arm.name: neighbours(result, arm) for arm in result.plan.arms if len(result.of(arm, "search")) > 1}
    if cost:
        each = "; ".join(f"{name} {', '.join(found)}" for name, found in cost.items())
        said.append(f"Held-out error at the rates next to the best one, in points above it (one seed): {each}.")
    return said


def draw(result: Result) -> Any:
    """Draw training errors by epoch, each seed's test error, and the search."""
    from ..plots.pictures import Picture
    from .drawing import COLOURS, MARKERS, draw_curves, draw_seeds, finish, name_rates

    picture = Picture(figsize=(15, 4.8), layout="constrained")
    left, middle, right = picture.subplots(1, 3)
    for i, (name, curves) in enumerate(training_curves(result).items()):
        draw_curves(left, curves, i, name)
    left.axhline(common_error(result), color="grey", linestyle=":")
    left.set(xlabel="epoch", ylabel="training error\n(dotted: the lowest that all reached)")
    if left.get_legend_handles_labels()[0]:  # else every training diverged
        picture.legend(loc="outside lower center", ncols=len(result.plan.arms))
    draw_seeds(middle, result, lambda record: record["test_error"], letters=45)
    middle.set_ylabel("test error at the end")
    for i, arm in enumerate(result.plan.arms):
        errors = held_out_errors(result, arm)
        right.plot(list(errors), list(errors.values()), f"{MARKERS[i % len(MARKERS)]}-",
                   color=COLOURS[i % len(COLOURS)])
    right.set(xscale="log", xlabel="learning rate", ylabel="held-out error of the search (one seed)")
    name_rates(right, [r["rate"] for arm in result.plan.arms for r in result.of(arm, "search")])
    finish(picture, result)
    return picture


LESSON = Lesson(
    name="optimizer",
    question="What does momentum bring, and what does Adam, each at its best learning rate?",
    arms=(
        Arm("SGD with momentum", training={"momentum": 0.9}),
        Arm("SGD without momentum", training={"momentum": 0.0}, rates=(0.01, 0.03, 0.1)),
        Arm("Adam", training={"optimizer": "adam"}, rates=(0.0003, 0.001, 0.003)),
    ),
    quick=Budget(epochs=8, images=1000, seeds=3, rates=(0.001, 0.003, 0.01), batch_size=32, test_images=500),
    full=Budget(epochs=12, images=20_000, seeds=3, rates=(0.001, 0.003, 0.01), batch_size=64),
    published={
        "all": "the paper trains with momentum 0.9 and compares it with nothing. Kingma and Ba (2015, section 6.3) "
               "found Adam a little faster than SGD with momentum on CIFAR-10.",
    },
    scale="the four-layer network of the lesson on ReLU, for 32 x 32 images; momentum 0.9, Adam's betas 0.9 and 0.999; "
          "no weight decay in any arm, since one number would mean another strength in each.",
    model=four_layers, training={"augmentation": {}, "weight_decay": 0.0}, findings=findings, draw=draw,
    columns={"held-out error by rate": rates_cell},
)
run = LESSON.run
