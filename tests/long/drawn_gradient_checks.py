"""Put many drawn cases of right layers, losses and networks to the gradient check, and count its alarms.

    python tests/long/drawn_gradient_checks.py --cases 10000 [--resume]

The file of results is written anew after every chunk of cases; cut off at any time, the command goes on from there with
--resume. An alarm is a report that did not pass; cases of which the check could not decide something are told apart.
"""
import argparse
import hashlib
import importlib.metadata
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

from support.drawn_checks import KINDS, check_drawn  # noqa: E402

import tinynet  # noqa: E402
from tinynet.files import atomic_write  # noqa: E402

DEFAULT = Path(__file__).parents[2] / "results" / "drawn-gradient-checks.json"


def versions() -> dict[str, str]:
    """What the result belongs to; tinynet's is a digest of its source text."""
    digest = hashlib.sha256()
    for path in sorted(Path(tinynet.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return {"python": platform.python_version(), "numpy": np.__version__,
            "hypothesis": importlib.metadata.version("hypothesis"), "tinynet": digest.hexdigest()[:12]}


def load(path: Path, resume: bool, chunk: int) -> dict:
    """Return the state to start from; the program ends where the file belongs to other code or other chunks."""
    if resume and path.exists():
        state = json.loads(path.read_text(encoding="utf-8"))
        if (state["chunk"], state["versions"]) != (chunk, versions()):
            sys.exit(f"{path} has chunks of {state['chunk']} and {state['versions']}, not {chunk} and {versions()}: "
                     "begin anew without --resume")
        return state
    return {"cases": 0, "chunk": chunk, "chunks": 0, "seconds": 0.0, "by_kind": {}, "alarms": [], "undecided": [],
            "versions": versions()}


def run_chunk(state: dict) -> None:
    """Check one chunk of cases: the kinds take turns, and each turn has a seed of its own."""
    begin, number = time.perf_counter(), state["chunks"]
    kind = KINDS[number % len(KINDS)]
    for result in check_drawn(kind, start=1000 + number, count=state["chunk"]):
        state["cases"] += 1
        state["by_kind"][kind] = state["by_kind"].get(kind, 0) + 1
        if not result["passed"]:
            state["alarms"].append({"kind": kind, "chunk": number, "what": result["what"], "report": result["report"]})
        elif result["undecided"]:
            state["undecided"].append({"kind": kind, "chunk": number, "what": result["what"]})
    state["chunks"] += 1
    state["seconds"] = round(state["seconds"] + time.perf_counter() - begin, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--chunk", type=int, default=25, help="cases of one kind at a time")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further chunk after so long")
    parser.add_argument("--resume", action="store_true", help="go on from the file of results")
    parser.add_argument("--out", type=Path, default=DEFAULT)
    options = parser.parse_args()
    state, begin = load(options.out, options.resume, options.chunk), time.perf_counter()
    while state["cases"] < options.cases:
        run_chunk(state)
        with atomic_write(options.out) as file:
            file.write((json.dumps(state, indent=1) + "\n").encode())
        if time.perf_counter() - begin >= options.seconds:
            break
    print(f"{state['cases']} of {options.cases} cases, {len(state['alarms'])} alarms, {len(state['undecided'])} with "
          f"something undecided, {state['seconds']:.0f} s")
    sys.exit(1 if state["alarms"] else 0)


if __name__ == "__main__":
    main()
