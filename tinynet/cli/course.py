"""`tinynet course`: layers to write oneself, their checks, the training and the trace of one's own network."""
import argparse
from pathlib import Path
from typing import Any

from ..course import show
from ..course.check import check_course
from ..course.folder import NAME, check_folder, make
from ..course.steps import find_step
from ..errors import ArgumentError
from ..exercises.show import say
from ..files import with_home


def course_arguments(add: argparse.ArgumentParser) -> None:
    add.set_defaults(action=run_make, threads=None)
    add.add_argument("--to", default=NAME, metavar="DIR", type=with_home,
                     help="folder to make, or to fill up where files are missing (default: %(default)s)")
    actions = add.add_subparsers(metavar="ACTION", title="what else", help=argparse.SUPPRESS, description="""
check [STEP]      how far you are, of one step or of all
Each has --help.""")
    for name, run, arguments in (("check", run_check, check_arguments),):
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


def folder_option(folder: Path) -> str:
    """Return the option that names the folder again; none for the usual one."""
    return "" if str(folder) == NAME else f" --folder {folder}"
