"""Predictions for folders and as tables, and the confusion matrix of an evaluation."""
import csv
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.cli.predict import folder_files
from tinynet.data import Preprocessing, load_image, load_image_folder
from tinynet.training.evaluation import confusion_matrix

HEAD = ["path", "class_1", "probability_1", "class_2", "probability_2"]
ODD = b"caf\xe9.png"  # Latin-1: its bytes are no UTF-8


def tinynet(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "net.npz"
    net: Any = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(48, 3, seed=3))], input_shape=(4, 4, 3))
    net["fc"].params["w"][...] = np.random.default_rng(3).standard_normal((48, 3)) / 400
    net.preprocessing, net.class_names = Preprocessing(np.full(3, 128.0), 4), ["ant", "bee", "cat, large"]
    tn.save_checkpoint(path, net)
    return path


def write_image(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    """Five images in a folder and its subfolders, and files that are none of its images."""
    root = tmp_path / "pictures"
    for i, name in enumerate(("b.png", "a/z.PNG", "a/b/c.jpeg", "c.bmp", "a.png")):
        write_image(root / name, i)
    (root / "notes.txt").write_text("no image")
    write_image(root / ".hidden.png")
    write_image(root / ".cache" / "d.png")
    return root


SORTED = ["a/b/c.jpeg", "a/z.PNG", "a.png", "b.png", "c.bmp"]


def test_subfolders_that_are_links_are_looked_into_once(folder, tmp_path):
    write_image(tmp_path / "elsewhere" / "e.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "again").symlink_to(folder, target_is_directory=True)
    found = sorted(path.relative_to(folder).as_posix() for path in folder_files(str(folder)))
    assert found == sorted([*SORTED, "linked/e.png"])


@pytest.mark.parametrize("batch_size", [1, 2, 5, 128])
def test_a_folder_becomes_a_table(checkpoint, folder, capsys, tmp_path, batch_size):
    table = tmp_path / "table.csv"
    table.write_text("an older one")
    code, out, err = tinynet(capsys, "predict", folder, "--checkpoint", checkpoint, "--csv", table, "--top", 2,
                             "--batch-size", batch_size)
    assert (code, out, err) == (0, f"the table of 5 images is {table}\n", "")
    head, *rows = rows_of(table)
    assert head == HEAD and [row[0] for row in rows] == [str(folder / name) for name in SORTED]
    net = tn.load_checkpoint(checkpoint)
    for row in rows:
        probabilities = tn.predict(net, load_image(row[0], 4)[None])[0]
        first, second = np.argsort(-probabilities)[:2]
        assert [row[1], row[3]] == [net.class_names[first], net.class_names[second]]
        assert [float(row[2]), float(row[4])] == pytest.approx([probabilities[first], probabilities[second]], rel=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "table.csv"]


def test_more_than_the_classes_are_all_of_them(checkpoint, folder, capsys, tmp_path):
    assert tinynet(capsys, "predict", folder, "--checkpoint", checkpoint, "--csv", tmp_path / "t.csv")[0] == 0
    assert rows_of(tmp_path / "t.csv")[0] == [*HEAD, "class_3", "probability_3"]


def test_without_a_table_there_is_a_line_for_each_file(checkpoint, folder, capsys):
    code, out, err = tinynet(capsys, "predict", folder / "c.bmp", folder, "--checkpoint", checkpoint,
                             "--batch-size", 2, "--top", 1)
    assert code == 0 and err == ""
    assert [line.split(": ")[0] for line in out.splitlines()] == [str(folder / name) for name in ["c.bmp", *SORTED]]
    assert all(line.endswith("%") and line.count("%") == 1 for line in out.splitlines())


def test_equal_classes_come_in_their_order(folder, capsys, tmp_path):
    net: Any = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(48, 3))], input_shape=(4, 4, 3))
    net["fc"].params["w"][...] = 0
    net.preprocessing = Preprocessing(np.zeros(3), 4)
    tn.save_checkpoint(tmp_path / "net.npz", net)
    _, out, _ = tinynet(capsys, "predict", folder / "b.png", "--checkpoint", tmp_path / "net.npz")
    assert out.endswith(": 0 33.3%, 1 33.3%, 2 33.3%\n")


