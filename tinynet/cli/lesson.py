"""What `tinynet lesson` does."""
import argparse
import importlib
import sys
from typing import Any

from ..errors import ArgumentError
from ..lessons import Arm, speed
from ..lessons.lesson import Lesson
from .commands import parse_switch

SPEED_TAKES = ("name", "run", "threads", "command")


def run_lesson(options: argparse.Namespace) -> None:
    """Run the lesson that the command line names."""
    if options.name == "speed":
        given = [name for name, value in vars(options).items()
                 if value is not None and value is not False and value != [] and name not in SPEED_TAKES]
        if given:
            raise ArgumentError(f"lesson speed has no --{given[0].replace('_', '-')}: it times one convolution")
        speed.run(options.run or "tinynet-lesson/speed")
        return
    lesson: Lesson = importlib.import_module(f"tinynet.lessons.{options.name}").LESSON
    arms: list[Arm | str] | None = None
    if options.arms is not None or options.arm:
        with_model = lesson.with_model(options.model)
        known, own = [arm.name for arm in with_model.arms], [arm.name for arm in with_model.own_arms(options.quick)]
        arms = [*(own if options.arms is None else split_names(options.arms, known)), *map(read_arm, options.arm)]
    try:
        result = lesson.run(
            quick=options.quick, data=options.data, model=options.model, arms=arms, epochs=options.epochs,
            images=options.images, batch_size=options.batch_size, seeds=options.seeds, rates=options.rates,
            folder=options.run, parallel=options.jobs,
        )
    except KeyboardInterrupt:
        print("tinynet: finished training runs are kept; the same command continues the lesson", file=sys.stderr)
        raise
    print(f"table, numbers and plot are in {result.plan.folder}")


def split_names(text: str, known: list[str]) -> list[str]:
    """Split names at commas, but for the commas in those that are known."""
    pieces, names = text.split(","), []
    while pieces:
        lengths = [n for n in range(1, len(pieces) + 1) if ",".join(pieces[:n]).strip() in known]
        end = max(lengths, default=1)
        names.append(",".join(pieces[:end]).strip())
        del pieces[:end]
    return names


def read_arm(text: str) -> Arm:
    """Read NAME:SWITCH=VALUE,SWITCH=VALUE."""
    name, colon, rest = text.partition(":")
    if not name or not colon:
        raise ArgumentError(f"--arm {text}: expected NAME:SWITCH=VALUE, for instance tanh:activation=tanh")
    switches: dict[str, Any] = dict(parse_switch(each, f"--arm {name}:") for each in rest.split(",") if each)
    return Arm(name, switches)
