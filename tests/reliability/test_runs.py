"""Runs that are killed, stopped, out of disk space, or two in one folder: nothing is lost, and they go on.

The short form of `tests/long/stopped_runs.py` and `tests/long/resumed_runs.py`; and what `tests/long/long_run.py` makes
of its samples.
"""
import gc
import importlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from support import faulty_runs
from support.faulty_runs import (
    digest,
    ended,
    kill_while_writing,
    position,
    press_ctrl_c,
    start,
    start_command,
    trouble,
    whole,
)

import tinynet as tn
from tinynet.cli import demo
from tinynet.data import draw_shapes
from tinynet.errors import ArgumentError
from tinynet.files import locked
from tinynet.ops.threads import get_threads, map_in_order
from tinynet.training.checkpoint import load_training_state
from tinynet.training.evaluation import Evaluation
from tinynet.training.history import History
from tinynet.training.loop import Training
from tinynet.training.run_folder import RunFolder

SMALL = ("--width", "300")


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    faulty_runs.train(folder, 300)
    return digest(folder)


def test_a_run_killed_while_it_writes_goes_on_and_takes_away_what_was_half_written(straight, tmp_path):
    generator = random.Random(1)
    for _ in range(2):
        assert kill_while_writing(tmp_path, generator, *SMALL)["trouble"] == []
    (tmp_path / "best.npz.partial").write_bytes(b"half")
    (tmp_path / "metrics.csv.partial").write_bytes(b"half")
    assert ended(start(tmp_path, *SMALL)) == (0, "")
    assert whole(tmp_path, straight) == []


def test_a_full_disk_ends_the_run_with_the_files_name_and_the_run_goes_on_when_there_is_space(straight, tmp_path):
    faulty_runs.train(tmp_path, 300, epochs=1)
    before = position(tmp_path)
    for limit, name in ((1000, "settings.json"), (500_000, "last.npz")):
        code, text = ended(start(tmp_path, *SMALL, "--largest-file", str(limit)))
        assert code == 1 and str(tmp_path / name) in text and "File too large" in text
        assert text.count("\n") == 1 and trouble_and_partials(tmp_path, before) == []
    assert ended(start(tmp_path, *SMALL)) == (0, "")
    assert whole(tmp_path, straight) == []


def trouble_and_partials(folder, before):
    return [*trouble(folder, before), *folder.glob("*.partial")]


@pytest.mark.parametrize("fault, said", [
    ("(folder / 'last.npz').unlink()", "last.npz is gone, it was at (1, 0)"),
    ("shutil.copy(folder.parent / 'older.npz', folder / 'last.npz')", "last.npz is back at (0, 3), it was at (1, 0)"),
    ("shutil.rmtree(folder)", "last.npz is gone, it was at (1, 0)"),
])
def test_a_lost_checkpoint_and_an_older_one_are_noticed(fault, said, tmp_path, monkeypatch):
    def keep(self, images, labels):
        if self.position.batch == 3:
            shutil.copy(folder / "last.npz", tmp_path / "older.npz")
        return usual(self, images, labels)

    def faulty(folder, *options):
        program = f"import pathlib, shutil, sys; folder = pathlib.Path(sys.argv[1]); {fault}"
        return subprocess.Popen([sys.executable, "-c", program, str(folder)], stderr=subprocess.PIPE, text=True)

    folder, usual = tmp_path / "run", Training.train_batch
    monkeypatch.setattr(Training, "train_batch", keep)
    faulty_runs.train(folder, 4, epochs=1)
    monkeypatch.setattr(faulty_runs, "start", faulty)
    assert kill_while_writing(folder, random.Random(1))["trouble"] == [said]


@pytest.mark.parametrize("name", ["settings.json", "metrics.csv"])
def test_every_file_that_cannot_be_written_is_named(name, tmp_path, monkeypatch):
    def full(number):
        raise OSError(28, "No space left on device")

    folder = RunFolder(tmp_path, resume=False)
    write = {"settings.json": folder.write_settings, "metrics.csv": folder.write_metrics}[name]
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path / name}'"):
        write(History())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_log_that_cannot_be_written_is_named(tmp_path):
    folder = RunFolder(tmp_path, resume=False)
    (tmp_path / "log.txt").symlink_to("/dev/full")
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path / 'log.txt'}'"):
        folder.log("a line")