@pytest.mark.parametrize("batch_size", [1, 2, 128])
@pytest.mark.parametrize("to_table", [True, False])
def test_a_file_that_cannot_be_read_is_named_and_passed_over(checkpoint, folder, capsys, tmp_path, to_table,
                                                             batch_size):
    (folder / "a.png").write_bytes(b"no image")
    table = tmp_path / "table.csv"
    more = ["--csv", table] if to_table else []
    code, out, err = tinynet(capsys, "predict", folder, folder / "gone.png", "--checkpoint", checkpoint,
                             "--batch-size", batch_size, *more)
    assert code == 1
    first, second, last = err.splitlines()
    assert first.startswith(f"left out: {folder / 'a.png'} is damaged")
    assert second.startswith(f"left out: {folder / 'gone.png'} cannot be read")
    assert last == "tinynet: 2 of 6 files cannot be read"
    found = [row[0] for row in rows_of(table)[1:]] if to_table else [line.split(": ")[0] for line in out.splitlines()]
    assert found == [str(folder / name) for name in SORTED if name != "a.png"]


def test_where_nothing_can_be_read_older_files_stay(checkpoint, capsys, tmp_path):
    table, sheet = tmp_path / "table.csv", tmp_path / "sheet.png"
    table.write_text("mine")
    code, out, err = tinynet(capsys, "predict", tmp_path / "gone.png", "--checkpoint", checkpoint, "--csv", table,
                             "--sheet", sheet)
    assert code == 1 and out == "" and not sheet.exists() and table.read_text() == "mine"
    assert err.splitlines()[1] == (f"tinynet: 1 of 1 files cannot be read; {table} was not written; "
                                   f"{sheet} was not written")


def test_a_folder_without_images(checkpoint, capsys, tmp_path):
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    code, out, err = tinynet(capsys, "predict", tmp_path / "empty", "--checkpoint", checkpoint)
    assert code == 2 and out == "" and err.count("\n") == 1
    assert err.startswith(f"tinynet: {tmp_path / 'empty'} has no images") and ".jpg, .jpeg, " in err


def test_an_error_half_way_leaves_the_older_table(checkpoint, folder, capsys, tmp_path, monkeypatch):
    def broken(self, path):
        if Path(path).name == "c.bmp":
            raise OSError(5, "the drive is gone", str(path))
        return load_image(path, 4)

    monkeypatch.setattr(Preprocessing, "load_image", broken)
    table = tmp_path / "table.csv"
    table.write_text("mine")
    arguments = ["predict", folder, "--checkpoint", checkpoint, "--csv", table, "--batch-size", 1]
    code, _, err = tinynet(capsys, *arguments)
    assert code == 2 and "the drive is gone" in err and table.read_text() == "mine"
    monkeypatch.setattr(Preprocessing, "load_image", lambda self, path: (_ for _ in ()).throw(KeyboardInterrupt))
    assert tinynet(capsys, *arguments)[0] == 130 and table.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "table.csv"]


def test_only_one_batch_is_in_memory(checkpoint, folder, capsys, tmp_path, monkeypatch):
    events: list[Any] = []
    read, run = Preprocessing.load_image, tn.predict

    def noted_predict(net, images, **options):
        events.append(len(images))
        return run(net, images, **options)

    monkeypatch.setattr(Preprocessing, "load_image", lambda self, path: events.append("read") or read(self, path))
    monkeypatch.setattr(sys.modules["tinynet.cli.predict"], "predict", noted_predict)
    tinynet(capsys, "predict", folder, "--checkpoint", checkpoint, "--batch-size", 2, "--csv", tmp_path / "t.csv")
    assert events == ["read", "read", 2, "read", "read", 2, "read", 1]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are text there")
