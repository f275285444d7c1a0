"""Run compare.py for a table of networks, batches and threads; print it in Markdown, beside what was aimed at.

    python benchmarks/compare_all.py FOLDER                  # some 40 minutes, on a machine that does nothing else
    python benchmarks/compare_all.py FOLDER --only lenet5    # cases whose name contains a word

A case that is in the folder already is not measured again, unless a contestant failed in it. Two processes of one
thread are in processes.py.
"""
import argparse
import json
from pathlib import Path

from compare import compare

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
    contestants = found["contestants"]
    peaks = {name: f"{one['peak_mb']:.0f}" for name, one in contestants.items() if "failed" not in one}
    rates = {name: one["images_per_second"] for name, one in contestants.items() if "failed" not in one}
    work = "training step" if found["work"] == "step" else "forward"

    def against(names: list[str], aim: float | None) -> str:
        theirs = [rates[name] for name in names if name in rates]
        ratio = f"**{rates['tinynet'] / max(theirs):.2f}**" if theirs else "failed"
        return ratio + (f" ({aim})" if aim else "")

    cells = [
        f"`{found['net']}`, {work}", str(found["batch"]), str(found["threads"]),
        *(f"{rates[name]:,.1f}" if name in rates else "failed" for name in ("tinynet", *TORCH)),
        against(TORCH, fastest_aim), against(["torch"], installed_aim),
        " / ".join(peaks.get(name, "failed") for name in ("tinynet", "torch")),
    ]
    return f"| {' | '.join(cells)} |"


def whole(file: Path) -> bool:
    """Return whether a case was measured, and none of its contestants failed."""
    return file.exists() and all("failed" not in one for one in json.loads(file.read_text())["contestants"].values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="a part of a network's name")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="of measuring in each process")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    rows, machines = [], []
    for net, work, batch, threads, *aims in CASES:
        file = chosen.folder / f"{net}-{work}-{batch}-threads-{threads}.json"
        if chosen.only not in net:
            continue
        if not whole(file):
            options = argparse.Namespace(net=net, work=work, batch=batch, threads=threads, against=TORCH,
                                         rounds=chosen.rounds, seconds=chosen.seconds)
            file.write_text(json.dumps(compare(options), indent=1) + "\n")
        found = json.loads(file.read_text())
        rows.append(row(found, *aims))
        if found["machine"] not in machines:
            machines.append(found["machine"])
        print(rows[-1], flush=True)
    head = ["network, work", "batch", "threads", "tinynet", "PyTorch", "keep", "channels last", "channels last, keep",
            "against the fastest (aim)", "against PyTorch as installed (aim)", "peak MB, tinynet / PyTorch"]
    print("\n".join([*map(str, machines), f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows]))


if __name__ == "__main__":
    main()
