"""`tinynet course`: layers to write oneself, their checks, the training and the trace of one's own network."""
import argparse
import sys
from pathlib import Path
from typing import Any

from ..course import show
from ..course.check import Limits, check_course
from ..course.folder import NAME, check_folder, make
from ..course.grade import check_places, grade, names_of, write_grades
from ..course.graded import Grade
from ..course.points import USUAL, read_points, write_points
from ..course.steps import find_step
from ..course.trace import trace_course
from ..course.train import Recipe, train
from ..errors import ArgumentError
from ..exercises.show import hint_text, say
from ..files import quoted, user_path, with_home
from ..ops.checks import check_count
from .output import check_place

ACTIONS = """what else it does, each with --help:
  tinynet course check [STEP]       how far you are, in one step or in all
  tinynet course train              train your AlexNet on drawn shapes
  tinynet course trace              step through your network in the browser
  tinynet course grade FOLDER ...   for teachers: the folders of many students"""


def course_arguments(add: argparse.ArgumentParser) -> None:
    add.formatter_class, add.epilog = argparse.RawDescriptionHelpFormatter, ACTIONS
    add.usage = "tinynet course [--to DIR]"
    add.set_defaults(action=run_make, threads=None)
    add.add_argument("--to", metavar="DIR", type=with_home,
                     help=f"folder to make, or to fill up where files are missing (default: {NAME})")
    actions = add.add_subparsers(prog="tinynet course", metavar="ACTION", help=argparse.SUPPRESS)
    for name, run, arguments, what in (
            ("check", run_check, check_arguments, "Say what is right, and what kind of mistake is left."),
            ("train", run_train, train_arguments, "Train your AlexNet beside tinynet's own. For a step that "
             "is not right yet, tinynet's file is taken."),
            ("trace", run_trace, trace_arguments, "Show where each number in your network came from, in the browser."),
            ("grade", run_grade, grade_arguments, "Check the folders of many students (docs/teachers.md).")):
        action = actions.add_parser(name, description=what, allow_abbrev=False)
        action.set_defaults(action=run)
        arguments(action)


def check_arguments(add: Any) -> None:
    add.add_argument("step", nargs="?", type=int, metavar="STEP", help="number of a step (default: all)")
    add_folder(add)
    add.add_argument("--seed", type=int, default=0, metavar="N", help="draws the shapes and numbers; another has "
                     "others (default: %(default)s)")
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
                     help="learning rate, divided by 10 for the last fifth (default: %(default)s)")
    add.add_argument("--anyway", action="store_true", help="also when it will take more than half an hour")


def trace_arguments(add: Any) -> None:
    add_folder(add)
    add.add_argument("--html", metavar="FILE", type=with_home,
                     help="the page to write (default: network.html in the folder of the course)")
    add.add_argument("--seed", type=int, default=0, metavar="N", help="of the drawn shape (default: %(default)s)")
    add.add_argument("--untrained", action="store_true", help="with new weights, even where there are trained ones")


def grade_arguments(add: Any) -> None:
    add.add_argument("folders", nargs="*", metavar="FOLDER", type=with_home, help="a student's folder")
    add.add_argument("--csv", metavar="FILE", type=with_home, help="write a table, a row for each student")
    add.add_argument("--report", metavar="DIR", type=with_home,
                     help="write a page for each student, and results.json for Gradescope")
    add.add_argument("--points", metavar="FILE", type=with_home, help="points of each step (default: the usual ones)")
    add.add_argument("--write-points", metavar="FILE", type=with_home, help="write the usual points, to be changed")
    add.add_argument("--steps", metavar="NUMBERS", help="check these steps alone, such as 1-5,7")
    add.add_argument("--seed", type=int, default=0, metavar="N", help="draws the shapes and numbers of the checks; "
                     "another than the students' 0 has other numbers (default: %(default)s)")
    add.add_argument("--jobs", type=int, metavar="N", help="students at a time (default: one on each core)")
    add.add_argument("--seconds", type=float, default=60.0, metavar="S", help="time for the check of a step (default: "
                     "%(default)s)")
    add.add_argument("--memory", type=float, default=2.0, metavar="GB", help="memory for it, where the system can "
                     "limit it (default: %(default)s)")


def add_folder(to: Any) -> None:
    to.add_argument("--folder", default=NAME, metavar="DIR", type=with_home,
                    help="the folder of the course (default: %(default)s)")


