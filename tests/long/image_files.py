"""Read image files of every kind in every condition, the largest that are allowed, and thousands of mutated ones.

    python tests/long/image_files.py [--files 5000]

Files are read in processes of their own, so that a crash and the peak of memory (`ru_maxrss`, measured, not limited)
are seen from outside. Cut off at any time, the same command goes on; `results/reliability/image-files.json` has the
counts. A mutated file may give an image or a DataError that names it; anything else, a crash, more than a second of the
processor's time or 300 MB are failures, and a process that does not end.
"""
import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from record import FOLDER, load_record, write_record  # the tests' own helpers are found from here on

from support.image_matrix import MODES, cases, encoded, wrong  # isort: skip
from support.parser_oracles import claiming, image_seeds, mutated  # isort: skip

from tinynet.data import load_image
from tinynet.errors import DataError

CHUNK = 250  # files read by one process
SECOND, MEGABYTES = 1.0, 300.0
TIMEOUT = 600  # seconds for one process
LARGEST, LARGEST_WEBP = (4990, 5010), (3530, 3540)  # just under what image_file.MOST_PIXELS allows


def read_chunk(number: int, folder: Path) -> dict[str, Any]:
    """Read one chunk of mutated files; every other one in full, not scaled down."""
    generator = np.random.default_rng([5, number])
    seeds = image_seeds() + [photograph("JPEG"), photograph("PNG")]
    found: dict[str, Any] = {"loaded": 0, "refused": 0, "slowest": 0.0, "failures": []}
    for index in range(CHUNK):
        content = mutated(seeds[generator.integers(len(seeds))], generator)
        if generator.random() < 0.2:
            width, height = (2 ** generator.uniform(0, 16, 2)).astype(int).tolist()
            try:
                content = claiming(content, width, height)
            except (StopIteration, ValueError, OverflowError):
                pass  # the header is gone already
        path = folder / f"{number}-{index}.jpg"
        path.write_bytes(content)
        begin = time.process_time()
        failure = read_one(path, 64 if index % 2 else None)
        seconds = time.process_time() - begin
        found["slowest"] = max(found["slowest"], round(seconds, 3))
        if seconds > SECOND:
            failure = f"took {seconds:.1f} s"
        if failure in ("loaded", "refused"):
            found[failure] += 1
            path.unlink()
        else:
            found["failures"].append(f"{path.name}: {failure}")
    return found


def read_one(path: Path, size: int | None) -> str:
    """Return "loaded", "refused", or what else happened."""
    try:
        image = load_image(path, size)
    except DataError as error:
        return "refused" if str(path) in str(error) else f"the error does not name the file: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "loaded" if image.ndim == 3 and image.dtype == np.uint8 else f"gave {image.shape} of {image.dtype}"


def photograph(form: str) -> bytes:
    """A larger file: slow changes of colour, and noise."""
    generator = np.random.default_rng(0)
    few = Image.fromarray(generator.integers(0, 256, (6, 8, 3), np.uint8)).resize((320, 240), Image.Resampling.BICUBIC)
    noise = generator.integers(0, 20, (240, 320, 3), np.uint8)
    return encoded(Image.fromarray(np.asarray(few) // 2 + noise), form)


def read_matrix(folder: Path) -> dict[str, Any]:
    """Try every case of `image_matrix`."""
    folder.chmod(0o755)
    failures, count = [], 0
    for mode, form, condition in cases():
        place = folder / f"{count}"
        place.mkdir(mode=0o755)
        problem = wrong(mode, form, condition, place)
        count += 1
        if problem:
            failures.append(f"{mode} as {form}, {condition}: {problem}")
    return {"cases": count, "failures": failures}


def read_largest(case: str, folder: Path) -> dict[str, Any]:
    """Read one of the largest files that are allowed, lying on its side; another process has written it."""
    begin = time.process_time()
    outcome = read_one(folder / case, None)
    expected = "refused" if case.startswith(("F-", "I-")) else "loaded"
    failures = [] if outcome == expected else [f"{case}: {outcome}"]
    return {"failures": failures, "seconds": round(time.process_time() - begin, 2)}


def write_largest(case: str, folder: Path) -> dict[str, Any]:
    """Write a file of one mode and format."""
    mode, form = case.removesuffix(".jpg").split("-")
    image = MODES[mode][0]().resize(LARGEST_WEBP if form == "WEBP" else LARGEST, Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"transparency": 1} if mode == "P" and form == "PNG" else {}
    image.save(folder / case, form, exif=exif, **options)
    return {"failures": []}


def apart(what: str, argument: str, folder: Path) -> dict[str, Any]:
    """Run one of the functions above in a process of its own; add the peak of its memory."""
    command = [sys.executable, __file__, "--child", what, argument, str(folder)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return {"failures": [f"{what} {argument} did not end in {TIMEOUT} s"]}
    if run.returncode != 0:
        return {"failures": [f"{what} {argument} ended with {run.returncode}: {run.stderr[-500:]}"]}
    found = json.loads(run.stdout.splitlines()[-1])
    if what != "write_largest" and found["megabytes"] > MEGABYTES:
        found["failures"].append(f"{what} {argument} took {found['megabytes']} MB")
    return found


CHILDREN: dict[str, Callable[[str, Path], dict[str, Any]]] = {
    "nothing": lambda _, folder: {"failures": []},
    "matrix": lambda _, folder: read_matrix(folder),
    "mutated": lambda number, folder: read_chunk(int(number), folder),
    "write_largest": write_largest,
    "read_largest": read_largest,
}


def child(what: str, argument: str, folder: Path) -> None:
    warnings.simplefilter("ignore")  # Pillow's, of damaged files
    found = CHILDREN[what](argument, folder)
    print(json.dumps(found | {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=5000, help="mutated ones")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child[0], options.child[1], Path(options.child[2]))
    out = FOLDER / "image-files.json"
    record = load_record(out, {"matrix": None, "largest": {}, "mutated": {
        "chunks": 0, "files": 0, "loaded": 0, "refused": 0, "slowest": 0.0, "megabytes": 0, "failures": []}})
    with tempfile.TemporaryDirectory() as folder:
        record["megabytes_of_the_program"] = apart("nothing", "", Path(folder))["megabytes"]
        if record["matrix"] is None:
            record["matrix"] = apart("matrix", "", Path(folder))
            write_record(out, record)
        total = record["mutated"]
        while total["files"] < options.files:
            found = apart("mutated", str(total["chunks"]), Path(folder))
            total["chunks"] += 1
            total["files"] += CHUNK
            total["failures"] += found["failures"]
            for key in ("loaded", "refused"):
                total[key] += found.get(key, 0)
            for key in ("slowest", "megabytes"):
                total[key] = max(total[key], found.get(key, 0))
            write_record(out, record)
            print(f"{total['files']} files, {total['failures']}", flush=True)
        for mode, (_, forms, _) in MODES.items():
            for form in forms:
                case = f"{mode}-{form}.jpg"
                if form != "GIF" and case not in record["largest"]:
                    written = apart("write_largest", case, Path(folder))
                    record["largest"][case] = written if written["failures"] else apart(
                        "read_largest", case, Path(folder))
                    (Path(folder) / case).unlink(missing_ok=True)
                    write_record(out, record)
                    print(case, record["largest"][case], flush=True)
    failures = [text for part in (record["matrix"], record["mutated"], *record["largest"].values())
                for text in part["failures"]]
    print(f"{record['matrix'].get('cases', 0)} cases, {total['files']} mutated files, "
          f"{len(record['largest'])} large ones: {len(failures)} failures", *failures, sep="\n")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
