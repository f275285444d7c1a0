"""Time tinynet against other frameworks: the same network, batch and work, in processes of their own, in turn.

    python benchmarks/compare.py --net alexnet --work step --batch 128 --against torch torch-keep dezero

Every contestant runs in a fresh process for a few repetitions, then the next one does, and so on for several rounds: a
machine that slows down slows all of them. "-keep" gives a contestant the settings of glibc's allocator that tinynet
gives itself. Prints a table and writes it with all times as JSON.
A contestant that fails is noted with its error; where tinynet fails there is nothing to compare, and it ends.

`--work forward` is evaluation; `--work step` is forward, loss, backward without the images' gradient, and SGD with
momentum and weight decay. (DeZero and Chainer: a step without decay, and the forward pass of training.) Needs torch,
dezero or chainer where they are named.
"""
import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np

import tinynet as tn
from tinynet.layers.initializers import undrawn
from tinynet.measure.profiling import product_rate
from tinynet.models import make_model
from tinynet.ops.threads import keep_memory
from tinynet.tables import text_table

CONTESTANTS = ["tinynet", "torch", "torch-keep", "torch-channels-last", "torch-channels-last-keep", "dezero", "chainer"]
NETS = {
    "alexnet": lambda: make_model("alexnet"),
    "ungrouped-without-lrn": lambda: tn.alexnet(variant="ungrouped", normalization=None),
    "cifar-80sec": lambda: make_model("cifar-80sec"),
    "lenet5": lambda: make_model("lenet5"),
    "alexnet-small": lambda: make_model("alexnet-small"),
    "alexnet-medium": lambda: make_model("alexnet-medium"),
    "alexnet-medium-without-lrn": lambda: make_model("alexnet-medium", normalization=None),
}
RATE, MOMENTUM, DECAY = 1e-4, 0.9, 5e-4


def batch(net, n):
    """Random pixels and labels, the same for all contestants."""
    generator = np.random.default_rng(0)
    images = 60 * generator.standard_normal((n, *net.input_shape), dtype=np.float32)
    return images, generator.integers(0, net.output_shape(net.input_shape)[0], n)


def tinynet_work(net, images, labels, work, threads, name):
    """Return a function that does the work once."""
    tn.set_threads(threads)
    optimizer = tn.SGD(net, RATE, MOMENTUM, DECAY)

    def step():
        tn.training_step(net, images, labels, optimizer)

    return step if work == "step" else lambda: net.forward(images, save=False)


def torch_work(net, images, labels, work, threads, name):
    """The same in PyTorch, its modules made from our layers' settings."""
    import torch

    torch.set_num_threads(threads)
    theirs = torch.nn.Sequential(*(torch_layer(torch, layer) for layer in net.layers.values()))
    format = torch.channels_last if "channels-last" in name else torch.contiguous_format
    theirs = theirs.to(memory_format=format)
    x = torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=format)
    y = torch.tensor(labels)
    optimizer = torch.optim.SGD(theirs.parameters(), RATE, MOMENTUM, weight_decay=DECAY)

    def step():
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(theirs(x), y).backward()
        optimizer.step()

    def forward():
        with torch.inference_mode():
            theirs(x)

    theirs.train(work == "step")
    return step if work == "step" else forward


def torch_layer(torch, layer):
    """The module that does what a layer of ours does (LRN without towers, which costs the same)."""
    s, nn = layer.settings, torch.nn
    kinds = {
        "Conv2d": lambda: nn.Conv2d(s["in_channels"], s["out_channels"], s["kernel_size"], s["stride"], s["padding"],
                                    groups=s["groups"]),
        "Linear": lambda: nn.Linear(s["in_features"], s["out_features"]),
        "LocalResponseNorm": lambda: nn.LocalResponseNorm(s["size"], s["alpha"] * s["size"], s["beta"], s["k"]),
        "MaxPool2d": lambda: nn.MaxPool2d(s["kernel_size"], s["stride"], s["padding"], ceil_mode=s["ceil_mode"]),
        "AvgPool2d": lambda: nn.AvgPool2d(s["kernel_size"], s["stride"], s["padding"], ceil_mode=s["ceil_mode"]),
        "Dropout": lambda: nn.Dropout(s["p"]), "ReLU": nn.ReLU, "Tanh": nn.Tanh, "Flatten": nn.Flatten,
    }
    return kinds[type(layer).__name__]()


