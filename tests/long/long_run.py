"""Train for an hour on image files, and measure whether memory, open files and speed stay as they are.

    python tests/long/long_run.py --seconds 3600 --folder FOLDER

The folder gets 1,000 drawn images as JPEG files and the run. Cut off at any time, the same command goes on with the run
and with what was measured; `results/reliability/long-run.json` has the samples and what follows from them. Needs /proc.
"""
import argparse
import os
import signal
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


def sample(record: dict[str, Any], out: Path, seconds: float) -> None:
    """Note every few seconds what the process takes; press Ctrl-C when the time is over."""
    begin, before, process = time.monotonic(), record["seconds"], record["processes"]
    written = begin
    while record["seconds"] < seconds:
        time.sleep(EVERY)
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
    """Return slopes with their 95% intervals, of the process that ran longest, without its start."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--folder", type=Path, required=True, help="for the images and the run")
    parser.add_argument("--threads", type=int, default=1, help="to compute with")
    parser.add_argument("--loader-threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=FOLDER / "long-run.json")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell ignores for background commands
    tn.set_threads(options.threads)
    write_images(options.folder)
    images, _ = load_image_folder(options.folder, SIDE)
    data = Counted(images.paths, images.labels, images.class_names, SIDE, "shapes")
    record = load_record(options.out, {"seconds": 0.0, "processes": 0, "samples": [], "found": None})
    record["processes"] += 1
    if record["seconds"] < options.seconds:
        threading.Thread(target=sample, args=(record, options.out, options.seconds), daemon=True).start()
        run = options.folder / "run"
        try:
            tn.fit(tn.alexnet_small(), data, epochs=10**6, run=run, resume=(run / "last.npz").exists(),
                   loader_threads=options.loader_threads, progress=False, checkpoint_seconds=10)
        except KeyboardInterrupt:
            pass
    print(f"{record['seconds']:.0f} s: {record['found']}")


if __name__ == "__main__":
    main()
