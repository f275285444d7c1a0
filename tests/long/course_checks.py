"""Prove the checks of `tinynet course`: every planted mistake is named, no right file is refused.

    python tests/long/course_checks.py --variants 1000 --seeds 3 [--resume]

Mistakes are the bugs of the catalogue (tinynet.gradcheck.planted) that can be put into a step, and those of
tests/support/course_checks.py, each with several draws of shapes and numbers. Right files are drawn: the step, one of
the families of solutions, names, float64 inside, layouts, the check's own seed. The file of results is written anew
after each kind and every 50 files; cut off at any time, the command goes on from there with --resume.
"""
import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from record import load_record, write_record

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

from support.course_checks import (  # noqa: E402
    FAMILIES,
    MISTAKES,
    bugs,
    check_bug,
    check_mistake,
    check_text,
    named,
    own_course,
    variant,
)

from tinynet.course.steps import STEPS  # noqa: E402

DEFAULT = Path(__file__).parents[2] / "results" / "course-checks.json"
CHUNK = 50


def check_bugs(seeds: int) -> dict[str, Any]:
    """Put each bug of the catalogue into its steps, with several seeds."""
    missed, unnamed, cases = [], [], 0
    for bug in bugs():
        for seed in range(seeds):
            cases += 1
            found = check_bug(bug, seed)
            if not any(found.values()):
                missed.append([bug.name, seed])
            unnamed += [[bug.name, part, seed] for part, points in found.items() if points and not named(bug, points)]
    return {"bugs": len(bugs()), "seeds": seeds, "cases": cases, "missed": missed, "not_named": unnamed}


def check_mistakes(seeds: int) -> dict[str, Any]:
    """Put each mistake into the solution of its step, with several seeds."""
    missed, unnamed = [], []
    for name, mistake in MISTAKES.items():
        for seed in range(seeds):
            checked = check_mistake(mistake, seed)
            if checked.right:
                missed.append([name, seed])
            elif not any(mistake.told in f"{point.what}: {point.fault}" for point in checked.points if point.fault):
                unnamed.append([name, seed])
    return {"mistakes": len(MISTAKES), "seeds": seeds, "cases": len(MISTAKES) * seeds, "missed": missed,
            "not_named": unnamed}


def check_variants(state: dict[str, Any], until: int) -> None:
    """Check drawn right files up to this number."""
    while state["cases"] < until:
        generator = np.random.default_rng([state["cases"], 5])
        step, family = STEPS[state["cases"] % len(STEPS)], FAMILIES[int(generator.integers(len(FAMILIES)))]
        names, float64, layout = (bool(each) for each in generator.integers(0, 2, 3))
        seed = int(generator.integers(10**6))
        checked = check_text(step, variant(family, step, names, float64, layout), own_course(family), seed)
        if not checked.right:
            faults = [f"{point.what}: {point.fault}" for point in checked.points if point.fault] + checked.borrowed
            state["refused"].append({"case": state["cases"], "step": step.number, "family": family, "names": names,
                                     "float64": float64, "layout": layout, "seed": seed, "faults": faults[:3]})
        state["cases"] += 1
        state["by_family"][family] = state["by_family"].get(family, 0) + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--resume", action="store_true", help="go on from the file of results")
    parser.add_argument("--out", type=Path, default=DEFAULT)
    options = parser.parse_args()
    if not options.resume:
        options.out.unlink(missing_ok=True)
    record = load_record(options.out, {"seconds": 0.0, "variants": {"cases": 0, "by_family": {}, "refused": []}})
    for name, check in (("catalogue", check_bugs), ("mistakes", check_mistakes)):
        if name not in record:
            begin = time.process_time()
            record[name] = check(options.seeds)
            finish(record, begin, options.out)
    while record["variants"]["cases"] < options.variants:
        begin = time.process_time()
        check_variants(record["variants"], min(options.variants, record["variants"]["cases"] + CHUNK))
        finish(record, begin, options.out)
    catalogue, mistakes, right = record["catalogue"], record["mistakes"], record["variants"]
    bad = [*catalogue["missed"], *catalogue["not_named"], *mistakes["missed"], *mistakes["not_named"],
           *right["refused"]]
    print(f"{catalogue['cases']} cases of {catalogue['bugs']} bugs, {mistakes['cases']} of {mistakes['mistakes']} "
          f"mistakes, {right['cases']} right files: {len(bad)} surprises; {record['seconds']:.0f} s of processor time")
    sys.exit(1 if bad else 0)


def finish(record: dict[str, Any], begin: float, out: Path) -> None:
    """Add the time, and write the file of results."""
    record["seconds"] = round(record["seconds"] + time.process_time() - begin, 1)
    write_record(out, record)


if __name__ == "__main__":
    main()
