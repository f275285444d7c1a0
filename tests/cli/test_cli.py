"""The command line, as a person types it."""
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from tinynet import cli
from tinynet.cli import commands
from tinynet.data import draw_shapes
from tinynet.models import make_model


def tinynet(capsys, *arguments):
    """Run a command in this process; return its exit code, what it printed, and its complaint."""
    code = cli.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of images: two classes of shapes, as PNG files of 40 x 40."""
    root = tmp_path_factory.mktemp("photographs")
    shapes = draw_shapes(120, 40, seed=5)
    for split, start, stop in (("train", 0, 90), ("val", 90, 120)):
        for i in range(start, stop):
            name = shapes.class_names[shapes.labels[i]]
            if name in ("disc", "cross"):
                folder = root / split / name
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(shapes.images[i]).save(folder / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def run(photographs, tmp_path_factory):
    """A short training on them."""
    folder = tmp_path_factory.mktemp("run") / "small"
    arguments = ["train", "--model", "alexnet-small", "--data", photographs, "--image-size", 36, "--epochs", 2,
                 "--batch-size", 8, "--run", folder, "--learning-rate", 0.001, "--rate-drops", 1]
    assert cli.main([str(argument) for argument in arguments]) == 0
    return folder


def test_train_leaves_settings_metrics_checkpoints_and_curve(run):
    with open(run / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[0]["learning_rate"]) == 0.001 and float(rows[1]["learning_rate"]) == pytest.approx(0.0001)
    assert {"settings.json", "last.npz", "best.npz", "log.txt", "curve.png"} <= {path.name for path in run.iterdir()}
    assert json.loads((run / "settings.json").read_text())["batch_size"] == 8
    assert Image.open(run / "curve.png").size[0] > 500


def test_evaluate_says_top1_and_top5(run, photographs, capsys):
    said = {}
    for more in ([], ["--ten-crop"], ["--split", "train"]):
        code, out, _ = tinynet(capsys, "evaluate", run, "--data", photographs, "--image-size", 36, *more)
        assert code == 0 and "top-1 error" in out and "top-5 error 0.00%" in out
        said[" ".join(more)] = out
    for more, split in (("", "val"), ("--ten-crop", "val"), ("--split train", "train")):
        assert f" {len(list((photographs / split).glob('*/*.png')))} images" in said[more]
    assert said[""] != said["--ten-crop"], "the loss is another one"


def test_predict_names_classes_and_draws_a_sheet(run, photographs, capsys, tmp_path):
    images = sorted((photographs / "val").glob("*/*.png"))[:3]
    sheet = tmp_path / "sheet.png"
    code, out, _ = tinynet(capsys, "predict", *images, "--checkpoint", run, "--sheet", sheet)
    lines = out.splitlines()
    assert code == 0 and len(lines) == 4 and lines[0].startswith(str(images[0]))
    assert "cross" in lines[0] and "disc" in lines[0] and "%" in lines[0]
    assert Image.open(sheet).size[0] > 300
    assert tinynet(capsys, "predict", *images, "--checkpoint", run, "--ten-crop")[1].splitlines() != lines[:3]
    names = tmp_path / "names.txt"
    names.write_text("a plus\na circle\n")
    assert "a plus" in tinynet(capsys, "predict", images[0], "--checkpoint", run / "last.npz", "--names", names)[1]
    names.write_text("only one\n")
    code, _, err = tinynet(capsys, "predict", images[0], "--checkpoint", run, "--names", names)
    assert code == 2 and "has 1 lines, the network has 2 classes" in err


def test_a_run_is_not_overwritten_but_resumed(run, photographs, capsys, tmp_path):
    run = shutil.copytree(run, tmp_path / "run")
    arguments = ["train", "--model", "alexnet-small", "--data", photographs, "--image-size", 36, "--batch-size", 8,
                 "--run", run, "--learning-rate", 0.001, "--rate-drops", 1]
    code, _, err = tinynet(capsys, *arguments, "--epochs", 3)
    assert code == 2 and "already has a run" in err
    code, _, err = tinynet(capsys, *arguments, "--epochs", 3, "--resume", "--seed", 9)
    assert code == 2 and "seed" in err
    code, out, _ = tinynet(capsys, *arguments, "--epochs", 3, "--resume")
    assert code == 0 and "epoch 3/3" in out and "epoch 2/3" not in out


def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(tmp_path):
    command = [sys.executable, "-m", "tinynet", "train", "--model", "alexnet-small", "--data", "shapes"]
    process = subprocess.Popen([*command, "--run", str(tmp_path / "run")], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run" / "last.npz").exists():
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "--resume continues" in err and "Traceback" not in err
    assert not [path for path in os.listdir(tmp_path / "run") if path.endswith(".partial")]


def test_options_of_the_training_reach_it(capsys, photographs, monkeypatch):
    given = {}
    monkeypatch.setattr(commands, "fit", lambda *args, **options: given.update(options))
    arguments = ["train", "--model", "alexnet-small", "--data", photographs, "--image-size", 36]
    assert tinynet(capsys, *arguments)[0] == 0
    usual = dict(given)
    options = {"split": "towers", "loader_threads": 3, "epochs": 7, "batch_size": 9, "seed": 4, "run": "there"}
    assert tinynet(capsys, *arguments, "--resume", *(part for name, value in options.items() for part in (
        f"--{name.replace('_', '-')}", value)))[0] == 0
    assert {name: given[name] for name in options} == options and given["resume"] is True
    assert all(usual[name] != value for name, value in options.items()) and usual["resume"] is False


def test_a_trace_of_the_training_pass(capsys):
    zeros = {}
    for more in ([], ["--train"]):
        _, out, _ = tinynet(capsys, "trace", "--model", "alexnet-small", *more)
        zeros[len(more)] = [re.search(rf"^{name} .* (\d+)%", out, re.MULTILINE)[1] for name in ("flatten", "dropout5")]
    assert zeros[0][0] == zeros[0][1] == zeros[1][0] and 55 < int(zeros[1][1]) < 65, "half of the others are dropped"


def test_switches_of_the_network(capsys, photographs, tmp_path):
    arguments = ["train", "--data", photographs, "--image-size", 36, "--epochs", 1, "--no-augmentation",
                 "--run", tmp_path / "run"]
    code, _, _ = tinynet(capsys, *arguments, "--model", "alexnet-small", "--set", "activation=tanh",
                         "--set", "normalization=none", "--set", "dropout=0")
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    layers = settings["model"]["layers"]
    assert settings["augmentation"] is None
    assert code == 0 and "tanh1" in layers and not {"norm1", "dropout5", "relu1"} & set(layers)
    code, _, err = tinynet(capsys, *arguments, "--model", "alexnet-small", "--set", "colour=red")
    assert code == 2 and "no argument 'colour'" in err
    code, _, err = tinynet(capsys, *arguments, "--model", "alexnet-small", "--set", "tanh")
    assert code == 2 and "expected NAME=VALUE" in err


def test_adam_begins_with_its_own_rate_and_says_so(capsys, photographs, tmp_path):
    arguments = ["train", "--model", "alexnet-small", "--data", photographs, "--image-size", 36, "--epochs", 1,
                 "--batch-size", 16]
    code, _, err = tinynet(capsys, *arguments, "--optimizer", "adam", "--run", tmp_path / "adam")
    assert code == 0 and "adam begins with 0.001 (--learning-rate), with a weight decay of 0\n" in err
    settings = json.loads((tmp_path / "adam" / "settings.json").read_text())
    assert settings["optimizer"] == {"kind": "Adam", "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999,
                                     "epsilon": 1e-8, "weight_decay": 0.0, "decay_biases": True}
    code, _, err = tinynet(capsys, *arguments, "--run", tmp_path / "adam", "--resume")
    assert code == 2 and "optimizer.kind is 'SGD' and was 'Adam' when the run began" in err
    again = [*arguments[:-3], "2", *arguments[-2:], "--optimizer", "adam", "--run", tmp_path / "adam", "--resume"]
    assert tinynet(capsys, *again)[0] == 0
    assert (tmp_path / "adam" / "metrics.csv").read_text().count("\n") == 3
    for optimizer, rate in (("adam", 0.002), ("sgd", None)):
        rates = [] if rate is None else ["--learning-rate", rate]
        run = tmp_path / f"b{optimizer}"
        code, _, err = tinynet(capsys, *arguments, "--optimizer", optimizer, *rates, "--run", run)
        found = json.loads((run / "settings.json").read_text())["optimizer"]
        assert code == 0 and "begins with" not in err and found["learning_rate"] == (rate or 0.003)


@pytest.mark.slow
def test_gradcheck_passes_for_a_whole_network(capsys):
    code, out, _ = tinynet(capsys, "gradcheck", "alexnet-small")
    assert code == 0 and "alexnet-small: all gradients are right" in out
    assert "conv1.w" in out and "all layers: conv1.w" in out and "wrong" not in out


@pytest.mark.slow
def test_gradcheck_fails_for_a_wrong_backward(capsys, monkeypatch):
    from tinynet.layers import ReLU

    monkeypatch.setattr(ReLU, "input_gradient", lambda self, dy, saved: dy * 1.01 * (saved.y > 0))
    code, out, err = tinynet(capsys, "gradcheck", "alexnet-small")
    assert code == 2 and "relu1.x" in out.splitlines()[0] and "a gradient is wrong" in err


def test_summary_of_one_network_and_of_two(capsys):
    assert "61,706" in tinynet(capsys, "summary", "lenet5")[1]
    out = tinynet(capsys, "summary", "alexnet", "lenet5")[1]
    assert "60,965,224" in out and "61,706" in out
    code, _, err = tinynet(capsys, "summary", "lenet5", "lenet5", "lenet5")
    assert code == 2 and "one or two networks, got 3" in err


def test_profile_times_every_layer(capsys):
    code, out, _ = tinynet(capsys, "profile", "lenet5", "--batch-size", 8)
    head, *table = out.splitlines()
    assert code == 0 and head.startswith("lenet5, batch 8: ") and "GFLOP/s" in head
    names = [line.split()[0] for line in table if not line.startswith("-")]
    assert names == ["layer", *make_model("lenet5").layers, "total"]


@pytest.mark.parametrize(("arguments", "message"), [
    (["summary", "resnet"], "network 'resnet' does not exist; tinynet has alexnet"),
    (["train", "--model", "lenet5", "--data", "nowhere"], "folder nowhere does not exist"),
    (["evaluate", "nothing.npz", "--data", "shapes"], "nothing.npz"),
    (["predict", "x.jpg", "--checkpoint", "nothing.npz"], "nothing.npz"),
    (["summary", "lenet5", "--threads", "0"], "tinynet: --threads is 0"),
    (["train", "--model", "lenet5", "--data", "shapes", "--epochs", "0"], "train: --epochs is 0"),
    (["train", "--model", "lenet5", "--data", "shapes", "--batch-size", "-1"], "train: --batch-size is -1"),
    (["train", "--model", "lenet5", "--data", "shapes", "--image-size", "0"], "train: --image-size is 0"),
    (["train", "--model", "lenet5", "--data", "shapes", "--learning-rate", "-1"], "train: --learning-rate is -1.0"),
    (["train", "--model", "lenet5", "--data", "shapes", "--rate-drops", "3", "0"], "each of --rate-drops is 0"),
    (["train", "--model", "lenet5", "--data", "shapes", "--validation", "2"], "train: --validation is 2.0"),
    (["exercise", "--to", "there"], "give its number first"),
    (["exercise", "1", "--hint", "--to", "there"], "--to names where the exercise's file lies; it does not go with"),
    (["exercise", "1", "--check", "."], ". is a folder, expected the file of exercise 1"),
    (["download", "--to", "there"], "--to there: give the name of what to fetch first"),
    (["course", "grade", "--write-points", "p.toml", "--csv", "g.csv"], "--csv is for grades, and no folder is given"),
    (["lesson", "speed", "--jobs", "0"], "lesson speed has no --jobs"),
    (["lesson", "relu", "--arms", "nope", "--quick"], "it has 'relu, raw pixels', 'tanh, raw pixels'"),
])
def test_what_cannot_be_done_ends_with_2_and_one_line(capsys, arguments, message):
    code, _, err = tinynet(capsys, *arguments)
    assert code == 2 and message in err and err.count("\n") == 1 and err.startswith("tinynet: ")


def test_a_broken_photograph_is_named(capsys, run, tmp_path):
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff nothing more")
    code, _, err = tinynet(capsys, "predict", path, "--checkpoint", run)
    assert code == 1 and "broken.jpg" in err


def test_python_m_tinynet_is_the_same_program():
    done = subprocess.run([sys.executable, "-m", "tinynet", "summary", "lenet5"], capture_output=True, text=True)
    assert done.returncode == 0 and "61,706" in done.stdout
