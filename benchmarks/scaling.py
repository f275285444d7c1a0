"""How the cost of a training step grows with the batch and with the image: time and peak memory, as one plot.

    python benchmarks/scaling.py --json benchmarks/scaling.json --plot benchmarks/scaling.png

The network is the paper's up to conv5, then one linear layer to 1000 classes, so that images of 64 pixels fit too. Each
size runs in a process of its own.
"""
import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

import tinynet as tn
from tinynet.measure.profiling import median
from tinynet.tables import text_table

BATCHES, SIZES = (1, 8, 32, 128, 256), (64, 128, 227)
CUT = "pool5"  # the layer that 64 x 64 images are too small for


def network(size: int) -> tn.Network:
    """The paper's layers up to conv5, and a linear layer that fits."""
    layers = list(tn.alexnet().layers.items())
    layers = layers[: [name for name, _ in layers].index(CUT)]
    shape: tuple[int, ...] = (size, size, 3)
    for _, layer in layers:
        shape = layer.output_shape(shape)
    top = [("flatten", tn.Flatten()), ("fc6", tn.Linear(int(np.prod(shape)), 1000, std=0.01))]
    return tn.Network([*layers, *top], input_shape=(size, size, 3))


def work(batch: int, size: int, threads: int) -> dict[str, float]:
    """Time one step, and measure the peak of this process's memory."""
    tn.set_threads(threads)
    net = network(size)
    optimizer = tn.SGD(net, 1e-4)
    images = np.random.default_rng(0).standard_normal((batch, size, size, 3), dtype=np.float32)
    labels = np.arange(batch)

    def step() -> None:
        tn.training_step(net, images, labels, optimizer)

    step()
    return {"seconds": median(step), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure(threads: int) -> list[dict[str, float]]:
    """Run every batch at every size in a process of its own."""
    rows = []
    for size in SIZES:
        for batch in BATCHES:
            command = [sys.executable, __file__, "--worker", str(batch), str(size), "--threads", str(threads)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append({"batch": batch, "size": size, **json.loads(done.stdout)})
            print(rows[-1], file=sys.stderr)
    return rows


def draw(rows: list[dict[str, float]], path: str) -> None:
    """Time an image, and peak memory, against the batch, a line for each size."""
    from tinynet.plots.pictures import BLUE, ORANGE, SKY, Picture

    picture = Picture(figsize=(10, 4), layout="constrained")
    left, right = picture.subplots(1, 2)
    for size, colour, marker in zip(SIZES, (SKY, BLUE, ORANGE), "o^s", strict=True):
        mine = [row for row in rows if row["size"] == size]
        batches = [row["batch"] for row in mine]
        left.plot(batches, [1e3 * row["seconds"] / row["batch"] for row in mine], color=colour, marker=marker,
                  label=f"{size} x {size}")
        right.plot(batches, [row["peak_mb"] for row in mine], color=colour, marker=marker, label=f"{size} x {size}")
    for axes, label in ((left, "milliseconds an image"), (right, "peak memory, MB")):
        axes.set(xscale="log", yscale="log", xlabel="batch", ylabel=label)
        axes.set_xticks(BATCHES, [str(batch) for batch in BATCHES])
        axes.grid(alpha=0.3)
        axes.legend()
    picture.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", default="scaling.json")
    parser.add_argument("--plot", default="scaling.png")
    parser.add_argument("--worker", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(work(*options.worker, options.threads)))
        return
    rows = measure(options.threads)
    Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")
    draw(rows, options.plot)
    cells = []
    for row in rows:
        each = 1e3 * row["seconds"] / row["batch"]
        numbers = [f"{row['seconds']:.3f}", f"{each:.2f}", f"{row['peak_mb']:.0f}"]
        cells.append([str(row["size"]), str(row["batch"]), *numbers])
    print(text_table(["image", "batch", "seconds a step", "ms an image", "peak MB"], cells))


if __name__ == "__main__":
    main()
