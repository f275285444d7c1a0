"""The first run on a GPU, rehearsed without one: `python tests/long/gpu_rehearsal.py`; a part of CI, 15 s of one core.

benchmarks/gpu_first_run.sh runs over the strict stand-in for CuPy, with the kernels compiled for the CPU, at tiny
sizes, and over stand-ins for the packages that the machine may lack. What each part has written is looked at. Needs
g++ and PyTorch.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
FILES = ["check.json", "machine.json", "processes.json", "run.log", "steps.json", "summary.txt", "tests.txt",
         "training.json"]
# Parts that cannot run here, and why they may say so.
MAY_SKIP = {"processes": ("there is no tinynet.distributed", "there is no mpi4py", "there is no mpirun"),
            "sanitizer": ("there is no compute-sanitizer",), "compile": ("needs PyTorch and a card",)}


def rehearse(folder: Path) -> str:
    """Run the script into a folder; return what it printed."""
    stand_in = REPOSITORY / "tests/support/stand_in_as_cupy"
    environment = os.environ | {
        "REHEARSAL": "1", "PYTHON": sys.executable, "PYTHONPATH": f"{stand_in}:{REPOSITORY / 'tests'}",
        "TINYNET_STAND_INS": "PIL tqdm threadpoolctl hypothesis", "TINYNET_COMPILED": str(folder / "compiled"),
        "OMP_NUM_THREADS": "1",
    }
    (folder / "compiled").mkdir()
    done = subprocess.run([REPOSITORY / "benchmarks/gpu_first_run.sh", folder / "out"], env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout)
    assert done.returncode == 0, f"the script ended with {done.returncode}"
    return done.stdout


def check(out: Path, printed: str) -> None:
    """Raise AssertionError where a part did not do what it is there for."""
    assert sorted(path.name for path in out.iterdir()) == FILES
    found: dict[str, Any] = {name: json.loads((out / name).read_text()) for name in FILES if name.endswith(".json")}
    outcomes = dict(line.split()[1].split(":")[:2] for line in (out / "run.log").read_text().splitlines()
                    if line.startswith("== ") and line.count(":") == 2)
    for part, outcome in outcomes.items():
        if outcome == "skipped":
            assert any(reason in printed for reason in MAY_SKIP[part]), part
        else:
            assert outcome == "done", f"{part}: {outcome}"
    assert list(outcomes) == ["machine", "check", "tests", "steps", "training", "processes", "sanitizer", "compile"]

    assert found["machine.json"]["card"]["name"] == "Stand-in"
    lines = found["check.json"]["lines"]
    assert len(lines) == 60 and all(row["right"] for row in lines.values())
    assert all(row["seconds"] and row["predicted"] for name, row in lines.items() if ": im2col" in name)
    assert "[100%]" in (out / "tests.txt").read_text()

    steps = found["steps.json"]
    failed = [words for words in all_texts(steps) if "Error" in words]
    assert not failed, failed
    rates = steps["steps"]["alexnet"]["2"]
    assert {"tinynet", "tinynet-plain", "torch", "torch-channels-last", "tinynet-tf32", "torch-tf32"} <= set(rates)
    assert all(row["images_per_second"] > 0 for row in rates.values())
    assert set(steps["work"]["conv2"]["conv"]) == {"im2col", "product y", "product dw", "product dx", "col2im"}
    assert set(steps["work"]["conv1"]["conv"]) == {"im2col", "product y", "product dw"}, "the images need no gradient"
    worked = {"conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4", "pool4", "fc5"}
    assert set(steps["work"]) == worked
    assert "dw transposed" in steps["experiments"]["conv2"] and len(steps["layers"]) == 16
    assert all("torch" in row for row in steps["layers"].values())
    assert steps["layers"]["norm1"]["fast"] == "one kernel each way" and "fast" not in steps["layers"]["conv1"]

    small = found["training.json"]["alexnet-small"]
    for gpu, cpu in zip(small["gpu"]["curves"]["train_loss"], small["cpu"]["curves"]["train_loss"], strict=True):
        assert abs(gpu - cpu) < 1e-3 * cpu
    processes = found["processes.json"]
    if outcomes["processes"] == "done":
        one, two = (processes[key]["train_loss"][0] for key in ("one process", "two processes"))
        assert abs(one - two) < 1e-3 * one
    assert found["training.json"]["alexnet-medium"]["memory"]["pool_bytes"] > 0
    last = (out / "summary.txt").read_text().splitlines()[-1]
    assert " PyTorch (cuDNN, TF32 off, its faster layout) on the paper's network at batch 2: " in last, last


def all_texts(found: Any) -> list[str]:
    """Return all texts in nested dicts and lists."""
    if isinstance(found, str):
        return [found]
    inside = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return [text for value in inside for text in all_texts(value)]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        check(Path(temporary, "out"), rehearse(Path(temporary)))
    print("The rehearsal of the first run on a GPU went through.")
