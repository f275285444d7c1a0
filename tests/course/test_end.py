"""The end of the course: training a student's network, stepping through it, and grading many students."""
import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from support.course_checks import VARIANTS, own_course

from tinynet import cli
from tinynet.course.check import Limits, check_course
from tinynet.course.grade import grade, names_of, notes_on_text
from tinynet.course.own_network import SHAPE, Course, as_tinynet_network, table_of, tinynets, whose
from tinynet.course.points import USUAL, points_text, read_points
from tinynet.course.report import grades_csv, gradescope, overview, student_page
from tinynet.course.running import Sources
from tinynet.course.steps import STEPS, find_step
from tinynet.course.train import Recipe, affordable, error_of, fill, latest, prepare, run, write
from tinynet.errors import ArgumentError, DataError
from tinynet.tracing import trace

SMALL = Recipe(images=32, test_images=20, epochs=2, batch=16, drop=1)


@pytest.fixture(scope="module")
def data():
    return prepare(SMALL)


def test_a_students_network_learns_as_tinynets_does(data, tmp_path):
    sources = {find_step(number).module: text for number, text in own_course("other").items()}
    course, said = Course(sources, (), ()), []
    with course.modules() as module:
        table = find_table()
        net = module(16).build(table, SHAPE, seed=1)
        twin = tinynets(net, table)
        rows = run(module, net, twin, data, SMALL, 0, said.append)
        # Only dropout's draws are different: the student's network has its own generator.
        assert abs(rows[-1]["error"] - rows[-1]["tinynet_error"]) <= 0.15 and len(rows) == 2
        first = {name: array.copy() for name, array in net.params.items()}
        path = write(tmp_path, first, data.mean, rows, course)
        error = error_of(net, data)
        for array in net.params.values():
            array[...] = 0
        fill(net, latest(tmp_path))
        assert error_of(net, data) == error
        with pytest.raises(ArgumentError, match="do not fit"):
            fill(net, {name: array for name, array in first.items() if name != "fc5.w"})
    assert sorted(each.name for each in path.iterdir())[-1] == "parameters.npz"
    assert (path / "curve.csv").read_text().splitlines()[0].startswith("epoch,train_error,error,tinynet_error")
    assert write(tmp_path, first, data.mean, rows, course) == tmp_path / "training-2"
    (tmp_path / "training-2" / "parameters.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="cannot be read"):
        latest(tmp_path)


def test_whose_numbers_a_network_has_is_told_by_layer():
    sources = {step.module: step.solution.encode() for step in STEPS}
    table = find_table()
    assert whose(Course(sources, (), (3, 10)), table) == "The numbers of all layers are from your code."
    told = whose(Course(sources, (), (6, 12)), table)  # step 8 uses 7, and 7 uses 6
    assert told == ("The numbers of conv1, conv2, conv3, conv4, dropout5 are from tinynet's code (steps 6, 12), those "
                    "of the other layers from yours.")
    assert whose(Course(sources, (), (1, 2, 7, 9)), table) == (
        "The numbers of norm1, norm2, dropout5 are from your code, those of the other layers from tinynet's (steps 1, "
        "2, 7, 9).")
    sources[find_step(8).module] = b"import numpy as np"  # all of it written anew
    assert whose(Course(sources, (), (6,)), table) == "The numbers of all layers are from your code."


def find_table():
    """Return the table of tinynet's own file."""
    return table_of(object())


def test_a_layer_that_is_too_slow_is_named_before_training():
    class Slow:
        def forward(self, x, train=False):
            y = x.copy()
            for index in np.ndindex(x.shape):
                y[index] = max(x[index], 0)
            return y, y

        def backward(self, dy, saved):
            return dy * (saved > 0), {}

    table = find_table()
    said = []
    with Course({step.module: step.solution.encode() for step in STEPS}, (), ()).modules() as module:
        net = module(16).build(table, SHAPE)
        twin = tinynets(net, table)
        net.layers[1] = ("relu1", Slow())
        assert not affordable(net, twin, Recipe(images=10**7, batch=8), said.append)
    assert re.search(r"faster: relu1 \(\d+ times tinynet's\)", said[-2])
    assert "--anyway" in said[-1] and "microseconds" in said[0]


def test_an_error_in_a_students_training_is_told_with_its_line():
    sources = {step.module: step.solution.encode() for step in STEPS}
    sources["step_05_training_step"] = b"def training_step(*arguments):\n    return 1 / 0\n"
    with pytest.raises(ArgumentError, match="line 2: ZeroDivisionError"), \
            Course(sources, (), ()).modules() as module:
        module(5).training_step()


def test_a_trace_has_the_students_numbers_and_tinynets_terms():
    sources = {find_step(number).module: text for number, text in own_course("other").items()}
    with Sources(sources).importable():
        import step_16_alexnet

        table = find_table()
        net = step_16_alexnet.build(table, SHAPE, seed=3)
        x = np.random.default_rng(0).standard_normal((1, *SHAPE)).astype(np.float32)
        made = trace(as_tinynet_network(net, table, "mine"), x, np.array([3]))
        scores, saved = net.forward(x)
        assert np.array_equal(made["fc5"].output, scores)
        for name, at in (("conv2", (0, 5, 7, 20)), ("norm1", (0, 3, 4, 5)), ("pool1", (0, 2, 3, 4)),
                         ("relu3", (0, 1, 1, 1)), ("fc5", (0, 2)), ("dropout5", (0, 7))):
            told = made[name].explain(output=at)
            assert told.value == pytest.approx(float(made[name].output[at]), abs=1e-6) and "differs" not in str(told)
        assert made["conv2"].explain(grad="w", at=(1, 1, 3, 5)).parts
        # a wrong backward is shown as such: the terms do not add up to the student's number
        wrong = dict(net.layers)["conv3"]
        backward = wrong.backward
        wrong.backward = lambda dy, saved: (backward(dy, saved)[0] * 2, backward(dy, saved)[1])
        made = trace(as_tinynet_network(net, table, "mine"), x, np.array([3]))
        assert made["conv3"].explain(grad="x", at=(0, 3, 3, 3)).value == pytest.approx(
            float(made["conv3"].input_gradient[0, 3, 3, 3]))


POINTS = {1: 3.0, 3: 1.0, 7: 5.0, 10: 2.0}
FILES = {
    "right": {10: (VARIANTS / "other" / find_step(10).file_name).read_text()},
    "wrong": {
        1: "import tinynet as tn\nclass ReLU:\n"
           "    def forward(self, x, train=False):\n        return tn.ReLU().forward(x)\n"
           "    def backward(self, dy, saved):\n        return tn.ReLU().backward(dy, saved)\nTanh = tn.Tanh\n"
           "class Sigmoid(tn.Sigmoid):\n    pass\n",
        3: "import time\ntime.sleep(600)\n",
        7: "import socket\n" + find_step(7).solution.replace("dy.sum(axis=0)", "dy.mean(axis=0)"),
    },
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Two students, and a folder that is none."""
    home = tmp_path_factory.mktemp("class")
    for name, files in FILES.items():
        (home / name).mkdir()
        for number, text in files.items():
            (home / name / find_step(number).file_name).write_text(text)
    folders = [home / name for name in (*FILES, "nobody")]
    return grade(folders, POINTS, seed=11, limits=Limits(seconds=4, timing=False, no_network=True))


def test_marks_are_by_step_and_notes_say_what_to_look_at(graded):
    right, wrong, nobody = graded
    assert (right.total, right.most) == (2, 11) and not [note for note in right.notes if "network" not in note]
    assert wrong.total == 0 and nobody.total == 0 and "no folder" in nobody.notes[0]
    notes = "\n".join(wrong.notes)
    assert "calls ReLU.forward of tinynet/layers/relu.py" in notes
    assert "Tanh.forward is that of tinynet/layers/tanh.py" in notes and "step 3: timed out" in notes
    assert "step 7: it uses socket" in notes
    rows = list(csv.DictReader(io.StringIO(grades_csv(graded).decode())))
    assert [row["student"] for row in rows] == ["right", "wrong", "nobody"]
    assert [rows[1][f"verdict {n}"] for n in POINTS] == ["tinynet's", "timed out", "wrong", "missing"]
    assert [rows[0][name] for name in ("points", "of", "step 10", "step 7")] == ["2", "11", "2", "0"]
    assert rows[2]["step 7"] == "0" and "no folder" in rows[2]["notes"]


def test_a_page_and_gradescopes_file_for_each(graded):
    wrong = graded[1]
    page = student_page(wrong, 11)
    assert "db: it is" in page and "seed 11" in page and "0 of 11 points" in page and "timed out" in page
    assert 'href="wrong/index.html"' in overview(graded)
    results = json.loads(gradescope(wrong))
    assert results["score"] == 0 and sum(test["max_score"] for test in results["tests"]) == 11
    assert {test["status"] for test in results["tests"]} == {"failed"}
    assert json.loads(gradescope(graded[0]))["tests"][3]["status"] == "passed"
    assert "db: it is" in results["tests"][2]["output"]


def test_another_seed_draws_other_numbers(tmp_path):
    text = "class ReLU:\n    def forward(self, x, train=False):\n        print(x.sum())\n"
    (tmp_path / find_step(1).file_name).write_text(text)
    printed = [check_course(tmp_path, [1], seed, Limits(timing=False))[0].printed for seed in (0, 0, 11)]
    assert printed[0] and printed[0] == printed[1] != printed[2]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot take the network away from a process")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs the command unshare, to know what is allowed")
def test_without_network_where_the_system_allows_it(tmp_path):
    text = find_step(10).solution + ("\nimport socket\ntry:\n    socket.create_connection(('127.0.0.1', 9), 1)\n"
                                     "except OSError as error:\n    print(error)\n")
    (tmp_path / find_step(10).file_name).write_text(text)
    (outcome,) = check_course(tmp_path, [10], limits=Limits(timing=False, no_network=True))
    allowed = any(subprocess.run(["unshare", flags, "true"], stderr=subprocess.DEVNULL).returncode == 0
                  for flags in ("-n", "-rn"))
    assert outcome.right and outcome.cut_off is allowed
    # In a network of its own even the machine's own address cannot be reached; else nobody listens there.
    assert ("unreachable" in outcome.printed) == outcome.cut_off, outcome.printed


def test_the_command_writes_what_it_is_asked_for_and_overwrites_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / find_step(10).file_name).write_text(find_step(10).solution)
    assert cli.main(["course", "grade", "--write-points", "points.toml"]) == 0
    command = ["course", "grade", "ada", "--steps", "10", "--points", "points.toml",
               "--csv", "g.csv", "--report", "out"]
    assert cli.main(command) == 0
    assert "ada: 1 of 1" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out" / "ada").iterdir()} == {"index.html", "results.json"}
    before = (tmp_path / "g.csv").read_bytes()
    for again, told in ((command, "the file exists already"), ([*command[:-4], "--report", "out"], "files in it"),
                        (["course", "grade", "--write-points", "points.toml"], "exists already"),
                        (["course", "grade", "ada", "--steps", "1-"], "expected numbers such as 1-5,7"),
                        (["course", "grade", "ada", "--steps", "5-3"], "expected numbers such as 1-5,7"),
                        (["course", "grade", "ada", "--steps", "\u00b2"], "expected numbers such as 1-5,7"),
                        (["course", "grade", "ada", "ada"], "given twice"), (["course", "grade"], "no folder")):
        assert cli.main(again) == 2
        assert told in capsys.readouterr().err
    assert (tmp_path / "g.csv").read_bytes() == before
    for place, told in (("--csv=nowhere/x.csv", "nowhere does not exist"), ("--report=g.csv", "is a file, expected")):
        assert cli.main([*command[:-4], place]) == 2
        captured = capsys.readouterr()
        assert told in captured.err and "ada: " not in captured.out                    # before anything is graded


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
def test_ctrl_c_ends_the_checks_at_once_and_keeps_the_grades_that_are_there(tmp_path):
    for name, text in (("ada", find_step(10).solution), ("bob", "import time\ntime.sleep(600)\n"), ("cid", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / find_step(10).file_name).write_text(text)
    command = [sys.executable, "-u", "-m", "tinynet", "course", "grade", "ada", "bob", "cid", "--steps", "10", "--jobs",
               "1", "--csv", "g.csv"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline().startswith("ada: ")
    time.sleep(1)  # bob's check is under way
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - start < 10 and process.returncode == 130
    assert out == "" and "of 3 folders 1 are graded and written" in err and "tinynet: stopped" in err
    rows = list(csv.DictReader((tmp_path / "g.csv").open()))
    assert [(row["student"], row["points"]) for row in rows] == [("ada", "1")]


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that not even the administrator can write into")
def test_a_place_where_nothing_can_be_written_is_told_before_anything_is_graded(tmp_path, capsys):
    for place in ("--csv=/proc/g.csv", "--report=/proc/pages"):
        assert cli.main(["course", "grade", str(tmp_path), place]) == 2
        captured = capsys.readouterr()
        assert f"{place.replace('=', ' ')}: nothing can be written into /proc" in captured.err and not captured.out


def test_imports_of_parts_of_modules_are_noted():
    text = b"import importlib.util\nfrom ctypes.util import find_library\nimport sys\nsys.setprofile(None)\n"
    assert notes_on_text(find_step(10), text) == [
        "it uses setprofile, ctypes, importlib, which a layer does not need"]


def test_one_file_that_cannot_be_looked_at_ends_no_grading(tmp_path):
    for name, text in (("ann", find_step(4).solution), ("bob", f"{find_step(4).solution}\nx = {'1 + ' * 1500}1\n"),
                       ("cid", f"{find_step(4).solution}\nif 0: pass\n" + "elif 0: pass\n" * 1200)):
        (tmp_path / name).mkdir()
        (tmp_path / name / find_step(4).file_name).write_text(text)
    grades = grade([tmp_path / name for name in ("ann", "bob", "cid")], {4: 1.0}, seed=1, limits=Limits(timing=False))
    assert [made.total for made in grades[:2]] == [1, 1]
    assert all("its text nests too deeply to be looked at here" in made.notes[0] for made in grades[1:])


def test_points_are_read_from_a_file_that_may_be_changed(tmp_path):
    path = tmp_path / "points.toml"
    path.write_text(points_text())
    assert read_points(path) == USUAL and list(USUAL) == [step.number for step in STEPS]
    for text, told in (("[points]\n1 = -1\n", "a number from 0 up"), ("[points]\n30 = 1\n", "step 30 does not exist"),
                       ("[points]\nrelu = 1\n", "no number of a step"), ("points = 3\n", r"expected a line \[points\]"),
                       ("[points\n", "not a file of points")):
        path.write_text(text)
        with pytest.raises(DataError, match=told):
            read_points(path)


def test_students_with_folders_of_the_same_name_are_told_apart(tmp_path):
    assert names_of([tmp_path / "a" / "course", tmp_path / "b" / "course"]) == ["a_course", "b_course"]


def test_train_and_trace_of_a_folder_in_which_nothing_is_written_yet(tmp_path, monkeypatch, capsys, data):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["course"]) == 0
    monkeypatch.setattr("tinynet.course.train.prepare", lambda recipe: data)
    assert cli.main(["course", "train", "--images", "32", "--epochs", "1", "--batch", "16"]) == 0
    out = capsys.readouterr().out
    assert "Guessing would give 90%; a full training, 5 epochs on 8,000 images, reached 2.1%" in out
    assert "tinynet's file was taken" in out and "epoch 1: error on 20 other images" in out
    assert "are in tinynet-course/training-1" in out.replace("\\", "/")
    assert cli.main(["course", "trace"]) == 0
    out, page = capsys.readouterr().out, tmp_path / "tinynet-course" / "network.html"
    assert "as the last training left it" in out and str(page.resolve()) in out
    text = page.read_text(encoding="utf-8")
    assert "the network in tinynet-course" in text
    assert all("The numbers of all layers are from tinynet's code (steps 1, 2, 6, 7, 8, 9, 11, 12)" in each
               for each in (out.replace("\n", " "), text))
    for arguments, told in ((["train", "--epochs", "0"], "--epochs"), (["train", "--rate", "-1"], "--rate"),
                            (["trace", "--html", "."], "this is a folder"), (["trace", "--seed", "-1"], "--seed"),
                            (["train", "--folder", "nowhere"], "there is no folder")):
        assert cli.main(["course", *arguments]) == 2
        assert told in capsys.readouterr().err
