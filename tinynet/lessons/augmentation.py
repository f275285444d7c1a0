"""More images out of few: crops, mirror images and colours in training, ten crops at test."""
from typing import Any

from ..network import Network
from ..training.evaluation import evaluate
from .experiment import Arm, Budget
from .lesson import Lesson
from .plan import Plan
from .result import Result, over_the_one_before, paired, with_spread

CROPS = {"crop": True, "mirror": True, "pad": 0, "colour": False}


def ten_crops(net: Network, plan: Plan) -> dict[str, Any]:
    """Return the test error with the mean over ten crops."""
    return {"ten_crop_error": evaluate(net, plan.test, ten_crop=True).top1_error}


def with_ten_crops(record: dict[str, Any]) -> float:
    """Return the test error with ten crops; a training that diverged counts as chance either way."""
    return record["measured"].get("ten_crop_error", record["test_error"])


def ten_crop_cell(result: Result, arm: Arm) -> str:
    """Write the error with ten crops."""
    return with_spread([with_ten_crops(record) for record in result.of(arm)])


def gain_cell(result: Result, arm: Arm) -> str:
    """Write what ten crops bring over one, seed by seed."""
    own = result.of(arm)
    return paired([record["test_error"] for record in own], [with_ten_crops(record) for record in own])


def findings(result: Result) -> list[str]:
    """Say how the errors were measured."""
    return ["Test error: the central crop of 24 x 24; ten crops: corners, centre and their mirror images, averaged.",
            over_the_one_before(result)]


def draw(result: Result) -> Any:
    """Draw the usual plot with the errors of ten crops."""
    from .drawing import curves_and_errors

    return curves_and_errors(result, "with ten crops", with_ten_crops)


LESSON = Lesson(
    name="augmentation",
    question="What do crops, mirror images and colours bring in training, and ten crops at test?",
    arms=(
        Arm("none", training={"augmentation": {}}),
        Arm("crops and mirrors", training={"augmentation": CROPS}),
        Arm("and PCA colour", training={"augmentation": CROPS | {"colour": True}}),
    ),
    quick=Budget(epochs=12, images=2500, seeds=2, rates=(0.003,), batch_size=32, test_images=1000),
    full=Budget(epochs=24, images=5000, seeds=3, rates=(0.001, 0.003, 0.01), batch_size=64),
    published={
        "and PCA colour": "over 1 point top-1",
        "all": "ten crops instead of one 39.0% to 37.5% top-1, 18.3% to 17.0% top-5 (ILSVRC-2010); without crops and "
               "mirrors 'substantial overfitting' (the paper's section 4.1).",
    },
    scale="AlexNet's sequence on crops of 24 x 24 out of 32 x 32 instead of 224 out of 256, without dropout.",
    switches={"size": 24, "dropout": None}, measure=ten_crops, findings=findings, draw=draw,
    columns={"ten crops": ten_crop_cell, "ten crops bring, points": gain_cell},
)
run = LESSON.run