def test_a_curve_that_cannot_be_written_does_not_end_the_run(tmp_path, monkeypatch):
    said = []
    folder = RunFolder(tmp_path, resume=False, say=said.append)
    history = faulty_runs.train(tmp_path / "run", 4, epochs=1)
    monkeypatch.setattr("os.fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    folder.draw_curve(history, now=True)
    folder.draw_curve(history, now=True)
    assert len(said) == 1 and said[0].startswith("curve.png is left out: ") and "curve.png" in said[0][10:]


def test_a_drawing_that_fails_does_not_hide_the_runs_own_error(tmp_path, monkeypatch):
    def fail(history):
        raise RuntimeError("no backend")

    def stop(optimizer, grads):
        raise ZeroDivisionError

    monkeypatch.setattr(History, "plot", fail)
    faulty_runs.train(tmp_path, 4, epochs=1)
    monkeypatch.setattr(tn.SGD, "step", stop)
    with pytest.raises(ZeroDivisionError):
        faulty_runs.train(tmp_path, 4, epochs=2, resume=True)
    assert (tmp_path / "log.txt").read_text().count("curve.png is left out: no backend\n") == 2


def test_drawn_curves_leave_nothing_in_memory(tmp_path):
    folder, history = RunFolder(tmp_path, resume=False), faulty_runs.train(tmp_path / "run", 4, epochs=1)
    folder.draw_curve(history, now=True)
    gc.disable()
    try:
        counts = []
        for _ in range(3):
            folder.draw_curve(history, now=True)
            counts.append(len(gc.get_objects()))
    finally:
        gc.enable()
    assert max(counts) - min(counts) < 1000  # a drawing has 6,000


def test_ctrl_c_gives_exit_code_130_and_the_run_goes_on(tmp_path):
    faulty_runs.write_digits(tmp_path / "digits")
    process = start_command(tmp_path / "digits", tmp_path / "run")
    while not (tmp_path / "run" / "last.npz").exists() and process.poll() is None:
        time.sleep(0.01)
    found = press_ctrl_c(process, tmp_path / "run")
    assert found["trouble"] == [] and found["pressed"]
    assert ended(start_command(tmp_path / "digits", tmp_path / "run"))[0] == 0


def ignore_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("before", [None, ignore_ctrl_c])  # what a script starts in the background ignores it
def test_the_end_of_a_batch_systems_job_is_taken_as_ctrl_c(before, tmp_path):
    faulty_runs.write_digits(tmp_path / "digits")
    process = start_command(tmp_path / "digits", tmp_path / "run", preexec_fn=before)
    while not (tmp_path / "run" / "last.npz").exists() and process.poll() is None:
        time.sleep(0.01)
    process.terminate()
    code, text = ended(process)
    assert code == 130 and "a checkpoint is in" in text and list(trouble(tmp_path / "run")) == []


@pytest.mark.parametrize("name", ["best.npz", "metrics.csv", "settings.json", "log.txt"])
def test_a_new_run_replaces_no_file_of_another_origin(name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ArgumentError, match=f"has a file {name}, which this run would replace: choose another folder"):
        faulty_runs.train(tmp_path, 4)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_run_whose_last_checkpoint_is_gone_is_not_begun_anew_beside_its_best(tmp_path):
    faulty_runs.train(tmp_path, 4, epochs=1)
    (tmp_path / "last.npz").unlink()
    with pytest.raises(ArgumentError, match="has a file best.npz, which this run would replace"):
        faulty_runs.train(tmp_path, 4)


def test_a_resumption_says_that_the_best_checkpoint_is_gone_and_keeps_a_new_one(tmp_path, capsys):
    faulty_runs.train(tmp_path, 4, epochs=1)
    (tmp_path / "best.npz").unlink()
    faulty_runs.train(tmp_path, 4, epochs=2, resume=True, progress=True)
    assert "best.npz does not exist: the best epoch from here on will take its place" in capsys.readouterr().out
    assert "best.npz does not exist" in (tmp_path / "log.txt").read_text()
    best = load_training_state(tmp_path / "best.npz")["progress"]
    assert best["position"]["epoch"] == 2 and best["position"]["best"] == best["history"][1]["validation_error"]


def test_a_resumption_refuses_the_best_checkpoint_of_another_run(tmp_path):
    for name, seed in (("a", 0), ("b", 1)):
        faulty_runs.train(tmp_path / name, 4, epochs=1, seed=seed)
    before = (tmp_path / "b" / "best.npz").read_bytes()
    (tmp_path / "a" / "best.npz").write_bytes(before)
    net = tn.load_checkpoint(tmp_path / "a" / "best.npz")
    for name, progress in (("without.npz", None), ("none.npz", {"settings": 1, "position": {}})):
        tn.save_checkpoint(tmp_path / name, net, progress=progress)
    for wrong in (before, before[:-100], *((tmp_path / name).read_bytes() for name in ("without.npz", "none.npz"))):
        (tmp_path / "a" / "best.npz").write_bytes(wrong)
        with pytest.raises(ArgumentError, match="is damaged, or not from the run to resume: move it elsewhere"):
            faulty_runs.train(tmp_path / "a", 4, epochs=2, resume=True)
        assert (tmp_path / "a" / "best.npz").read_bytes() == wrong


def test_a_best_checkpoint_that_last_does_not_know_of_yet_is_the_runs_own(tmp_path, monkeypatch):
    errors = iter([0.5, 0.4, 0.4])
    evaluations = (Evaluation(1.0, error, 0.0, 16) for error in errors)
    monkeypatch.setattr("tinynet.training.loop.measure", lambda *given, **options: next(evaluations))
    faulty_runs.train(tmp_path, 4, epochs=1)
    older = (tmp_path / "last.npz").read_bytes()
    faulty_runs.train(tmp_path, 4, epochs=2, resume=True)
    straight = digest(tmp_path)
    assert load_training_state(tmp_path / "best.npz")["progress"]["position"]["epoch"] == 2
    (tmp_path / "last.npz").write_bytes(older)  # killed between the two
    faulty_runs.train(tmp_path, 4, epochs=2, resume=True)
    assert digest(tmp_path) == straight


class OwnSGD(tn.SGD):
    """One that has a number more, and works one of SGD's out itself."""

    nesterov = 0.0

    @property
    def settings(self):
        return super().settings | {"nesterov": self.nesterov}

    def state(self):
        return super().state() | {"nesterov": self.nesterov}


def test_a_users_own_optimizer_can_be_resumed(tmp_path):
    for epochs in (1, 2):
        net = faulty_runs.network(4)
        optimizer = OwnSGD(net, 0.001)
        optimizer.nesterov = 0.5
        tn.fit(net, faulty_runs.images(37, 0), epochs=epochs, optimizer=optimizer, run=tmp_path, resume=epochs == 2,
               progress=False)
    assert load_training_state(tmp_path / "last.npz")["optimizer"]["nesterov"] == 0.5


def test_a_name_that_is_no_text_can_be_logged(tmp_path):
    folder = RunFolder(tmp_path, resume=False)
    folder.log(f"left out: {os.fsdecode(b'7' + bytes([255]) + b'.png')}")
    assert (tmp_path / "log.txt").read_text().endswith("left out: 7\\udcff.png\n")


@pytest.mark.skipif(sys.platform == "win32", reason="has no terminals to open")
@pytest.mark.parametrize("closed", ["stdout", "terminal"])
def test_a_training_on_a_terminal_goes_on_when_nobody_reads_its_lines(tmp_path, closed):
    """The lines go above the bar, through tqdm; and the terminal itself may be gone."""
    import pty

    reader, writer = os.pipe()
    mine, terminal = pty.openpty()
    try:
        program = ("import sys, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); sys.path[:0] = sys.argv[1:2]; "
                   "from support import faulty_runs; faulty_runs.train(sys.argv[2], 4, epochs=30, progress=True)")
        process = subprocess.Popen([sys.executable, "-c", program, str(Path(__file__).parents[1]), str(tmp_path)],
                                   stdout=writer if closed == "stdout" else terminal, stderr=terminal)
        os.close(writer)
        os.close(reader)                                                       # head has ended, say
        if closed == "terminal":
            assert os.read(mine, 1)                                            # the bar is there
            os.close(mine)
        else:
            drain(mine, process)
        assert process.wait(120) in (0, 120)                                   # Python's own, at its end: no flush
    finally:
        os.close(terminal)
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 31


def drain(terminal, process):
    """Read what comes on a terminal until the process has ended, or it would wait."""
    while process.poll() is None:
        if select.select([terminal], [], [], 0.1)[0]:
            os.read(terminal, 1000)
    os.close(terminal)


def test_a_training_goes_on_where_there_is_no_standard_error(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    faulty_runs.train(tmp_path, 4, epochs=1, progress=True)
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 2


def test_a_training_goes_on_when_nobody_reads_its_lines(tmp_path):
    faulty_runs.write_digits(tmp_path / "digits", 50)
    command = [sys.executable, "-m", "tinynet", "train", "--model", "lenet5", "--data", str(tmp_path / "digits"),
               "--epochs", "2", "--run", str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141 and (tmp_path / "run" / "metrics.csv").read_text().count("\n") == 3


def test_two_runs_in_one_folder_are_refused(tmp_path):
    with locked(tmp_path, "run.lock"):
        with pytest.raises(ArgumentError, match="in use by another run: wait until it ends, or choose another folder"):
            faulty_runs.train(tmp_path, 4)
        program = [sys.executable, faulty_runs.__file__, str(tmp_path), "--width", "4"]
        done = subprocess.run(program, capture_output=True, text=True)
        assert done.returncode == 1 and "is in use by another run" in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]
    faulty_runs.train(tmp_path, 4, epochs=1)
    with locked(tmp_path, "run.lock"), pytest.raises(ArgumentError, match="is in use by another run"):
        faulty_runs.train(tmp_path, 4, resume=True)


def test_a_run_that_began_and_ended_meanwhile_is_not_overwritten(tmp_path):
    folder = RunFolder(tmp_path, resume=False)
    faulty_runs.train(tmp_path, 4, epochs=1)
    with pytest.raises(ArgumentError, match="already has a run"), folder.in_use():
        pass


def test_a_second_demo_does_not_take_the_files_of_the_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / demo.FOLDER
    faulty_runs.train(folder, 4, epochs=1)
    with locked(folder, "run.lock"), pytest.raises(ArgumentError, match="is in use by another run"):
        demo.run()
    assert (folder / "last.npz").exists()


def test_a_demo_has_its_folder_to_itself_until_its_pictures_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "load_shapes", lambda: (draw_shapes(64), draw_shapes(32, seed=1)))
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "check_each_layer", lambda net, images: tn.check_gradients(tn.ReLU(), images[:1]))
    came = []

    def second(*given):
        came.append(1)
        with pytest.raises(ArgumentError, match="tinynet-demo is in use by another demo: wait until it ends"):
            demo.run()

    monkeypatch.setattr(demo, "draw", second)
    demo.run()
    demo.run()
    assert came == [1, 1] and (tmp_path / demo.FOLDER / "last.npz").exists()