def run_course(options: argparse.Namespace) -> int | None:
    if options.to is not None and options.action is not run_make:
        raise ArgumentError("course: --to is for making a folder; check, train and trace take --folder DIR")
    return options.action(options)


def run_make(options: argparse.Namespace) -> None:
    say(show.written_text(make(options.to or NAME)))


def run_check(options: argparse.Namespace) -> int:
    if options.step is None:
        if options.hint is not None or options.solution is not None:
            raise ArgumentError("course check: give the number of a step first, for instance tinynet course check 1 "
                                "--hint")
    elif options.hint is not None:
        step = find_step(options.step)
        print(hint_text(f"step {step.number}", step.hints, options.hint, "the file"))
        return 0
    elif options.solution is not None:
        if options.solution not in ("", "sure"):
            raise ArgumentError(f"--solution {options.solution}: expected --solution, or --solution sure after the "
                                "warning")
        step = find_step(options.step)
        print(show.solution_text(step) if options.solution else show.warning_text(step))
        return 0
    steps = None if options.step is None else [find_step(options.step).number]
    folder = check_folder(options.folder)
    outcomes = check_course(folder, steps, check_count("course check", "--seed", options.seed, least=0))
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
                    drop=max(1, 4 * options.epochs // 5))
    folder = check_folder(options.folder)
    path = train(folder, recipe, options.seed, options.anyway, say)
    if path is None:
        return 1
    say(f"parameters and learning curve are in {path}; tinynet course trace{folder_option(folder)} steps "
        "through the network")
    return 0


def run_trace(options: argparse.Namespace) -> None:
    check_count("course trace", "--seed", options.seed, least=0)
    if options.html is not None:
        check_place("--html", options.html)
    trace_course(options.folder, options.html, options.seed, options.untrained, say)


def run_grade(options: argparse.Namespace) -> None:
    if options.write_points is not None and not options.folders:
        for name in ("csv", "report"):
            if getattr(options, name) is not None:
                raise ArgumentError(f"course grade: --{name} is for grades, and no folder is given")
    if options.write_points is not None:
        say(f"{write_points(options.write_points)} is written")
        if not options.folders:
            return
    check_count("course grade", "--seed", options.seed, least=0)
    if options.jobs is not None:
        check_count("course grade", "--jobs", options.jobs)
    for name in ("seconds", "memory"):
        if not 0 < getattr(options, name) < float("inf"):
            raise ArgumentError(f"course grade: --{name} is {getattr(options, name)}, expected a number above 0")
    points = USUAL if options.points is None else read_points(options.points)
    points = chosen_steps(points, options.steps)
    check_places(options.csv, options.report)
    limits = Limits(options.seconds, int(options.memory * 1e9), timing=False, no_network=True)
    there: list[Grade] = []

    def done(made: Grade) -> None:
        there.append(made)
        say(f"{made.name}: {made.total:g} of {made.most:g}"
            + (f"; {len(made.notes)} to be looked at" if made.notes else ""))

    try:
        grades = grade(options.folders, points, options.seed, limits, options.jobs, done)
    except KeyboardInterrupt:
        if there and (options.csv or options.report):
            order = names_of([user_path(folder) for folder in options.folders])
            write_grades(sorted(there, key=lambda made: order.index(made.name)), options.csv, options.report,
                         options.seed)
            print(f"tinynet: of {len(order)} folders {len(there)} are graded and written", file=sys.stderr)
        raise
    write_grades(grades, options.csv, options.report, options.seed)
    for what in filter(None, (options.csv, options.report)):
        say(f"{what} is written")


def chosen_steps(points: dict[int, float], text: str | None) -> dict[int, float]:
    """Return the points of the steps in a text such as "1-5,7"."""
    if text is None:
        return points
    numbers: set[int] = set()
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdecimal() or (dash and (not last.isdecimal() or int(last) < int(first))):
            raise ArgumentError(f"course grade: --steps {text}: expected numbers such as 1-5,7")
        numbers |= set(range(int(first), int(last or first) + 1))
    lacking = sorted(numbers - set(points))
    if lacking:
        raise ArgumentError(f"course grade: --steps {text}: step {lacking[0]} has no points")
    return {number: value for number, value in points.items() if number in numbers}


def folder_option(folder: Path) -> str:
    """Return the option that names the folder again; none for the usual one."""
    return "" if str(folder) in (NAME, ".") else f" --folder {quoted(folder)}"
