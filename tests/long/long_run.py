"""Train for an hour on image files, and measure whether memory, open files and speed stay as they are.

    python tests/long/long_run.py --seconds 3600 --folder FOLDER

The folder gets 1,000 drawn images as JPEG files and the run. Cut off at any time, the same command goes on with the run
and with what was measured; `results/reliability/long-run.json` has the samples and what follows from them. With the
time already reached the command judges what it has. The exit code is 1 where something is wrong (`wrong`), or the
training ended with an error. Needs /proc.
"""
import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from record import FOLDER, load_record, write_record

import tinynet as tn
from tinynet.data import ImageFolder, draw_shapes, load_image_folder

IMAGES, SIDE = 1000, 40
EVERY = 5.0  # seconds between samples
WARM = 600.0  # seconds at the start of a process that the slopes leave out: pools fill, matplotlib is imported
BLOCKS, T = 12, 2.228  # means over so many stretches of time; Student's t of a 95% interval with BLOCKS - 2 degrees
# What an hour may bring. The curve, drawn every 20 seconds, is a line longer after each epoch; a file that is left open
# at each checkpoint would be 360. Other programs make the speed uneven, which its interval has to show.
MOST_MB, MOST_FILES, MOST_SLOWER, WIDEST_SPEED = 20.0, 1.0, 0.03, 0.2  # the last two are shares of the speed


class Counted(ImageFolder):
    """A folder of images that counts how many were decoded."""

    decoded = 0
    lock = threading.Lock()

    def images_at(self, indices: Any) -> np.ndarray:
        images = super().images_at(indices)
        with self.lock:
            Counted.decoded += len(images)
        return images


def write_images(folder: Path) -> None:
    """Draw the images, as files of a folder of classes."""
    shapes = draw_shapes(IMAGES, SIDE)
    for i, (image, label) in enumerate(zip(shapes.images, shapes.labels, strict=True)):
        path = folder / "train" / shapes.class_names[label] / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            Image.fromarray(image).save(path)


def sample(record: dict[str, Any], out: Path, seconds: float, ended: threading.Event) -> None:
    """Note every few seconds what the process takes; press Ctrl-C when the time is over, unless the run has ended."""
    begin, before, process = time.monotonic(), record["seconds"], record["processes"]
    written = begin
    while record["seconds"] < seconds:
        if ended.wait(EVERY):
            return
        now = time.monotonic()
        record["seconds"] = round(before + now - begin, 1)
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        record["samples"].append({
            "process": process, "seconds": round(now - begin, 1), "rss_kb": int(status["VmRSS"].split()[0]),
            "files": len(os.listdir("/proc/self/fd")), "threads": int(status["Threads"]),
            "images": Counted.decoded, "cpu_seconds": round(time.process_time(), 2)})
        if now - written > 60 or record["seconds"] >= seconds:
            written = now
            record["found"] = found(record["samples"])
            write_record(out, record)
    os.kill(os.getpid(), signal.SIGINT)