def define_by_run_work(net, images, labels, work, threads, name):
    """DeZero or Chainer, which share their names: convolutions, max-pooling, ReLU, dropout and linear layers."""
    for old, kind in (("int", int), ("bool", bool), ("float", float)):  # both were written for NumPy before 1.24
        if not hasattr(np, old):
            setattr(np, old, kind)
    if name == "dezero":
        import dezero as lib
        import dezero.functions as F
        import dezero.layers as L
        import dezero.optimizers as optimizers

        pool, loss, model = F.pooling, F.softmax_cross_entropy, lib.Model
    else:
        import chainer as lib
        import chainer.functions as F
        import chainer.links as L
        import chainer.optimizers as optimizers

        pool, loss, model = F.max_pooling_2d, F.softmax_cross_entropy, lib.Chain
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)

    class Theirs(model):
        def __init__(self):
            super().__init__()
            for key, layer in net.layers.items():
                s = layer.settings
                if "kernel_size" in s and "out_channels" in s:
                    if s["groups"] != 1:
                        raise SystemExit(f"{name} is compared on networks without groups")
                    given = [] if name == "dezero" else [s["in_channels"]]
                    setattr(self, key, L.Conv2d(s["out_channels"], s["kernel_size"], s["stride"], s["padding"])
                            if name == "dezero" else
                            L.Convolution2D(*given, s["out_channels"], s["kernel_size"], s["stride"], s["padding"]))
                elif "out_features" in s:
                    with getattr(self, "init_scope", DoNothing)():
                        setattr(self, key, L.Linear(s["out_features"]) if name == "dezero"
                                else L.Linear(s["in_features"], s["out_features"]))

        def forward(self, x):
            for key, layer in net.layers.items():
                kind = type(layer).__name__
                if kind in ("Conv2d", "Linear"):
                    x = getattr(self, key)(x)
                elif kind == "MaxPool2d":
                    x = pool(x, layer.kernel_size, layer.stride)
                elif kind == "Flatten":
                    x = F.reshape(x, (x.shape[0], -1))
                elif kind == "ReLU":
                    x = F.relu(x)
                elif kind == "Dropout":
                    x = F.dropout(x, layer.p)
                else:
                    raise SystemExit(f"{name} is compared on networks without {kind}")
            return x

        __call__ = forward

    theirs = Theirs()
    optimizer = optimizers.MomentumSGD(RATE, MOMENTUM).setup(theirs)
    x = np.ascontiguousarray(images.transpose(0, 3, 1, 2))

    def step():
        value = loss(theirs(x), labels)
        theirs.cleargrads()
        value.backward()
        optimizer.update()

    return step if work == "step" else lambda: theirs(x)


class DoNothing:
    """A context without effect, where a framework has no scope for parameters."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None


def products(net, work) -> float:
    """GFLOP of matrix products an image: forward, and in a step two more of the same size but for conv1's images."""
    shape, total = net.input_shape, 0
    for i, layer in enumerate(net.layers.values()):
        parts = 1 if work == "forward" else 2 if i == 0 else 3
        total += 2 * parts * layer.multiply_adds(shape)
        shape = layer.output_shape(shape)
    return total / 1e9


def work_once(options) -> dict:
    """Time one contestant in this process."""
    name = options.worker
    if name == "sgemm":
        tn.set_threads(options.threads)
        return {"gflops": product_rate()}
    if name.endswith("-keep"):
        keep_memory()
    with nullcontext() if name.startswith("tinynet") else undrawn():  # of our network they need the settings alone
        net = NETS[options.net]()
    images, labels = batch(net, options.batch)
    makers: dict[str, Callable] = {"tinynet": tinynet_work, "torch": torch_work}
    run = makers.get(name.split("-")[0], define_by_run_work)(net, images, labels, options.work, options.threads, name)
    del net, images, labels  # what `run` does not hold counts in nobody's memory
    run()
    run()
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - start < options.seconds and len(times) < 200):
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"times": times, "peak_mb": peak}