@pytest.fixture
def threads_as_before():
    before = get_threads()
    yield
    tn.set_threads(before)


def test_resumed_runs_have_the_bits_of_the_straight_one(tmp_path, threads_as_before):
    tn.set_threads(2)
    with mock.patch("tinynet.network.executor.map_in_order", side_effect=map_in_order) as shared_out:
        faulty_runs.train_in_blocks(tmp_path / "straight")
    blocks = [len(call.args[1]) for call in shared_out.call_args_list]
    assert blocks.count(2) >= 2 * faulty_runs.EPOCHS * faulty_runs.BATCHES  # each batch, forward and backward
    straight = digest(tmp_path / "straight")
    for step, loader_threads, threads in [(1, 4, 1), (4, 2, 2), (5, 0, 2), (6, 1, 1), (9, 0, 1), (10, 4, 2)]:
        found = faulty_runs.stopped_and_resumed(tmp_path / str(step), step, loader_threads, threads)
        assert found == straight, f"stopped in step {step} with {loader_threads} loader threads, {threads} threads"


@pytest.fixture
def long_run(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "long")
    return importlib.import_module("long_run")


def hour(memory=0.0, files=0.0, slower=0.0, uneven=0.0):
    """Made-up samples of an hour in which 600 images take a second; what changes is told for an hour."""
    samples, images = [], 0.0
    for i in range(1, 721):
        hours = i * 5 / 3600
        images += 3000 * (1 - slower * hours) * (1 + uneven * (-1) ** (i // 200))
        samples.append({
            "process": 1, "seconds": i * 5.0, "rss_kb": int(150_000 + 1000 * memory * hours + 100 * (i % 7)),
            "files": 9 + i % 2 + int(files * hours), "threads": 4, "images": int(images), "cpu_seconds": i * 5.0})
    return samples


@pytest.mark.parametrize("changes, said", [
    ({}, []),
    ({"memory": 15, "files": -2, "slower": -0.5}, []),
    ({"memory": 25}, ["memory grows by 25"]),
    ({"files": 2}, ["open files grow by 1."]),
    ({"slower": 0.05}, ["the speed, "]),
    ({"uneven": 0.3}, ["the speed's change, "]),
    ({"memory": 100, "files": 360, "slower": 0.5}, ["memory grows", "open files grow", "the speed, "]),
])
def test_a_long_run_is_judged_by_its_samples(changes, said, long_run, capsys):
    code = long_run.judged({"seconds": 3600, "samples": hour(**changes)})
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line[: len(start)] for line, start in zip(lines, said, strict=True)] == said and code == bool(said)


def test_a_long_run_that_was_cut_short_or_had_an_error_is_not_well(long_run, capsys):
    assert long_run.judged({"seconds": 0, "samples": []}) == 1
    assert "too little was measured: 780 s in one process" in capsys.readouterr().out
    assert long_run.judged({"seconds": 3600, "samples": hour(), "errors": ["ValueError: no"]}) == 1
    assert capsys.readouterr().out.endswith("the training ended with an error: ValueError: no\n")


def test_an_error_that_ends_a_long_run_is_in_its_record(long_run, tmp_path, monkeypatch, threads_as_before):
    def fail(*given, **options):
        raise ValueError("no")

    monkeypatch.setattr(long_run, "IMAGES", 12)
    monkeypatch.setattr(tn, "fit", fail)
    monkeypatch.setattr(sys, "argv", ["long_run.py", "--folder", str(tmp_path), "--out", str(tmp_path / "a.json")])
    with pytest.raises(ValueError, match="no"):
        long_run.main()
    assert json.loads((tmp_path / "a.json").read_text())["errors"] == ["ValueError: no"]
