"""Kill trainings, fill their disk, press Ctrl-C: is the last checkpoint whole, and does the run go on to the same bits?

    python tests/long/stopped_runs.py --kills 200 --full-disks 20 --interrupts 20 --folder FOLDER

Kills are SIGKILL, four in five of them at a moment drawn around the writing of a checkpoint, the rest at any moment. A
full disk is a file system of 64 MB in memory with a killed run, filled up to a drawn remainder. Ctrl-C comes at any
moment of `tinynet train`. A last checkpoint that was there must be there afterwards, at the same batch or a later one.
Cut off at any time, the same command goes on; `results/reliability/stopped-runs.json` has what happened.

Where only root may mount a file system and the command does not run as root, no file may grow beyond a drawn size
instead (RLIMIT_FSIZE). That proves less: a file is cut off as on a full disk, with another error, but there is space
left for every smaller one, the log and the metrics among them. The record's "how" says which of the two it was.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

from record import FOLDER, load_record, write_record  # noqa: E402
from support import faulty_runs  # noqa: E402
from support.faulty_runs import (  # noqa: E402
    CHECKPOINTS,
    digest,
    ended,
    half_written,
    kill_while_writing,
    position,
    start,
    start_command,
    trouble,
    whole,
)

DISK_MB, MOST_FREE_MB = 64, 18  # two checkpoints and one half written take 19


def kills(folder: Path, record: dict[str, Any], generator: random.Random, straight: str) -> None:
    """Kill a run again and again until it is at its end; compare it with the straight one."""
    run, sizes = fresh(folder / "killed"), []
    while True:
        found = kill_while_writing(run, generator)
        record["trouble"] += found["trouble"]
        if not found["killed"]:
            break
        record["tried"] += 1
        record["while_writing"] += bool(found["writing"])
        sizes.append(sum(path.stat().st_size for path in run.glob("*")) if run.exists() else 0)
        record["largest_folder_mb"] = max(record["largest_folder_mb"], round(max(sizes) / 1e6, 1))
        if len(sizes) == 8:
            break
    finish(start(run), run, record, straight)


def full_disk(folder: Path, record: dict[str, Any], generator: random.Random, straight: str) -> None:
    """Let the disk become full at a drawn moment of a run that was killed once, make space, go on."""
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    if os.path.ismount(disk) or (os.geteuid() == 0 and mounted(disk)):
        record["how"] = f"a file system of {DISK_MB} MB in memory"
        filler = disk / "filler"
        filler.unlink(missing_ok=True)  # of a command that was cut off
        run = killed(fresh(disk / "run"), record, generator)
        before = position(run)
        there = sum((run / name).stat().st_size for name in CHECKPOINTS if (run / name).exists())
        free = generator.randint(1, MOST_FREE_MB * 1_000_000 - there)
        with open(filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - free)
        code, text = ended(start(run))
        filler.unlink()
    else:
        record["how"] = ("a limit to the size of each file (RLIMIT_FSIZE), which proves less than a full disk: "
                         "smaller files still find space")
        run = killed(fresh(folder / "full"), record, generator)
        before = position(run)
        code, text = ended(start(run, "--largest-file", str(generator.randint(1, 7_500_000))))
    if code == 0:  # the space was enough
        return
    record["tried"] += 1
    record["checkpoint_there"] += (run / "last.npz").exists()
    if code != 1 or str(run) not in text or text.count("\n") > 1:
        record["trouble"].append(f"exit code {code}: {text}")
    record["trouble"] += [*trouble(run, before), *(f"{path.name} is left over" for path in half_written(run))]
    finish(start(run), run, record, straight)


def killed(run: Path, record: dict[str, Any], generator: random.Random) -> Path:
    """Start a run and kill it, so that there may be a checkpoint to lose; take away what was half written."""
    record["trouble"] += kill_while_writing(run, generator)["trouble"]
    for path in half_written(run):  # else the next run would make this space when it begins
        path.unlink()
    return run


def mounted(disk: Path) -> bool:
    """Mount the file system; tell whether that went well."""
    return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(disk)]).returncode == 0


def interrupt(folder: Path, record: dict[str, Any], generator: random.Random, straight: str) -> None:
    """Press Ctrl-C at any moment of a training, go on with it."""
    run = fresh(folder / "interrupted")
    process = start_command(folder / "digits", run)
    faulty_runs.wait_for(process, time.monotonic() + generator.uniform(0, record["straight_seconds"]))
    found = faulty_runs.press_ctrl_c(process, run)
    record["trouble"] += found["trouble"]
    if not found["pressed"]:  # it had ended
        return
    record["tried"] += 1
    record["checkpoint_there"] += found["checkpoint"]
    finish(start_command(folder / "digits", run), run, record, straight, faulty_runs.COMMAND_EPOCHS)


def finish(process: subprocess.Popen, run: Path, record: dict[str, Any], straight: str, epochs: int = 2) -> None:
    """Let a run go on to its end, and compare it with the straight one."""
    code, text = ended(process)
    record["resumed"] += 1
    record["trouble"] += [f"going on: exit code {code}: {text}"] if code else whole(run, straight, epochs)


def fresh(folder: Path) -> Path:
    """Return the folder, emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def straight_run(one: Callable, folder: Path, record: dict[str, Any]) -> str:
    """Let a run go to its end without any fault; return its digest."""
    straight, begin = fresh(folder / "straight"), time.monotonic()
    code, text = ended(start_command(folder / "digits", straight) if one is interrupt else start(straight))
    if code:
        raise RuntimeError(f"the straight run failed: {text}")
    record["straight_seconds"] = round(time.monotonic() - begin, 2)
    return digest(straight)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--full-disks", type=int, default=20)
    parser.add_argument("--interrupts", type=int, default=20)
    parser.add_argument("--folder", type=Path, required=True, help="for the runs")
    parser.add_argument("--out", type=Path, default=FOLDER / "stopped-runs.json")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not (options.folder / "digits").exists():
        faulty_runs.write_digits(options.folder / "digits")
    common: dict[str, Any] = {"tried": 0, "resumed": 0, "seconds": 0.0, "trouble": []}
    record = load_record(options.out, {
        "kills": common | {"while_writing": 0, "largest_folder_mb": 0.0, "trouble": []},
        "full_disks": common | {"checkpoint_there": 0, "trouble": []},
        "interrupts": common | {"checkpoint_there": 0, "trouble": []},
    })
    faults = {"kills": (kills, options.kills), "full_disks": (full_disk, options.full_disks),
              "interrupts": (interrupt, options.interrupts)}
    straight: dict[str, str] = {}
    try:
        while left := [name for name, (_, count) in faults.items() if record[name]["tried"] < count]:
            for name in left:  # they take turns
                one, mine, begin = faults[name][0], record[name], time.monotonic()
                straight[name] = straight.get(name) or straight_run(one, options.folder, mine)
                one(options.folder, mine, random.Random(f"{name} {mine['seconds']}"), straight[name])
                mine["seconds"] = round(mine["seconds"] + time.monotonic() - begin, 1)
                write_record(options.out, record)
                print(name, mine["tried"], mine["trouble"][-1:], flush=True)
    finally:
        if os.path.ismount(options.folder / "disk"):
            subprocess.run(["umount", str(options.folder / "disk")], check=True)
    sys.exit(1 if any(record[name]["trouble"] for name in faults) else 0)


if __name__ == "__main__":
    main()
