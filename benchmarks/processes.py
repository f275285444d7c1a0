"""Time two processes of one thread beside one process of two threads, and beside the fastest PyTorch, in turn.

    python benchmarks/processes.py --net lenet5 cifar-80sec alexnet-small alexnet-medium alexnet --json FILE

A training step of one batch: by one thread, by two threads, by two processes that have half of it each (data parallel,
through MPI), by the two processes of two towers where the network has them, by PyTorch with two threads in its fastest
form here (channels last or not, glibc told to keep memory), and by PyTorch's DistributedDataParallel (gloo, two
processes of one thread). Each in processes of its own, for some seconds, then the next one, for several rounds. Beside
it stands the share of a step that processes spend in adding gradients up, the wait for the slower one included.

The last table is worked out, not measured: what N machines would give, from the measured time of a step, the bytes of
the gradients and the rate of a network, 10 and 100 Gbit/s. A ring of N machines sends 2 (N - 1) / N times the bytes.

Needs mpi4py and mpirun (extra mpi), and torch.
"""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from compare import DECAY, MOMENTUM, NETS, RATE, batch, machine, tinynet_work, torch_layer, torch_work

import tinynet as tn
from tinynet.distributed import team_of
from tinynet.models import make_model
from tinynet.ops.processes import sharing
from tinynet.ops.threads import keep_memory
from tinynet.tables import text_table

MADE: dict[str, Callable] = NETS | {
    "alexnet-medium-two-towers": lambda: make_model("alexnet-medium", towers=2),
}
OURS = ["one thread", "two threads", "two processes"]
THEIRS = ["torch-keep", "torch-channels-last-keep", "torch-ddp"]
TOWERS = ("alexnet", "alexnet-medium-two-towers")
NETWORKS = {"10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}  # bytes a second
MACHINES = (1, 2, 4, 8, 16, 32, 64)


def repeat(run: Callable[[], Any], seconds: float, comm: Any = None) -> list[float]:
    """Return the times of a step, after two that are not counted; several processes stop after the same number."""
    run()
    run()
    times: list[float] = []
    begin = time.perf_counter()
    while True:
        more = len(times) < 3 or (time.perf_counter() - begin < seconds and len(times) < 500)
        if not (more if comm is None else comm.bcast(more)):
            return times
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)


def our_processes(options: argparse.Namespace, split: str) -> dict[str, Any]:
    """Time the steps of this process, one of two."""
    from mpi4py import MPI

    tn.set_threads(1)
    team, net, sent = team_of(MPI.COMM_WORLD, split), MADE[options.net](), [0.0]
    images, labels = batch(net, options.batch)
    part = team.part(options.batch)
    images, labels = np.ascontiguousarray(images[part]), labels[part]
    add_into = team.add_into

    def timed(own: Any, total: Any) -> None:
        begin = time.perf_counter()
        add_into(own, total)
        sent[0] += time.perf_counter() - begin

    team.add_into = timed  # type: ignore[method-assign]
    optimizer = tn.SGD(net, RATE, MOMENTUM, DECAY)
    with team.own_network(net, optimizer) as own, sharing(team.share(options.batch)):
        def step() -> None:
            tn.training_step(own, images, labels, optimizer)

        times = repeat(step, options.seconds, team.comm)
    return {"times": times, "sending": sent[0] / (len(times) + 2), "leads": team.leads}


def all_reduce(options: argparse.Namespace) -> dict[str, Any]:
    """Time adding the gradients of the paper's network up between two processes, in pieces."""
    from mpi4py import MPI

    team = team_of(MPI.COMM_WORLD, "batch")
    share = team.share(2)
    assert share is not None
    gradients = {"all": np.ones(tn.alexnet().parameter_count, np.float32)}
    keep_memory()
    times = repeat(lambda: share.add_gradients(gradients), options.seconds, team.comm)
    return {"times": times, "bytes": gradients["all"].nbytes, "leads": team.leads}


