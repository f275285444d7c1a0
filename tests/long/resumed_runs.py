"""Stop trainings in each of their steps, go on with other numbers of threads: are all parameters the straight run's?

    python tests/long/resumed_runs.py

Ten steps (two epochs; the fifth and the tenth are the last of an epoch) x 0, 1, 2 and 4 loader threads x 1 and 2
compute threads before the stop: 80 runs. After it each goes on with the next number of loader threads and the other
number of compute threads; two share the blocks of a batch. The SHA-256 of all parameters, running statistics and
velocities is compared with one straight run's. Cut off at any time, the same command goes on;
`results/reliability/resumed-runs.json` has what was found.
"""
import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

from record import FOLDER, load_record, write_record  # noqa: E402
from support.faulty_runs import AFTER, digest, stopped_and_resumed, train_in_blocks  # noqa: E402

CASES = list(itertools.product(range(1, 11), AFTER["loader_threads"], AFTER["threads"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER / "resumed-runs.json")
    options = parser.parse_args()
    record: dict[str, Any] = load_record(options.out, {"runs": 0, "same": 0, "seconds": 0.0, "other": []})
    with tempfile.TemporaryDirectory() as folder:
        train_in_blocks(Path(folder, "straight"))
        record["sha256"] = digest(Path(folder, "straight"))
        for step, loader_threads, threads in CASES[record["runs"] :]:
            begin = time.perf_counter()
            found = stopped_and_resumed(Path(folder, str(record["runs"])), step, loader_threads, threads)
            record["runs"] += 1
            record["seconds"] = round(record["seconds"] + time.perf_counter() - begin, 2)
            if found == record["sha256"]:
                record["same"] += 1
            else:
                record["other"].append({"step": step, "loader_threads": loader_threads, "threads": threads})
            write_record(options.out, record)
    print(f"{record['same']} of {record['runs']} runs ended with the same bits")
    sys.exit(1 if record["other"] else 0)


if __name__ == "__main__":
    main()
