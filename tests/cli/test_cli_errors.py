"""What the command line says about input that it cannot use: one line, exit code 2, no traceback."""
import os
import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.data import Preprocessing


def complaint(capsys, *arguments):
    """Run a command that must end with 2 and one line; return the line."""
    code = cli.main([str(argument) for argument in arguments])
    err = capsys.readouterr().err
    assert code == 2 and err.count("\n") == 1 and err.startswith("tinynet: "), err
    return err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of an untrained network of three classes, one that has two names only, and an image."""
    root = tmp_path_factory.mktemp("checkpoints")
    net: Any = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(48, 3))], input_shape=(4, 4, 3))
    net.preprocessing, net.class_names = Preprocessing(np.zeros(3), 4), ["ant", "bee", "cat"]
    tn.save_checkpoint(root / "net.npz", net)
    net.class_names = ["ant", "bee"]
    tn.save_checkpoint(root / "two.npz", net)
    Image.new("RGB", (9, 9), (10, 20, 30)).save(root / "image.png")
    return root


def predict(folder, *more, checkpoint="net.npz"):
    return "predict", folder / "image.png", "--checkpoint", folder / checkpoint, *more


def run_in_a_shell(command, **environment):
    """Run `tinynet` with a command's words and redirections; return the finished process."""
    return subprocess.run(f"{sys.executable} -m tinynet {command}", shell=True, capture_output=True, text=True,
                          env=os.environ | environment)


@pytest.mark.skipif(sys.platform == "win32", reason="the shell is another on Windows")
@pytest.mark.parametrize("where", ["2>&-", ">&-"])
def test_a_closed_output_ends_no_command(where, folder):
    done = run_in_a_shell(f"predict {folder / 'image.png'} --checkpoint {folder / 'net.npz'} {where}")
    assert done.returncode == 0 and done.stderr == "" and ("%" in done.stdout) == (where == "2>&-")


@pytest.mark.skipif(sys.platform == "win32", reason="the shell is another on Windows")
def test_a_reader_that_has_enough_is_no_error():
    done = run_in_a_shell("summary alexnet | head -1")
    assert done.returncode == 0 and done.stderr == "" and done.stdout.count("\n") == 1


def test_a_letter_that_the_terminal_does_not_have_is_shown_by_its_number(folder, tmp_path):
    shutil.copy(folder / "image.png", tmp_path / "bü日.png")
    command = f"predict {tmp_path / 'bü日.png'} --checkpoint {folder / 'net.npz'}"
    done = run_in_a_shell(command, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and r"b\xfc\u65e5.png: " in done.stdout and done.stderr == ""


def test_a_full_disk_leaves_the_page_and_the_sheet_that_were_there(folder, tmp_path, monkeypatch, capsys):
    def full(number):
        raise OSError(28, "No space left on device")

    commands = {"sheet.png": predict(folder, "--sheet"), "page.html": ("trace", "--model", "lenet5", "--html")}
    for name in commands:
        (tmp_path / name).write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        for name, words in commands.items():
            assert cli.main([str(word) for word in (*words, tmp_path / name)]) == 2
            assert f"No space left on device: '{tmp_path / name}'" in capsys.readouterr().err
            assert (tmp_path / name).read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(commands)


def test_names_in_another_encoding(folder, capsys, tmp_path):
    names = tmp_path / "latin.txt"
    names.write_bytes("café\nb\nc\n".encode("latin-1"))
    assert "latin.txt is not text in UTF-8" in complaint(capsys, *predict(folder, "--names", names))


def test_names_may_begin_with_a_byte_order_mark(folder, capsys, tmp_path):
    names = tmp_path / "names.txt"
    names.write_bytes("café\r\nb\r\nc\r\n".encode("utf-8-sig"))
    assert cli.main([str(each) for each in predict(folder, "--names", names)]) == 0
    out = capsys.readouterr().out
    assert " café " in out and "\ufeff" not in out


def test_fewer_names_than_outputs(folder, capsys):
    message = complaint(capsys, *predict(folder, checkpoint="two.npz"))
    assert "2 class names" in message and "3 classes" in message and "--names" in message


@pytest.mark.parametrize("top", [0, -1])
def test_top_must_be_one_or_more(folder, capsys, top):
    assert f"--top is {top}" in complaint(capsys, *predict(folder, "--top", top))


@pytest.mark.parametrize("name", ["sheet.xyz", "sheet"])
def test_a_sheet_in_an_unknown_format(folder, capsys, tmp_path, name):
    assert "expected a name that ends in" in complaint(capsys, *predict(folder, "--sheet", tmp_path / name))


def test_a_sheet_without_matplotlib_names_the_extra(folder, capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "tinynet.plots.pictures", raising=False)
    assert "tinynet[plots]" in complaint(capsys, *predict(folder, "--sheet", tmp_path / "sheet.png"))


@pytest.mark.parametrize(("switch", "instead"), [("seed=3", "--seed"), ("classes=3", "--data")])
def test_switches_that_have_an_option_of_their_own(capsys, switch, instead):
    arguments = ["train", "--model", "alexnet-small", "--data", "shapes", "--set", switch]
    assert instead in complaint(capsys, *arguments)


@pytest.mark.parametrize("arguments", [
    ["demo"], ["gradcheck", "lenet5"], ["train", "--model", "lenet5", "--data", "shapes"],
    ["train", "--model", "cifar-80sec", "--data", "shapes"], ["train", "--model", "alexnet", "--data", "shapes"],
])
def test_a_negative_seed(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert "seed is -1" in complaint(capsys, *arguments, "--seed", -1)
    assert list(tmp_path.iterdir()) == []


def test_profile_of_no_images(capsys):
    assert "--batch-size is 0" in complaint(capsys, "profile", "lenet5", "--batch-size", 0)


def test_profile_of_an_unknown_network(capsys):
    assert "network 'resnet' does not exist" in complaint(capsys, "profile", "resnet")
