"""Names of files, folders and classes that are no text, or that other programs take for something else."""
import csv
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.data import Preprocessing

CLASSES = ["Ba$$in", "a$b_c$d", "caf\udce9", "猫"]


def tinynet(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture(params=["caf\udce9", "猫 $a_{b$ <b>&amp;\nline"], ids=ascii)
def odd(request, tmp_path):
    """A folder with an odd name, and the name."""
    folder = tmp_path / request.param
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system takes no such names")
    return folder, request.param


def write_photographs(root, names):
    for part in ("train", "val"):
        for i, name in enumerate(names):
            try:
                (root / part / name).mkdir(parents=True)
            except OSError:
                pytest.skip("the file system takes no such names")
            pixels = np.random.default_rng(i).integers(0, 256, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / part / name / f"{name}.png")


def checkpoint(path, names):
    net: Any = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(48, len(names), seed=3))],
                          input_shape=(4, 4, 3))
    net.preprocessing, net.class_names = Preprocessing(np.full(3, 128.0), 4), names
    tn.save_checkpoint(path, net)
    return path


@pytest.mark.slow
def test_every_command_takes_files_and_folders_of_any_name(odd, capsys):
    pytest.importorskip("matplotlib")
    folder, name = odd
    write_photographs(folder, [name, "other"])
    train = ["train", "--model", "alexnet-small", "--data", folder, "--run", folder / "run", "--image-size", 36]
    page, table, image = folder / f"{name}.html", folder / f"{name}.csv", folder / "val" / name / f"{name}.png"
    for command in (
        [*train, "--epochs", 1], [*train, "--epochs", 2, "--resume"],
        ["evaluate", folder / "run", "--data", folder, "--confusion", table],
        ["evaluate", folder / "run", "--data", folder, "--confusion", folder / f"{name}.png"],
        ["predict", folder / "val", "--checkpoint", folder / "run", "--csv", table, "--sheet", folder / f"{name}.pdf"],
        ["predict", image, "--checkpoint", folder / "run"],
        ["trace", image, "--checkpoint", folder / "run"],
        ["trace", image, "--checkpoint", folder / "run", "--html", page],
        ["exercise", 1, "--to", folder / "exercise"],
        ["lesson", "pooling", "--quick", "--run", folder / "lesson", "--arm", f"{name}x:", "--arms", "average 3/2",
         "--epochs", 1, "--images", 20, "--seeds", 1, "--rates", 0.01, "--jobs", 1],
    ):
        code, _, err = tinynet(capsys, *command)
        assert code == 0 and "Traceback" not in err and "Glyph" not in err and ".py:" not in err, (command, err)
    for command in (["exercise", 1, "--to", folder / "exercise", "--check"], ["predict", folder / name, "--checkpoint",
                                                                folder / "run"]):
        assert tinynet(capsys, *command)[0] == 1
    for command in (train, ["evaluate", folder, "--data", folder], ["evaluate", folder / "run", "--data", image],
                    ["predict", folder / "exercise", "--checkpoint", folder / "run"],
                    ["trace", image, "--checkpoint", folder / "run", "--html", folder / "gone" / "page.html"]):
        code, _, err = tinynet(capsys, *command)
        assert code == 2 and err.count("\n") <= 1 + str(folder).count("\n") * 3, (command, err)
    page.read_bytes().decode()
    table.read_bytes().decode()
    for file in ("log.txt", "settings.json", "metrics.csv"):
        (folder / "run" / file).read_text(encoding="utf-8")
    assert tn.load_checkpoint(folder / "run" / "best.npz").class_names == sorted([name, "other"])