def in_a_process(options, name: str) -> dict:
    """Run this file for one contestant."""
    command = [sys.executable, __file__, "--worker", name, "--net", options.net, "--work", options.work,
               "--batch", str(options.batch), "--threads", str(options.threads), "--seconds", str(options.seconds)]
    count = str(options.threads)
    environment = os.environ | {"OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def needed(done: dict, name: str) -> dict:
    """Return what a process gave, or end the comparison with its error."""
    if "failed" in done:
        raise SystemExit(f"{name} failed, so there is nothing to compare with: {done['failed']}")
    return done


def compare(options) -> dict:
    """Run all contestants in turn and return medians, ratios and shares of the limit."""
    names = ["tinynet", *options.against]
    found: dict[str, list[dict]] = {name: [] for name in names}
    limits = []
    for i in range(options.rounds):
        limits.append(needed(in_a_process(options, "sgemm"), "the products of matrices")["gflops"])
        for name in names[i % 2 :] + names[: i % 2]:
            found[name].append(in_a_process(options, name))
            if name == "tinynet":
                needed(found[name][-1], name)
            print(f"round {i + 1}, {name}: {found[name][-1].get('failed') or 'done'}", file=sys.stderr)
    limit, gflop = statistics.median(limits), products(NETS[options.net](), options.work)
    result = {
        "net": options.net, "work": options.work, "batch": options.batch, "threads": options.threads,
        "machine": machine(), "sgemm_gflops": limit, "limit_images_per_second": limit / gflop, "contestants": {},
    }
    ours: float | None = None
    for name, runs in found.items():
        good = [run for run in runs if "times" in run]
        if not good:
            result["contestants"][name] = {"failed": runs[0]["failed"]}
            continue
        rates = [options.batch / statistics.median(run["times"]) for run in good]
        rate = statistics.median(rates)
        ours = rate if ours is None else ours  # tinynet is the first
        result["contestants"][name] = {
            "images_per_second": rate, "best": options.batch / min(min(run["times"]) for run in good),
            "by_round": rates, "tinynet_is_faster_by": ours / rate,
            "peak_mb": statistics.median(run["peak_mb"] for run in good), "share_of_limit": rate * gflop / limit,
        }
    return result


def machine() -> dict:
    """What ran it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return {"processor": model, "cores": os.cpu_count(), "python": platform.python_version(), "numpy": np.__version__}


def table(result: dict) -> str:
    """The result as text."""
    rows = []
    for name, row in result["contestants"].items():
        if "failed" in row:
            rows.append([name, "", "", "", "", "", row["failed"][:60]])
            continue
        ratio = row["tinynet_is_faster_by"]
        numbers = [f"{row['images_per_second']:.1f}", f"{row['best']:.1f}", f"{ratio:.2f}", f"{row['peak_mb']:.0f}"]
        rows.append([name, *numbers, f"{row['share_of_limit']:.2f}", ""])
    head = ["contestant", "images/s", "best", "tinynet is", "peak MB", "of limit", "note"]
    title = (f"{result['net']}, {result['work']}, batch {result['batch']}, {result['threads']} threads; limit "
             f"{result['limit_images_per_second']:.1f} images/s at {result['sgemm_gflops']:.0f} GFLOP/s")
    return f"{title}\n{text_table(head, rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", choices=list(NETS), default="alexnet")
    parser.add_argument("--work", choices=["forward", "step"], default="step")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--against", nargs="*", choices=CONTESTANTS[1:], default=CONTESTANTS[1:5])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15, help="of measuring in each process")
    parser.add_argument("--json", help="file to write the result to")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(work_once(options)))
        return
    result = compare(options)
    print(table(result))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
