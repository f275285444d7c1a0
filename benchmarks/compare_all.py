"""Run compare.py for a table of networks, batches and threads; print it in Markdown, beside what was aimed at.

    python benchmarks/compare_all.py FOLDER                  # some 40 minutes, on a machine that does nothing else
    python benchmarks/compare_all.py FOLDER --only lenet5    # cases whose name contains a word

A case that is in the folder already is not measured again. Two processes of one thread are in processes.py.
"""
import argparse
import json
from pathlib import Path

from compare import compare, machine

TORCH = ["torch", "torch-keep", "torch-channels-last", "torch-channels-last-keep"]
CASES = [  # network, work, batch, threads, and the aims: against the fastest PyTorch, against PyTorch as installed
    ("alexnet", "step", 128, 2, 1.5, 2.5),
    ("alexnet", "step", 32, 2, 1.3, 1.6),
    ("ungrouped-without-lrn", "step", 32, 2, None, None),
    ("cifar-80sec", "step", 128, 1, 0.85, 1.2),
    ("cifar-80sec", "step", 128, 2, 0.8, 1.1),
    ("lenet5", "step", 128, 1, 0.85, 1.1),
    ("lenet5", "step", 128, 2, 0.7, 1.0),
    ("alexnet-small", "step", 128, 2, 1.8, 2.0),
    ("alexnet-medium", "step", 128, 2, 1.3, 1.6),
    ("alexnet-medium-without-lrn", "step", 128, 2, 0.9, 1.1),
    *((net, "forward", 128, 2, None, None) for net in (
        "alexnet", "cifar-80sec", "lenet5", "alexnet-small", "alexnet-medium", "alexnet-medium-without-lrn")),
]


def row(found: dict, fastest_aim: float | None, installed_aim: float | None) -> str:
    """Write a case as a row of the table."""
    rates = {name: one["images_per_second"] for name, one in found["contestants"].items()}
    ours, theirs = rates["tinynet"], {name: rates[name] for name in TORCH}
    fastest = max(theirs.values())
    work = "training step" if found["work"] == "step" else "forward"
    peak = found["contestants"]
    cells = [
        f"`{found['net']}`, {work}", str(found["batch"]), str(found["threads"]), f"{ours:,.1f}",
        *(f"{rate:,.1f}" for rate in theirs.values()),
        f"**{ours / fastest:.2f}**" + (f" ({fastest_aim})" if fastest_aim else ""),
        f"**{ours / theirs['torch']:.2f}**" + (f" ({installed_aim})" if installed_aim else ""),
        f"{peak['tinynet']['peak_mb']:.0f} / {peak['torch']['peak_mb']:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="a part of a network's name")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="of measuring in each process")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for net, work, batch, threads, *aims in CASES:
        file = chosen.folder / f"{net}-{work}-{batch}-threads-{threads}.json"
        if chosen.only not in net:
            continue
        if not file.exists():
            options = argparse.Namespace(net=net, work=work, batch=batch, threads=threads, against=TORCH,
                                         rounds=chosen.rounds, seconds=chosen.seconds)
            file.write_text(json.dumps(compare(options), indent=1) + "\n")
        rows.append(row(json.loads(file.read_text()), *aims))
        print(rows[-1], flush=True)
    head = ["network, work", "batch", "threads", "tinynet", "PyTorch", "keep", "channels last", "channels last, keep",
            "against the fastest (aim)", "against PyTorch as installed (aim)", "peak MB, tinynet / PyTorch"]
    print("\n".join([str(machine()), f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows]))


if __name__ == "__main__":
    main()