def test_the_page_shows_the_bytes_that_are_no_text(capsys, tmp_path):
    image = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")
    try:
        with open(image, "wb") as file:
            Image.new("RGB", (5, 5)).save(file, "PNG")
    except OSError:
        pytest.skip("the file system takes no such names")
    net, page = checkpoint(tmp_path / "net.npz", CLASSES), tmp_path / "page.html"
    assert tinynet(capsys, "trace", os.fsdecode(image), "--checkpoint", net, "--html", page)[0] == 0
    text = page.read_text(encoding="utf-8")
    assert r"<title>network, caf\xe9.png</title>" in text and r'"caf\\xe9.png"' in text
    assert r'"classNames": ["Ba$$in", "a$b_c$d", "caf\\xe9", "\u732b"]' in text


def test_classes_of_any_name_are_drawn_and_written(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    net = checkpoint(tmp_path / "net.npz", CLASSES)
    Image.new("RGB", (5, 5), (200, 0, 0)).save(tmp_path / "image.png")
    for ending in ("png", "svg", "pdf"):
        code, _, err = tinynet(capsys, "predict", tmp_path / "image.png", "--checkpoint", net, "--sheet",
                               tmp_path / f"sheet.{ending}", "--csv", tmp_path / "table.csv")
        assert code == 0 and err.count("\n") <= 1 and "Glyph" not in err
    with open(tmp_path / "table.csv", encoding="utf-8", newline="") as file:
        row = list(csv.reader(file))[1]
    assert sorted(row[1::2]) == sorted(["Ba$$in", "a$b_c$d", r"caf\xe9", "猫"])


def test_letters_without_a_font_are_one_line_of_the_command(tmp_path):
    pytest.importorskip("matplotlib")
    net = checkpoint(tmp_path / "net.npz", ["\ue123\ue124", "b"])
    for i in range(3):
        Image.new("RGB", (5, 5), (80 * i, 0, 0)).save(tmp_path / f"{i}.png")
    done = subprocess.run(
        [sys.executable, "-m", "tinynet", "predict", tmp_path, "--checkpoint", net, "--sheet", tmp_path / "s.png"],
        capture_output=True, text=True, encoding="utf-8", env=os.environ | {"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0
    assert done.stderr == ("tinynet: no font that matplotlib finds has the letters \ue123 \ue124, and boxes are drawn "
                           "for them: a font such as Noto Sans CJK has most letters\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_names_in_any_unicode_with_its_mark(capsys, tmp_path, encoding):
    net = checkpoint(tmp_path / "net.npz", ["a", "b"])
    Image.new("RGB", (5, 5)).save(tmp_path / "image.png")
    mark = "" if encoding in ("utf-8-sig", "utf-16") else "\ufeff"
    (tmp_path / "names.txt").write_bytes(f"{mark}café\r\n猫\r\n".encode(encoding))
    code, out, _ = tinynet(capsys, "predict", tmp_path / "image.png", "--checkpoint", net, "--names",
                           tmp_path / "names.txt")
    assert code == 0 and " café " in out.replace(",", " ") and " 猫 " in out and "\ufeff" not in out


@pytest.mark.parametrize(("content", "reason"), [
    ("café".encode("latin-1"), "is not text in UTF-8"), (b"\xff\xfea", "is not text in UTF-16"),
    (b"\xff\xfe\x00\xd8a\x00", "is not text in UTF-16")])
def test_names_that_are_no_unicode(capsys, tmp_path, content, reason):
    net = checkpoint(tmp_path / "net.npz", ["a", "b"])
    Image.new("RGB", (5, 5)).save(tmp_path / "image.png")
    (tmp_path / "names.txt").write_bytes(content)
    code, _, err = tinynet(capsys, "predict", tmp_path / "image.png", "--checkpoint", net, "--names",
                           tmp_path / "names.txt")
    assert code == 2 and f"{tmp_path / 'names.txt'} {reason}" in err and err.count("\n") == 1


def test_a_line_that_the_output_cannot_show_ends_no_training(tmp_path):
    program = "from tinynet.training.progress import say; say('caf\\udce9 猫')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          env=os.environ | {"PYTHONIOENCODING": "ascii:strict"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "caf\\udce9 \\u732b\n", "")
