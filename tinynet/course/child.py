"""The process that a student's files run in: `python -m tinynet.course.child JOB FOLDER SECONDS BYTES`."""
import json
import sys
from pathlib import Path
from typing import Any

from ..exercises.child import guarded
from .isolation import without_network
from .running import SO_FAR, check_source, sources_for
from .step import Point
from .steps import find_step


def main(file: str, folder: str, seconds: str, memory: str) -> None:
    """Do the check that the job's file describes, without network if it says so."""
    cut_off = without_network() if read(file)["no_network"] else False
    guarded(folder, seconds, memory, lambda: checked(file) | {"cut_off": cut_off})


def checked(file: str) -> dict[str, Any]:
    """Do the check that the job's file describes, in this process: a step, the student's files for it, a seed."""
    job = read(file)
    step = find_step(job["step"])
    own = {int(number): source.encode("latin-1") for number, source in job["own"].items()}

    def keep(points: list[Point]) -> None:
        Path(file).with_name(SO_FAR).write_text(json.dumps(points), encoding="utf-8")

    found = check_source(step, sources_for(step, own), job["seed"], job["timing"], keep)
    return found._asdict() | {"cut_off": False}


def read(file: str) -> dict[str, Any]:
    """Return the job."""
    return json.loads(Path(file).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
