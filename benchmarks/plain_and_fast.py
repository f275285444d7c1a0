"""Layer files as they are written beside their fast implementations, and what the proof before use costs.

    python benchmarks/plain_and_fast.py --json benchmarks/results/plain_and_fast.json

Training steps with and without fast implementations, in turn in one process, as images a second; and in fresh
processes, in turn with and without the proof, the time of 50 steps and of a first prediction.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np

import tinynet as tn
from tinynet.measure.profiling import median
from tinynet.network import fast
from tinynet.ops.threads import get_threads
from tinynet.tables import text_table

NETWORKS = {  # and the batch of their training steps
    "alexnet": (tn.alexnet, 32),
    "alexnet-ungrouped": (lambda: tn.alexnet("ungrouped"), 32),
    "cifar-80sec": (tn.cifar_net, 128),
    "lenet5": (tn.lenet5, 128),
    "alexnet-small": (tn.alexnet_small, 128),
}
STEPS = 50


def batch(net: tn.Network, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Drawn images and labels."""
    generator = np.random.default_rng(0)
    return 60 * generator.standard_normal((count, *net.input_shape), dtype=np.float32), np.arange(count) % 10


def rates(name: str, rounds: int) -> dict[str, float]:
    """Images a second of a training step, plain and fast in turn."""
    make, count = NETWORKS[name]
    net = make()
    images, labels = batch(net, count)
    optimizer = tn.SGD(net, 1e-6)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for on in seconds:
            tn.set_fast(on)
            seconds[on].append(median(lambda: tn.training_step(net, images, labels, optimizer)))
    tn.set_fast(True)
    plain, quick = (count / statistics.median(seconds[on]) for on in (False, True))
    return {"plain": plain, "fast": quick, "fast / plain": quick / plain}


def first_run(name: str, work: str, proof: bool) -> float:
    """Seconds of 50 steps, or of a first prediction, in this process, in which nothing is proven yet."""
    make, count = NETWORKS[name]
    net = make()
    images, labels = batch(net, count)
    tn.Network([("relu", tn.ReLU())]).forward(images[:1])  # threads and BLAS are found
    if not proof:
        fast.difference = lambda *args: 0.0
    start = time.perf_counter()
    if work == "predict":
        tn.predict(net, images[:1])
    else:
        optimizer = tn.SGD(net, 1e-6)
        for _ in range(STEPS):
            tn.training_step(net, images, labels, optimizer)
    return time.perf_counter() - start


def cost(name: str, work: str, rounds: int) -> dict[str, float]:
    """What the proof adds: medians of fresh processes, with and without it in turn."""
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(rounds):
        for proof in seconds:
            command = [sys.executable, __file__, "--threads", str(get_threads()), "--first", name, work, proof]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds[proof].append(float(done.stdout))
    proven, unproven = (statistics.median(each) for each in seconds.values())
    return {"seconds": unproven, "with the proof": proven, "more": proven - unproven}


def main() -> None:
    """Measure, print the tables, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int)
    options.add_argument("--first", nargs=3, metavar=("NAME", "WORK", "PROOF"), help=argparse.SUPPRESS)
    given = options.parse_args()
    tn.set_threads(given.threads)
    if given.first:
        print(first_run(given.first[0], given.first[1], given.first[2] == "with"))
        return
    found = {name: rates(name, given.rounds) for name in NETWORKS}
    print(text_table(["training step", "plain", "fast", "fast / plain"],
                     [[name, *(f"{value:,.2f}" for value in row.values())] for name, row in found.items()]))
    proofs = {
        f"{name}, {'a first prediction' if work == 'predict' else f'{STEPS} steps'}": cost(name, work, rounds)
        for name, work, rounds in (
            ("alexnet", "predict", 2 * given.rounds + 1), ("alexnet-small", "steps", given.rounds),
            ("cifar-80sec", "steps", given.rounds), ("lenet5", "steps", given.rounds), ("alexnet", "steps", 3))
    }
    print(text_table(["seconds of", "without the proof", "with it", "more", "part"],
                     [[name, *(f"{value:.3f}" for value in row.values()), f"{row['more'] / row['seconds']:.1%}"]
                      for name, row in proofs.items()]))
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"threads": get_threads(), "images a second": found, "proof, seconds": proofs}, file, indent=1)


if __name__ == "__main__":
    main()
