"""A system that starts no thread and no process, Python in a browser for one: what needs them elsewhere works without.

`tests/support/no_threads.py` stands in for it. .ci/run also has the quick tests, and docs/lite/make.py the notebooks,
run under it.
"""
import importlib
import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from support import no_threads

import tinynet as tn
from tinynet import cli
from tinynet.course import folder as course_folder
from tinynet.course.check import Limits, check_course
from tinynet.course.grade import grade
from tinynet.course.steps import find_step
from tinynet.data import Dataset, Loader
from tinynet.exercises import sandbox
from tinynet.files import locked
from tinynet.lessons import jobs
from tinynet.ops import arrays, threads
from tinynet.training.memory import allowed_memory
from tinynet.training.progress import tqdm_bar


@pytest.fixture
def take_away(monkeypatch):
    """Return the function that takes threads and processes away for the rest of the test."""
    def now():
        monkeypatch.setattr(threads, "_workers", threads._Workers())
        no_threads.take_away(monkeypatch.setattr, monkeypatch.delattr, monkeypatch.setitem)
        forget()

    def forget():
        threads.can_start_threads.cache_clear()
        sandbox.say_no_process.cache_clear()

    yield now
    monkeypatch.undo()
    forget()


class Read(Dataset):
    """Notes which images are read."""

    def images_at(self, indices):
        self.log = [*getattr(self, "log", []), *np.asarray(indices).tolist()]
        return super().images_at(indices)


def data(kind=Dataset):
    generator = np.random.default_rng(0)
    return kind(generator.integers(0, 256, (40, 8, 8, 3), np.uint8), np.arange(40) % 2, ["a", "b"])


def network():
    return tn.Network([("conv", tn.Conv2d(3, 4, 3, seed=1)), ("relu", tn.ReLU()), ("flat", tn.Flatten()),
                       ("fc", tn.Linear(144, 2, seed=2))], input_shape=(8, 8, 3))


def test_the_stand_in_refuses_with_the_errors_that_pyodide_gives(take_away):
    take_away()
    with pytest.raises(RuntimeError, match="^can't start new thread$"):
        threading.Thread(target=print).start()
    with pytest.raises(OSError, match="does not support processes"):
        subprocess.run([sys.executable, "-c", ""])
    with pytest.raises(OSError, match="Function not implemented"):
        os.fork()
    for name in ("fcntl", "resource"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    assert not hasattr(os, "sched_getaffinity")


def test_the_loader_makes_each_batch_when_it_is_asked_for(take_away):
    before = list(Loader(data(), None, 10, shuffle=True, threads=2).batches())
    take_away()
    read = data(Read)
    loader = Loader(read, None, 10, shuffle=True, threads=2)
    batches = loader.batches()
    found = [next(batches)]
    assert read.log == loader.order(0)[:10].tolist(), "the first batch alone"
    found += batches
    assert len(found) == len(before) == 4
    assert all(np.array_equal(x, u) and np.array_equal(y, v)
               for (x, y), (u, v) in zip(found, before, strict=True))


def test_a_training_has_the_same_numbers(take_away, capsys):
    trained = []
    for taken in (False, True):
        if taken:
            take_away()
            assert tn.set_threads(4) == threads.get_threads() == threads.available_cores() == 1
        net = network()
        history = tn.fit(net, data(), epochs=2, batch_size=10, seed=3, loader_threads=2, progress=False)
        trained.append((net.params, [row["train_loss"] for row in history]))
    (params, losses), (others, same_losses) = trained
    assert losses == same_losses and losses[1] != losses[0]
    assert all(np.array_equal(params[layer][name], others[layer][name]) for layer in params for name in params[layer])


def test_layers_work_in_the_calling_thread(take_away):
    take_away()
    seen = list(threads.map_in_order(lambda item: (item, threading.current_thread()), range(3)))
    assert seen == [(item, threading.main_thread()) for item in range(3)]


def test_a_wrong_number_of_threads_stays_an_error(take_away):
    take_away()
    with pytest.raises(tn.errors.ArgumentError):
        tn.set_threads(0)


def test_a_bar_gives_no_warning(take_away, capsys):
    take_away()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tqdm_bar(3, " images") as bar:
            bar.update(3)
    assert "3/3" in capsys.readouterr().err


def test_a_browser_is_not_asked_for_the_driver_of_a_gpu(monkeypatch):
    def load(name):
        raise AssertionError(name)

    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setattr(arrays.ctypes, "CDLL", load)
    assert arrays.driver_version() is None


def test_memory_and_locks(take_away, tmp_path):
    take_away()
    with locked(tmp_path) as ours:
        assert ours
    assert allowed_memory() > 0


def test_an_exercise_is_checked_in_this_process_which_is_said_once(take_away, capsys, tmp_path):
    take_away()
    assert cli.main(["exercise", "1", "--to", str(tmp_path)]) == 0
    file = next(tmp_path.iterdir())
    written = file.read_text(encoding="utf-8")
    found = []
    for text in (f"print('hello')\n{written}", "print('x' * 3000)\nimport sys\nsys.exit(0)\n"):
        file.write_text(text, encoding="utf-8")
        assert cli.main(["exercise", "1", "--to", str(tmp_path), "--check"]) == 1
        found.append(capsys.readouterr())
    assert "the file printed:\n    hello\n" in found[0].out and "2 of 4 points are right" in found[0].out
    assert "(and more)" in found[1].out and "line 3: the file ends the program itself" in found[1].out
    assert "starts no processes" in found[0].err and "without limits of time and memory" in found[0].err
    assert not found[1].err
    assert list(tmp_path.iterdir()) == [file], "nothing is left beside the file"


def test_another_error_of_starting_a_process_is_raised(monkeypatch, tmp_path):
    def refuse(*arguments, **options):
        raise PermissionError(13, "not allowed")

    monkeypatch.setattr(sandbox.subprocess, "Popen", refuse)
    with pytest.raises(PermissionError):
        sandbox.run_child("tinynet.exercises.child", ["1", "file"], {})


def test_the_course_is_checked_and_graded_step_by_step(take_away, capsys, tmp_path):
    folder = tmp_path / "student"
    course_folder.make(folder)
    for number in (1, 2):
        (folder / find_step(number).file_name).write_text(find_step(number).solution, encoding="utf-8")
    wrong = find_step(1).solution.replace("tanh", "sinh")
    take_away()
    outcomes = check_course(folder, [1, 2], limits=Limits(timing=False))
    assert [outcome.right for outcome in outcomes] == [True, True]
    (folder / find_step(1).file_name).write_text(wrong, encoding="utf-8")
    (graded,) = grade([folder], {1: 1.0, 2: 1.0}, jobs=3)
    assert [outcome.right for outcome in graded.outcomes] == [False, True]
    assert any("with the network within reach" in note for note in graded.notes)


class Job:
    """What `run_jobs` asks of a lesson's training."""

    def __init__(self, name, log):
        self.name, self.log, self.done = name, log, False

    def record(self):
        return {"arm": self.name, "stage": "final", "rate": 1, "seed": 1, "diverged": True} if self.done else None

    def do(self):
        self.log.append((self.name, os.getpid()))
        self.done = True


def test_a_lessons_trainings_run_one_after_the_other(take_away):
    take_away()
    log, said = [], []
    records = jobs.run_jobs([Job(name, log) for name in "abc"], 2, said.append)
    assert log == [(name, os.getpid()) for name in "abc"] and [record["arm"] for record in records] == list("abc")
    assert "1 at a time" in said[0]
