"""benchmarks/gpu_first_run.sh: parts that hang, fail or come too late, and what its last words are made of.

The whole of it is rehearsed by tests/long/gpu_rehearsal.py.
"""
import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPT, FOLDER = REPOSITORY / "benchmarks/gpu_first_run.sh", REPOSITORY / "benchmarks/gpu_first_run"


@pytest.fixture
def load(monkeypatch):
    """A function that loads one of the parts' modules, as the script's Python does."""
    monkeypatch.syspath_prepend(FOLDER)
    loaded = []

    def module(name):
        loaded.append(name)
        return importlib.import_module(name)

    yield module
    for name in (*loaded, "common"):
        sys.modules.pop(name, None)


def run(folder, parts="", **environment):
    """Run the script with other parts."""
    own = folder.parent / "parts.sh"
    own.write_text(parts)
    return subprocess.run([SCRIPT, folder], capture_output=True, text=True, env={
        "PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "TINYNET_PARTS": str(own), **environment})


def test_a_part_that_hangs_is_cut_off_and_the_next_ones_run(tmp_path):
    out = tmp_path / "out"
    done = run(out, "\n".join([
        "part hangs 1 bash -c 'echo begun; setsid sleep 30 & sleep 60'", "part fails 9 bash -c 'echo broken; exit 7'",
        "part waits 9 bash -c 'echo no card; exit 77'", "part works 9 echo all right", "seconds=$SECONDS",
        "part late 9 echo never",
    ]))
    log, summary = (out / "run.log").read_text(), (out / "summary.txt").read_text()
    assert done.returncode == 0 and done.stderr == ""
    said = [line.rpartition(":")[0] if line.startswith("== ") else line for line in log.splitlines()]  # without seconds
    for line in ("begun", "== hangs:cut off", "broken", "== fails:failed (7)", "no card", "== waits:skipped",
                 "all right", "== works:done"):
        assert line in said
    assert "never" not in log
    assert [line.split()[0] for line in summary.splitlines()[4:9]] == ["hangs", "fails", "waits", "works", "late"]
    assert "no time left" in summary and summary.endswith("Not compared with PyTorch: the parts above say why.\n")


def test_no_result_is_written_over(tmp_path):
    (tmp_path / "check.json").write_text("{}")
    done = run(tmp_path)
    assert done.returncode == 2 and "is not empty; name a new folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["check.json"]


def test_all_limits_together_are_under_eight_minutes():
    parts = [line.split() for line in (FOLDER / "parts.sh").read_text().splitlines()]
    limits = [int(words[2]) for words in parts if words[0] == "part"]
    assert len(limits) == 8 and sum(limits) < 475


def test_results_are_there_after_each_addition_and_a_failure_is_one(load, tmp_path, capsys):
    results = load("common").Results(str(tmp_path), "a.json")
    results.add(1.5, "one", "first")
    assert json.loads((tmp_path / "a.json").read_text()) == {"one": {"first": 1.5}}
    results.attempt(lambda: 1 / 0, "one", "second")
    again = load("common").Results(str(tmp_path), "a.json")
    assert again.found == {"one": {"first": 1.5, "second": {"failed": "ZeroDivisionError: division by zero"}}}
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_card_that_one_line_has_broken_is_left_to_a_new_process(load, tmp_path, monkeypatch, capsys):
    check = load("check")
    broken, calls = [], []

    def fail():
        broken.append(True)
        raise RuntimeError("an illegal memory access was encountered")

    def synchronize():
        if broken:
            raise RuntimeError("an illegal memory access was encountered")

    def new_process(command):
        calls.append(command)
        broken.clear()
        with pytest.raises(SystemExit) as ended:
            check.main()
        return ended.value.code

    item = SimpleNamespace(differences={}, passed=True, seconds=1, predicted=1, cells=lambda: [""] * len(check.HEAD))
    lines = {"a kernel": lambda: item, "a bad one": fail, "another": lambda: item, "net: a training step": lambda: item}
    card = SimpleNamespace(copied=1.0, products=1.0)
    cupy = SimpleNamespace(cuda=SimpleNamespace(runtime=SimpleNamespace(deviceSynchronize=synchronize)))
    for name, value in {"needed_cupy": lambda: cupy, "measured_card": lambda cupy: card, "REHEARSAL": True,
                        "comparisons": lambda *given: iter(lines.items())}.items():
        monkeypatch.setattr(check, name, value)
    monkeypatch.setattr(check.subprocess, "call", new_process)
    monkeypatch.setattr(sys, "argv", ["check.py", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        check.main()
    found = json.loads((tmp_path / "check.json").read_text())["lines"]
    assert list(found) == ["net: a training step", "a kernel", "a bad one", "another"] and len(calls) == 1
    assert [row.get("right", False) for row in found.values()] == [True, True, False, True] and ended.value.code == 1
    assert "1 of 4 lines are wrong or failed" in capsys.readouterr().out


def test_a_trace_is_summed_up(load):
    kernel = {"cat": "kernel", "name": "im2col", "dur": 2000}
    found = load("common").summed([
        kernel, kernel, {"cat": "kernel", "name": "sgemm", "dur": 9000}, {"cat": "cuda_runtime", "name": "launch"},
        {"cat": "gpu_memcpy", "name": "Memcpy DtoH", "args": {"bytes": 4}, "dur": 1},
    ])
    assert found["busy"] == pytest.approx(0.013) and found["launches"] == 3
    assert [row["name"] for row in found["kernels"]] == ["sgemm", "im2col"] and found["kernels"][1]["count"] == 2
    assert found["copies"] == {"Memcpy DtoH": {"count": 1, "bytes": 4}}


@pytest.mark.parametrize(("ours", "verdict"), [(0.010, "Ahead of"), (0.030, "Behind")])
def test_the_last_line_says_who_is_ahead_and_where_the_largest_loss_is(load, ours, verdict):
    rates = {"tinynet": {"images_per_second": 128 / ours}, "torch": {"images_per_second": 128 / 0.02},
             "torch-channels-last": {"failed": "out of memory"}}
    layers = {"conv1": {"forward": 0.001, "backward": 0.004, "torch": [0.002, 0.001]}, "fc6": {"failed": "x"}}
    said = load("summary").verdict({"alexnet": {"128": rates}}, layers)
    assert said == (f"{verdict} PyTorch (cuDNN, TF32 off, its faster layout) on the paper's network at batch 128: "
                    f"{0.02 / ours:.2f} of its speed; the largest loss is in conv1 backward, 4.00 ms against 1.00.")


def test_what_lags_most_behind_its_prediction_comes_first(load):
    row = {"seconds": 0.002, "predicted": 0.001, "in_a_step": 1, "gigabytes_per_second": 1.0, "teraflops": 2.0}
    work = {"conv1": {"conv": {"im2col": row, "product y": {**row, "in_a_step": 5}}, "update": {"failed": "x"}}}
    assert [cells[0] for cells in load("summary").slow_work(work)] == ["conv1: product y", "conv1: im2col"]


def test_drawn_images_are_of_ten_outlines_and_the_same_each_time(load):
    draw = load("drawn").drawn_images
    images, labels = draw(60, 24, 3)
    assert images.shape == (60, 24, 24, 3) and images.dtype == np.float32 and len(set(labels)) == 10
    assert images.std() > 40 and abs(images).max() <= 128
    np.testing.assert_array_equal(images, draw(60, 24, 3)[0])


def test_what_is_missing_is_stood_in_for():
    done = subprocess.run([sys.executable, FOLDER / "missing.py"], capture_output=True, text=True,
                          env={"TINYNET_STAND_INS": "PIL tqdm"})
    folders = [Path(path).name for path in done.stdout.split(":")]
    assert folders == ["pillow", "tqdm", ""] and "pillow is missing, a stand-in takes its place" in done.stderr


def test_every_stand_in_has_what_tinynet_imports():
    wanted = {}
    for path in (REPOSITORY / "tinynet").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                wanted.setdefault(node.module, set()).update(alias.name for alias in node.names)
    stood_in = {name: names for name, names in wanted.items()
                if name.split(".")[0] in ("PIL", "tqdm", "threadpoolctl", "hypothesis")}
    program = "".join(f"from {name} import {', '.join(sorted(names))}\n" for name, names in stood_in.items())
    paths = [str(path) for path in (FOLDER / "stand_ins").iterdir()]
    subprocess.run([sys.executable, "-c", f"import sys\nsys.path[:0] = {paths!r}\n{program}"], check=True)
    assert len(stood_in) >= 7