@pytest.mark.parametrize("content", ["image", "damaged"])
def test_names_that_are_no_utf8(checkpoint, capsys, tmp_path, content):
    root = tmp_path / "pictures"
    write_image(root / "b.png")
    odd = os.path.join(os.fsencode(root), ODD)
    try:
        with open(odd, "wb") as file:
            file.write((root / "b.png").read_bytes() if content == "image" else b"no image")
    except OSError:
        pytest.skip("the file system takes no such names")
    table = tmp_path / "table.csv"
    code, _, err = tinynet(capsys, "predict", root, "--checkpoint", checkpoint, "--csv", table)
    shown = str(root / r"caf\xe9.png")
    if content == "image":
        assert code == 0 and [row[0] for row in rows_of(table)[1:]] == [str(root / "b.png"), shown]
        out = tinynet(capsys, "predict", os.fsdecode(odd), "--checkpoint", checkpoint)[1]
        assert out.startswith(f"{shown}: ")
    else:
        assert code == 1 and err.startswith(f"left out: {shown} is damaged")


def test_a_bar_on_a_terminal_for_more_than_a_batch(checkpoint, folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for size, shown in ((2, True), (5, False)):
        code, out, err = tinynet(capsys, "predict", folder, "--checkpoint", checkpoint, "--batch-size", size)
        assert code == 0 and out.count("%") == 15 and ("5/5" in err) == shown


def test_a_sheet_has_room_for_64_images(checkpoint, capsys, tmp_path):
    for i in range(65):
        write_image(tmp_path / "many" / f"{i:02}.png")
    arguments = ["predict", tmp_path / "many", "--checkpoint", checkpoint, "--sheet", tmp_path / "sheet.png"]
    code, out, err = tinynet(capsys, *arguments)
    assert code == 2 and out == "" and "has room for 64 images, got 65" in err and err.count("\n") == 1
    assert not (tmp_path / "sheet.png").exists()


def test_a_sheet_and_a_table_without_the_file_that_cannot_be_read(checkpoint, folder, capsys, tmp_path):
    (folder / "a.png").write_bytes(b"no image")
    code, out, _ = tinynet(capsys, "predict", folder, "--checkpoint", checkpoint, "--sheet", tmp_path / "sheet.png",
                           "--csv", tmp_path / "table.csv", "--batch-size", 2)
    assert code == 1 and Image.open(tmp_path / "sheet.png").size[0] > 300 and len(rows_of(tmp_path / "table.csv")) == 5
    assert out.splitlines()[-1] == f"the sheet is {tmp_path / 'sheet.png'}"


@pytest.mark.parametrize("option, name, message", [
    ("--csv", "missing/t.csv", "the folder missing does not exist"), ("--csv", ".", "this is a folder"),
    ("--sheet", "missing/s.png", "the folder missing does not exist"), ("--batch-size", "0", "--batch-size is 0"),
    ("--names", "missing.txt", "missing.txt"),
])
def test_predict_refuses_before_it_computes(checkpoint, folder, capsys, tmp_path, option, name, message, monkeypatch):
    monkeypatch.setattr(sys.modules["tinynet.cli.predict"], "named_network", None)
    monkeypatch.chdir(tmp_path)
    code, _, err = tinynet(capsys, "predict", folder, "--checkpoint", checkpoint, option, name)
    assert code == 2 and message in err and err.count("\n") == 1


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Images of the checkpoint's classes; the last one has test images of its own only."""
    root = tmp_path_factory.mktemp("photographs")
    for number, name in enumerate(["ant", "bee", "cat, large"]):
        for i in range(4):
            write_image(root / "train" / name / f"{i}.png", 10 * number + i)
            if number < 2:
                write_image(root / "val" / name / f"{i}.png", 100 + 10 * number + i)
    return root


def test_the_confusion_matrix_as_a_table(checkpoint, photographs, capsys, tmp_path):
    table = tmp_path / "confusion.CSV"
    plain = tinynet(capsys, "evaluate", checkpoint, "--data", photographs)[1]
    code, out, err = tinynet(capsys, "evaluate", checkpoint, "--data", photographs, "--confusion", table)
    assert code == 0 and err == ""
    result, worst, last = out.splitlines()
    assert f"{result}\n" == plain and last == f"the confusion matrix is {table}"
    head, *rows = rows_of(table)
    assert head == ["true class", "ant", "bee", "cat, large", "error"]
    assert [row[0] for row in rows] == ["ant", "bee", "cat, large"]
    counts = np.array([[int(cell) for cell in row[1:4]] for row in rows])
    net = tn.load_checkpoint(checkpoint)
    np.testing.assert_array_equal(counts, confusion_matrix(net, load_image_folder(photographs, 4)[1]))
    assert counts.sum(axis=1).tolist() == [4, 4, 0] and rows[2][4] == ""
    errors = {rows[i][0]: 1 - counts[i, i] / 4 for i in (0, 1)}
    assert [float(rows[i][4]) for i in (0, 1)] == list(errors.values())
    highest = sorted((name for name in errors if errors[name]), key=lambda name: -errors[name])
    assert worst == "highest errors: " + (", ".join(f"{name} {errors[name]:.1%}" for name in highest) or "none")


def test_the_options_of_evaluate_reach_it(checkpoint, photographs, capsys, tmp_path, monkeypatch):
    given = []

    def noted(net, data, batch_size, ten_crop, *more, **options):
        given.append((batch_size, ten_crop))
        return measure(net, data, batch_size, ten_crop, *more, **options)

    evaluation = sys.modules["tinynet.training.evaluation"]
    measure = evaluation.measure
    monkeypatch.setattr(evaluation, "measure", noted)
    table = ["--confusion", tmp_path / "table.csv"]
    for more in (["--batch-size", 10], ["--batch-size", 20, "--ten-crop"], ["--batch-size", 30, *table],
                 ["--batch-size", 40, "--ten-crop", *table]):
        assert tinynet(capsys, "evaluate", checkpoint, "--data", photographs, *more)[0] == 0
    assert given == [(10, False), (20, True), (30, False), (40, True)]


@pytest.mark.parametrize("ending, begin", [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_the_confusion_matrix_as_a_picture(checkpoint, photographs, capsys, tmp_path, ending, begin):
    path = tmp_path / f"confusion.{ending}"
    code, out, _ = tinynet(capsys, "evaluate", checkpoint, "--data", photographs, "--split", "train", "--confusion",
                           path)
    assert code == 0 and "highest errors: " in out and path.read_bytes().startswith(begin)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name, message", [
    ("confusion.xyz", ", .csv, "), ("confusion", "expected a name that ends in"),
    ("missing/confusion.csv", "missing does not exist"), (".", "this is a folder"),
])
def test_a_confusion_file_that_cannot_be_written(capsys, tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = tinynet(capsys, "evaluate", "gone.npz", "--data", "gone", "--confusion", name)
    assert code == 2 and out == "" and message in err and err.count("\n") == 1


def test_a_table_needs_no_matplotlib_and_a_picture_names_the_extra(checkpoint, photographs, capsys, tmp_path,
                                                                   monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "tinynet.plots.pictures", raising=False)
    evaluate = ["evaluate", checkpoint, "--data", photographs, "--confusion"]
    assert tinynet(capsys, *evaluate, tmp_path / "confusion.csv")[0] == 0
    code, _, err = tinynet(capsys, *evaluate, tmp_path / "confusion.png")
    assert code == 2 and "tinynet[plots]" in err


def test_wordnet_ids_get_their_names_beside_them(checkpoint, folder, capsys, tmp_path):
    net: Any = tn.load_checkpoint(checkpoint)
    net.class_names = ["n01440764", "n03888257", "mine"]
    tn.save_checkpoint(tmp_path / "ids.npz", net)
    code, out, _ = tinynet(capsys, "predict", folder / "b.png", "--checkpoint", tmp_path / "ids.npz")
    assert code == 0 and "n01440764 tench " in out and "n03888257 parachute " in out and ", mine " in out + ", "
    assert net.class_names == ["n01440764", "n03888257", "mine"]
