"""`tinynet course`: layers to write oneself, their checks, the training and the trace of one's own network."""
import argparse
from pathlib import Path
from typing import Any

from ..course import show
from ..course.check import check_course
from ..course.folder import NAME, check_folder, make
from ..course.steps import find_step
from ..course.trace import trace_course
from ..course.train import Recipe, train
from ..errors import ArgumentError
from ..exercises.show import say
from ..files import with_home
from ..ops.checks import check_count
from .output import check_place


def course_arguments(add: argparse.ArgumentParser) -> None:
    add.set_defaults(action=run_make, threads=None)
    add.add_argument("--to", default=NAME, metavar="DIR", type=with_home,
                     help="folder to make, or to fill up where files are missing (default: %(default)s)")
    actions = add.add_subparsers(metavar="ACTION", title="what else", help=argparse.SUPPRESS, description="""
check [STEP]      how far you are, in one step or in all
train             train your AlexNet on drawn shapes
trace             step through your network in the browser
Each has --help.""")
    for name, run, arguments in (("check", run_check, check_arguments), ("train", run_train, train_arguments),
                                 ("trace", run_trace, trace_arguments)):
        action = actions.add_parser(name)
        action.set_defaults(action=run)
        arguments(action)


def check_arguments(add: Any) -> None:
    add.add_argument("step", nargs="?", type=int, metavar="STEP", help="number of a step (default: all)")
    add_folder(add)
    wish = add.add_mutually_exclusive_group()
    wish.add_argument("--hint", nargs="?", const=1, type=int, metavar="N", help="print the first hint, or the first N")
    wish.add_argument("--solution", nargs="?", const="", metavar="sure", help="print the solved file; a warning comes "
                      "first")


def train_arguments(add: Any) -> None:
    add_folder(add)
    for name, text in {"images": "images to train on", "epochs": "passes over them", "batch": "images in a step",
                       "seed": "of weights, order and augmentation"}.items():
        usual = 0 if name == "seed" else Recipe._field_defaults[name]
        add.add_argument(f"--{name}", type=int, default=usual, metavar="N", help=f"{text} (default: %(default)s)")
    add.add_argument("--rate", type=float, default=Recipe._field_defaults["rate"], metavar="RATE",
                     help="learning rate, divided by 10 for the last third (default: %(default)s)")
    add.add_argument("--anyway", action="store_true", help="also when it will take more than half an hour")


def trace_arguments(add: Any) -> None:
    add_folder(add)
    add.add_argument("--html", default="network.html", metavar="FILE", type=with_home,
                     help="the page to write (default: %(default)s)")
    add.add_argument("--seed", type=int, default=0, metavar="N", help="of the drawn shape (default: %(default)s)")
    add.add_argument("--untrained", action="store_true", help="with new weights, even where there are trained ones")


def add_folder(to: Any) -> None:
    to.add_argument("--folder", default=NAME, metavar="DIR", type=with_home,
                    help="the folder of the course (default: %(default)s)")


def run_course(options: argparse.Namespace) -> int | None:
    return options.action(options)


def run_make(options: argparse.Namespace) -> None:
    say(show.written_text(make(options.to)))


def run_check(options: argparse.Namespace) -> int:
    if options.step is None:
        if options.hint is not None or options.solution is not None:
            raise ArgumentError("course check: give the number of a step first, for instance tinynet course check 1 "
                                "--hint")
    elif options.hint is not None:
        print(show.hint_text(find_step(options.step), options.hint))
        return 0
    elif options.solution is not None:
        if options.solution not in ("", "sure"):
            raise ArgumentError(f"--solution {options.solution}: expected --solution, or --solution sure after the "
                                "warning")
        step = find_step(options.step)
        print(show.solution_text(step) if options.solution else show.warning_text(step))
        return 0
    folder = check_folder(options.folder)
    outcomes = check_course(folder, None if options.step is None else [options.step])
    option = folder_option(folder)
    if options.step is None:
        say(show.course_text(folder, outcomes, option))
    else:
        say(show.step_text(folder, outcomes[0], option))
    return 0 if all(outcome.right for outcome in outcomes) else 1


def run_train(options: argparse.Namespace) -> int:
    for name in ("images", "epochs", "batch"):
        check_count("course train", f"--{name}", getattr(options, name))
    check_count("course train", "--seed", options.seed, least=0)
    if not 0 < options.rate < float("inf"):
        raise ArgumentError(f"course train: --rate is {options.rate}, expected a number above 0")
    recipe = Recipe(images=options.images, epochs=options.epochs, batch=options.batch, rate=options.rate,
                    drop=max(1, 2 * options.epochs // 3))
    path = train(options.folder, recipe, options.seed, options.anyway, say)
    if path is None:
        return 1
    say(f"parameters and learning curve are in {path}; tinynet course trace{folder_option(Path(options.folder))} steps "
        "through the network")
    return 0


def run_trace(options: argparse.Namespace) -> None:
    check_count("course trace", "--seed", options.seed, least=0)
    check_place("--html", options.html)
    trace_course(options.folder, options.html, options.seed, options.untrained, say)


def folder_option(folder: Path) -> str:
    """Return the option that names the folder again; none for the usual one."""
    return "" if str(folder) == NAME else f" --folder {folder}"