def found(samples: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return slopes with their 95% intervals, without the process's start; None where there are too few samples.

    Of a run that was cut off and went on, the process that ran longest is taken and all others are left out.
    """
    if not samples:
        return None
    process = max({s["process"] for s in samples}, key=lambda p: sum(s["process"] == p for s in samples))
    some = [s for s in samples if s["process"] == process and s["seconds"] >= WARM]
    if len(some) < 3 * BLOCKS:
        return None
    hours = np.array([s["seconds"] for s in some]) / 3600
    images, cpu = (np.array([s[key] for s in some], float) for key in ("images", "cpu_seconds"))
    steps = np.diff(hours) * 3600
    files, threads = ([s[key] for s in some] for key in ("files", "threads"))
    return {
        "hours": round(float(hours[-1] - hours[0]), 3),
        "rss_mb": [round(some[0]["rss_kb"] / 1e3, 1), round(some[-1]["rss_kb"] / 1e3, 1)],
        "rss_mb_per_hour": slope(hours, np.array([s["rss_kb"] for s in some]) / 1e3),
        "files": {"least": min(files), "most": max(files), "per_hour": slope(hours, np.array(files, float))},
        "threads": {"least": min(threads), "most": max(threads)},
        "images_per_second": round(float((images[-1] - images[0]) / (hours[-1] - hours[0]) / 3600), 1),
        "images_per_second_per_hour": slope(hours[1:], np.diff(images) / steps),
        "images_per_cpu_second": round(float((images[-1] - images[0]) / (cpu[-1] - cpu[0])), 1),
        "images_per_cpu_second_per_hour": slope(hours[1:], np.diff(images) / np.maximum(np.diff(cpu), 1e-9)),
    }


def slope(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the slope of a straight line and half its 95% interval.

    Samples that follow each other are alike, which would make the interval too narrow: the line goes through the means
    of `BLOCKS` stretches of time, which are nearly independent.
    """
    x, y = (np.array([part.mean() for part in np.array_split(each, BLOCKS)]) for each in (x, y))
    (a, b), spread = np.polyfit(x, y, 1), ((x - x.mean()) ** 2).sum()
    rest = y - a * x - b
    error = float(np.sqrt(rest @ rest / (BLOCKS - 2) / spread))
    return {"slope": round(float(a), 3), "plus_minus": round(T * error, 3)}


def wrong(record: dict[str, Any]) -> list[str]:
    """Return what is wrong with a record.

    Memory and open files must grow by less than the limit even at the upper end of the 95% interval. The speed (images
    per second of the processor's time) must not fall by more than its limit even at the upper end: the interval is
    wider than the limit as a rule, and must not be so wide that it says nothing.
    """
    errors = [f"the training ended with an error: {error}" for error in record.get("errors", [])]
    what = found(record["samples"])
    if what is None:
        return [*errors, f"too little was measured: {WARM + 3 * BLOCKS * EVERY:.0f} s in one process are needed"]
    memory, files, speed = what["rss_mb_per_hour"], what["files"]["per_hour"], what["images_per_cpu_second_per_hour"]
    mean = what["images_per_cpu_second"]
    changes = []
    if memory["slope"] + memory["plus_minus"] > MOST_MB:
        changes.append(f"memory grows by {between(memory)} MB an hour, expected less than {MOST_MB:g}")
    if files["slope"] + files["plus_minus"] > MOST_FILES:
        changes.append(f"open files grow by {between(files)} an hour, expected less than {MOST_FILES:g}")
    if speed["slope"] + speed["plus_minus"] < -MOST_SLOWER * mean:
        changes.append(f"the speed, {mean} images per second of the processor's time, changes by {between(speed)} an "
                     f"hour, expected a fall of at most {MOST_SLOWER:.0%}")
    if speed["plus_minus"] > WIDEST_SPEED * mean:
        changes.append(f"the speed's change, {between(speed)} an hour of {mean}, is too uncertain: measure for longer")
    return errors + changes


def judged(record: dict[str, Any]) -> int:
    """Print what follows from a record, and what is wrong; return the exit code."""
    problems = wrong(record)
    print(f"{record['seconds']:.0f} s: {found(record['samples'])}", *problems, sep="\n")
    return 1 if problems else 0


def between(slope: dict[str, float]) -> str:
    """Write a slope with its interval."""
    return f"{slope['slope']} +- {slope['plus_minus']}"


def train(record: dict[str, Any], options: argparse.Namespace) -> None:
    """Train until the time is over; an error that ends it before is noted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell ignores for background commands
    tn.set_threads(options.threads)
    write_images(options.folder)
    images, _ = load_image_folder(options.folder, SIDE)
    data = Counted(images.paths, images.labels, images.class_names, SIDE, "shapes")
    record["processes"] += 1
    ended = threading.Event()
    sampler = threading.Thread(target=sample, args=(record, options.out, options.seconds, ended), daemon=True)
    sampler.start()
    run = options.folder / "run"
    try:
        tn.fit(tn.alexnet_small(), data, epochs=10**6, run=run, resume=(run / "last.npz").exists(),
               loader_threads=options.loader_threads, progress=False, checkpoint_seconds=10)
    except KeyboardInterrupt:
        if record["seconds"] < options.seconds:  # someone else pressed it
            raise
    except Exception as error:
        ended.set()
        sampler.join()  # which writes the record too
        record.setdefault("errors", []).append(f"{type(error).__name__}: {error}")
        write_record(options.out, record)
        raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--folder", type=Path, required=True, help="for the images and the run")
    parser.add_argument("--threads", type=int, default=1, help="to compute with")
    parser.add_argument("--loader-threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=FOLDER / "long-run.json")
    options = parser.parse_args()
    record = load_record(options.out, {"seconds": 0.0, "processes": 0, "samples": [], "found": None, "errors": []})
    if record["seconds"] < options.seconds:
        train(record, options)
    sys.exit(judged(record))


if __name__ == "__main__":
    main()
