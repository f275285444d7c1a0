"""A ~ in front of a path that a user gives is the home folder: in every public function and every command."""
import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.data import ImageFolder, Preprocessing, download, load_cifar10, load_data, load_image, load_mnist
from tinynet.data.cifar10 import NAMES_FILE, RECORD, TEST_FILES, TRAIN_FILES
from tinynet.data.image_folder import find_validation_folder, load_image_folder
from tinynet.data.mnist import FILES, read_idx
from tinynet.exercises.catalogue import find_exercise
from tinynet.exercises.sandbox import check_file
from tinynet.files import user_path, with_home
from tinynet.training.archive import read_archive, write_archive
from tinynet.training.checkpoint import load_training_state

COMMANDS = next(action.choices for action in cli.parser()._actions if isinstance(action.choices, dict))
NO_PATH = {  # options that take text, but no path
    "model", "set", "name", "optimizer", "mean", "resize", "split", "device", "pretrained", "models", "arms", "arm",
    "label", "freeze",
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, and beside it the current folder, in which nothing may appear."""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))  # Windows
    monkeypatch.chdir(here)
    yield home
    assert list(here.iterdir()) == []


def network():
    net: Any = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(48, 2, seed=0))], input_shape=(4, 4, 3))
    net.preprocessing, net.class_names = Preprocessing(np.zeros(3), 4), ["ant", "bee"]
    return net


def write_photographs(root):
    for part in ("train", "val"):
        for i, name in enumerate(("ant", "bee")):
            (root / part / name).mkdir(parents=True)
            Image.new("RGB", (6, 6), (200 * i, 20, 30)).save(root / part / name / "1.png")


def write_mnist(root):
    root.mkdir()
    for (_, kind), name in FILES.items():
        shape = (3, 28, 28) if kind == "images" else (3,)
        header = bytes([0, 0, 8, len(shape)]) + b"".join(length.to_bytes(4, "big") for length in shape)
        (root / name).write_bytes(header + bytes(int(np.prod(shape))))


def write_cifar10(root):
    root.mkdir()
    for name in TRAIN_FILES + TEST_FILES:
        (root / name).write_bytes(bytes(RECORD))
    (root / NAMES_FILE).write_text("\n".join("abcdefghij"))


def test_a_tilde_is_the_home_folder_and_other_paths_stay(home, monkeypatch):
    here = os.getcwd()
    assert user_path("~/a/b") == user_path(Path("~/a/b")) == user_path(b"~/a/b") == home / "a" / "b"
    assert user_path("~") == home and user_path("a/~/b") == Path("a/~/b") and user_path("/a~") == Path("/a~")
    assert with_home("./cat.jpg") == "./cat.jpg" and with_home("shapes") == "shapes"
    # A folder that is called ~ can be named, and goes through several functions as itself.
    assert user_path(user_path("./~/x")) == Path(here, "~", "x")
    assert user_path("~nobody-of-this-name/x").parts[-2] == "~nobody-of-this-name"


@pytest.mark.parametrize("path", ["~", "~/x"])
def test_a_home_folder_that_is_not_known_is_an_error(path, monkeypatch, capsys):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does then
    with pytest.raises(FileNotFoundError, match="not known where the home folder ~ is"):
        user_path(path)
    assert cli.main(["evaluate", path, "--data", "shapes"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_data_is_read_from_home(home):
    write_photographs(home / "photographs")
    write_mnist(home / "mnist")
    write_cifar10(home / "cifar")
    assert [len(part) for part in load_data("~/photographs", 6)] == [2, 2]
    assert [len(part) for part in load_data("~/mnist")] == [len(part) for part in load_mnist("~/mnist")] == [3, 3]
    assert [len(part) for part in load_data("~/cifar")] == [len(part) for part in load_cifar10("~/cifar")] == [5, 1]
    assert read_idx(f"~/mnist/{FILES['test', 'labels']}").shape == (3,)
    assert [len(part) for part in load_image_folder("~/photographs")] == [2, 2]
    assert find_validation_folder("~/photographs") == home / "photographs" / "val"
    photograph = "~/photographs/train/bee/1.png"
    assert load_image(photograph)[0, 0].tolist() == [200, 20, 30]
    assert Preprocessing(np.zeros(3), 4).load_image(photograph).shape == (4, 4, 3)
    assert ImageFolder([photograph], [0], ["bee"], 6).images_at([0]).shape == (1, 6, 6, 3)


def test_downloads_go_home(home, monkeypatch):
    pooch = pytest.importorskip("pooch")
    where = []
    monkeypatch.setattr(pooch, "retrieve", lambda address, md5, file, folder, **more: where.append(folder))
    assert download("mnist", "~/data") == home / "data" / "mnist"
    assert where == [home / "data" / "mnist"] * 4


def test_checkpoints_and_runs_are_at_home(home):
    net, images = network(), np.zeros((4, 4, 4, 3), np.float32)
    tn.save_checkpoint("~/net.npz", net)
    assert tn.load_checkpoint("~/net.npz").class_names == ["ant", "bee"] and (home / "net.npz").exists()
    assert load_training_state("~/net.npz")["optimizer"] is None
    tn.save_weights(net, "~/net.pth")
    assert tn.load_weights(network(), "~/net.pth").parameter_count == 98 and (home / "net.pth").exists()
    write_archive("~/other.npz", {}, {"a": images})
    assert read_archive("~/other.npz")[1]["a"].shape == images.shape
    for resume in (False, True):
        tn.fit(net, (images, np.array([0, 1, 0, 1])), epochs=1 + resume, run="~/runs/one", resume=resume,
               progress=False)
    assert (home / "runs" / "one" / "last.npz").exists()


def test_pictures_and_pages_go_home(home):
    pytest.importorskip("matplotlib")
    from tinynet.plots.pictures import Picture
    from tinynet.tracing.page import Subject, write_page

    Picture().savefig("~/a.png")
    Picture().savefig("~/b")
    Picture().savefig(Path("~/c.pdf"))
    trace = tn.trace(network(), np.ones((1, 4, 4, 3), np.float32), np.array([0]))
    write_page(trace, "~/d.html", Subject("a", 0, "given"))
    assert sorted(path.name for path in home.iterdir()) == ["a.png", "b.png", "c.pdf", "d.html"]


def test_lessons_and_exercises_are_at_home(home, monkeypatch):
    from tinynet.lessons import pooling, speed

    pooling.run(quick=True, arms=["average 3/2"], epochs=1, images=20, seeds=1, rates=[0.01], folder="~/lesson",
                show=False, parallel=1)
    assert (home / "lesson" / "pooling.json").exists()
    monkeypatch.setattr(speed, "climb", lambda: {
        "convolution": "", "batch": 1, "threads": 1, "loops_note": "", "milliseconds_an_image": {"loops": 2.0},
        "limit_milliseconds": 1.0})
    speed.run("~/speed")
    assert (home / "speed" / "speed.json").exists()
    exercise = find_exercise(1)
    written = exercise.write(Path("~/exercises"))
    assert written.parent == home / "exercises"
    assert not check_file(exercise, Path("~/exercises") / exercise.file_name).solved


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_that_takes_a_path_knows_the_home_folder(name, home):
    for action in COMMANDS[name]._actions:
        if action.type is with_home:
            assert action.type("~/x") == f"{home}/x"
        elif action.type is None and action.nargs != 0 and not isinstance(action, argparse._SubParsersAction):
            assert action.dest in NO_PATH, f"{name}: {action.dest}"


def test_commands_read_and_write_at_home(home, capsys):
    pytest.importorskip("matplotlib")
    write_photographs(home / "data")
    (home / "names.txt").write_text("Ameise\nBiene\n")
    train = ["train", "--model=alexnet-small", "--data=~/data", "--run=~/run", "--epochs=1", "--image-size=36"]
    commands = [
        train, [*train[:-2], "--epochs=2", "--image-size=36", "--resume"],
        ["evaluate", "~/run", "--data=~/data", "--confusion=~/confusion.csv"],
        ["evaluate", "~/run/last.npz", "--data=~/data", "--confusion=~/confusion.png"],
        ["predict", "~/data/val", "--checkpoint=~/run", "--names=~/names.txt", "--csv=~/table.csv",
         "--sheet=~/sheet.png"],
        ["trace", "~/data/val/ant/1.png", "--checkpoint=~/run", "--html=~/page.html"],
        ["exercise", "1", "--to=~/exercises"],
    ]
    for command in commands:
        assert cli.main(command) == 0, capsys.readouterr().err
    assert cli.main(["exercise", "1", "--to=~/exercises", "--check"]) == 1
    assert cli.main(["exercise", "1", f"--check=~/exercises/{find_exercise(1).file_name}"]) == 1
    assert sorted(path.name for path in home.iterdir() if path.name[0] != ".") == [
        "confusion.csv", "confusion.png", "data", "exercises", "names.txt", "page.html", "run", "sheet.png",
        "table.csv"]
    out = capsys.readouterr().out
    assert f"results are in {home / 'run'}" in out and "~/" not in out