def torch_ddp(options: argparse.Namespace) -> dict[str, Any]:
    """Time the steps of one of PyTorch's two processes."""
    import torch
    import torch.distributed as dist

    keep_memory()
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    net = MADE[options.net]()
    images, labels = batch(net, options.batch)
    half = slice(rank * options.batch // 2, (rank + 1) * options.batch // 2)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    theirs = torch.nn.Sequential(*(torch_layer(torch, layer) for layer in net.layers.values()))
    theirs = torch.nn.parallel.DistributedDataParallel(theirs.to(memory_format=layout))
    x = torch.tensor(images[half]).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    y, optimizer = torch.tensor(labels[half]), torch.optim.SGD(theirs.parameters(), RATE, MOMENTUM, weight_decay=DECAY)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(theirs(x), y).backward()
        optimizer.step()

    class Comm:
        def bcast(self, more: bool) -> bool:
            word = torch.tensor([int(more)])
            dist.broadcast(word, 0)
            return bool(word.item())

    times = repeat(step, options.seconds, Comm())
    dist.destroy_process_group()
    return {"times": times, "leads": rank == 0}


def work_once(options: argparse.Namespace) -> dict[str, Any]:
    """Do what one process of a contestant does."""
    name = options.worker
    if name in ("two processes", "two towers"):
        return our_processes(options, "batch" if name == "two processes" else "towers")
    if name == "all-reduce":
        return all_reduce(options)
    if name == "torch-ddp":
        return torch_ddp(options)
    if name.endswith("-keep"):
        keep_memory()
    net = MADE[options.net]()
    images, labels = batch(net, options.batch)
    work = torch_work if name.startswith("torch") else tinynet_work
    run = work(net, images, labels, "step", 1 if name == "one thread" else 2, name)
    return {"times": repeat(run, options.seconds), "leads": True}


def contestant(options: argparse.Namespace, net: str, name: str, size: int) -> dict[str, Any]:
    """Run this file for one contestant, in one process or two; return what the first one found."""
    command = [sys.executable, __file__, "--worker", name, "--net", net, "--batch", str(size),
               "--seconds", str(options.seconds)]
    threads = "2" if name in ("two threads", "torch-keep", "torch-channels-last-keep") else "1"
    environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    if name == "torch-ddp":
        return ddp(command, environment)
    beside = Path(sys.executable).with_name("mpirun")
    before = [str(beside) if beside.exists() else shutil.which("mpirun") or "mpirun", "-n", "2"]
    several = name in ("two processes", "two towers", "all-reduce")
    done = subprocess.run([*(before if several else []), *command], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{net}, {name}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def ddp(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Run PyTorch's two processes, with channels last and without; return the faster one's times."""
    best: dict[str, Any] = {}
    for layout in ([], ["--channels-last"]):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        common = environment | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
        both = [subprocess.Popen([*command, *layout], env=common | {"RANK": str(rank)}, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True) for rank in (0, 1)]
        texts = [process.communicate() for process in both]
        if any(process.returncode for process in both):
            raise RuntimeError("torch-ddp: " + texts[0][1])
        found = json.loads(texts[0][0].splitlines()[-1])
        if not best or statistics.median(found["times"]) < statistics.median(best["times"]):
            best = found
    return best


def measure(options: argparse.Namespace, net: str) -> dict[str, Any]:
    """Run all contestants in turn; return images a second, and what processes spend in sending."""
    names = OURS + (["two towers"] if net in TOWERS else []) + ([] if options.without_torch else THEIRS)
    rates: dict[str, list[float]] = {name: [] for name in names}
    sending: list[float] = []
    for turn in range(options.rounds):
        for name in names[turn % 2 :] + names[: turn % 2]:
            found = contestant(options, net, name, options.batch)
            rates[name].append(options.batch / statistics.median(found["times"]))
            if name == "two processes":
                sending.append(found["sending"] / statistics.mean(found["times"]))
            print(f"{net}, round {turn + 1}, {name}: {rates[name][-1]:.1f} images/s", file=sys.stderr)
    middle = {name: statistics.median(values) for name, values in rates.items()}
    fastest = max((middle[name] for name in THEIRS if name in middle), default=None)
    return {
        "net": net, "batch": options.batch, "images_per_second": middle, "by_round": rates,
        "two_processes_against_one_thread": middle["two processes"] / middle["one thread"],
        "two_threads_against_one_thread": middle["two threads"] / middle["one thread"],
        "against_the_fastest_torch": None if fastest is None else middle["two processes"] / fastest,
        "share_of_a_step_in_sending": statistics.median(sending),
    }


def on_paper(options: argparse.Namespace) -> dict[str, Any]:
    """Work out what N machines would give for the paper's network, from a step's time for two sizes of batch."""
    few, many = options.batch // 4, options.batch
    seconds = {size: statistics.median(contestant(options, "alexnet", "two threads", size)["times"])
               for size in (few, many)}
    each = (seconds[many] - seconds[few]) / (many - few)    # for an image
    always = max(0.0, seconds[many] - many * each)          # whatever the batch: the update, for one
    sent = contestant(options, "alexnet", "all-reduce", few)
    rates = NETWORKS | {"between two processes here": sent["bytes"] / statistics.median(sent["times"])}
    rows = []
    for name, rate in rates.items():
        for kind, total in (("of all machines", lambda n: many), ("of each machine", lambda n: many * n)):
            for n in MACHINES:
                step = always + total(n) / n * each + 2 * (n - 1) / n * sent["bytes"] / rate
                rows.append({"network": name, "batch": kind, "machines": n, "images_per_second": total(n) / step,
                             "times_one": total(n) / step / (many / seconds[many])})
    gain = {(row["network"], row["machines"]): row["times_one"] for row in rows if row["batch"] == "of all machines"}
    little = {name: next((n for n, double in zip(MACHINES, MACHINES[1:], strict=False)
                          if gain[name, double] < 1.1 * gain[name, n]), MACHINES[-1]) for name in rates}
    return {"batch": many, "little_gain_from": little, "seconds_an_image": each, "seconds_always": always,
            "bytes": sent["bytes"], "bytes_a_second_here": rates["between two processes here"], "rows": rows,
            # Below this batch (of all machines together) the time to send grows faster than the computing falls.
            "least_batch_that_gains": {name: 2 * sent["bytes"] / rate / each for name, rate in rates.items()}}


def tables(result: dict[str, Any]) -> str:
    """Return both tables as text."""
    names = [*OURS, "two towers", *THEIRS]
    rows = []
    for found in result["networks"]:
        rates, ratio = found["images_per_second"], found["against_the_fastest_torch"]
        rows.append([found["net"], *(f"{rates[name]:.1f}" if name in rates else "" for name in names),
                     f"{found['two_processes_against_one_thread']:.2f}", "" if ratio is None else f"{ratio:.2f}",
                     f"{found['share_of_a_step_in_sending']:.1%}"])
    text = text_table(["network", *names, "processes / thread", "/ fastest torch", "sending"], rows)
    if "on_paper" not in result:
        return text
    paper = result["on_paper"]
    rows = [[row["network"], row["batch"], str(row["machines"]), f"{row['images_per_second']:.0f}",
             f"{row['times_one']:.2f}"] for row in paper["rows"]]
    least = ", ".join(f"{batch:.0f} ({name})" for name, batch in paper["least_batch_that_gains"].items())
    return (f"{text}\n\nOn paper, for the paper's network, a batch of {paper['batch']}:\n"
            f"{text_table(['network', 'batch', 'machines', 'images/s', 'times one'], rows)}\n"
            f"A second machine gains nothing below a batch of {least}. Twice as many machines for the same batch bring "
            f"less than 10% from {', '.join(f'{n} on ({name})' for name, n in paper['little_gain_from'].items())}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", nargs="*", choices=list(MADE), default=["lenet5"])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of measuring in each process")
    parser.add_argument("--without-torch", action="store_true")
    parser.add_argument("--paper", action="store_true", help="also work out what N machines would give")
    parser.add_argument("--json", help="file to write the result to")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--channels-last", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        options.net = options.net[0]
        found = work_once(options)
        if found["leads"]:  # mpirun may mix what two processes print
            print(json.dumps(found), flush=True)
        if options.worker == "torch-ddp":
            os._exit(0)  # at an ordinary end, gloo's threads sometimes abort the process
        return
    result: dict[str, Any] = {"machine": machine(), "networks": [measure(options, net) for net in options.net]}
    if options.paper:
        result["on_paper"] = on_paper(options)
    print(tables(result))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
