"""`tinynet convert`, and networks whose weights are in a file of another program: `--model NAME --weights FILE`."""
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.cli.networks import OTHER_FORMS
from tinynet.data import Preprocessing
from tinynet.data.imagenet import imagenet_classes
from tinynet.models import make_model
from tinynet.network.params import flat
from tinynet.weights.load import READERS

NEEDED = {".safetensors": "safetensors", ".onnx": "onnx"}  # the libraries of the extra `weights`
DIGITS = [*"0123456789"]


@pytest.fixture(params=READERS)
def form(request) -> str:
    if request.param in NEEDED:
        pytest.importorskip(NEEDED[request.param], reason="needs the extra `weights`")
    return request.param


@pytest.fixture
def net() -> Any:
    made = make_model("lenet5", seed=3)
    made.class_names, made.preprocessing = DIGITS, Preprocessing(np.full(1, 30.0), 32, deviation=60.0)
    return made


@pytest.fixture
def checkpoint(net, tmp_path) -> Path:
    tn.save_checkpoint(tmp_path / "net.npz", net)
    return tmp_path / "net.npz"


@pytest.fixture(scope="module")
def squeezed(tmp_path_factory) -> Path:
    """Weights of a SqueezeNet of three classes, of which people have files."""
    path = tmp_path_factory.mktemp("made") / "three.pth"
    tn.save_weights(tn.squeezenet(classes=3, seed=1), path)
    return path


@pytest.fixture
def photographs(tmp_path) -> Path:
    """A folder with a photograph of each of two of ImageNet's classes."""
    draw = np.random.default_rng(0)
    for split, name in (("train", "n01440764"), ("train", "n03888257"), ("val", "n01440764"), ("val", "n03888257")):
        folder = tmp_path / "photographs" / split / name
        folder.mkdir(parents=True)
        Image.fromarray(draw.integers(0, 256, (60, 70, 3), dtype=np.uint8)).save(folder / "one.png")
    return tmp_path / "photographs"


def tinynet(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def complaint(capsys, *arguments) -> str:
    code, out, err = tinynet(capsys, *arguments)
    assert code == 2 and out == "" and err.count("\n") == 1 and err.startswith("tinynet: "), err
    return err


def test_from_a_checkpoint_to_each_form_and_back(form, net, checkpoint, tmp_path, capsys):
    there, back = tmp_path / f"there{form}", tmp_path / "back.npz"
    code, out, err = tinynet(capsys, "convert", checkpoint, there)
    assert (code, err) == (0, "") and out.startswith(f"{there} has lenet5 of {checkpoint}: 61,706 parameters in 10 ")
    beside = f"its preprocessing (32 x 32 of 32 x 32, crop, grey) and the names of 10 classes: {', '.join(DIGITS)}"
    assert (f"with {beside}; " if form == ".onnx" else f"; {beside} are not in such a file") in out
    (tmp_path / "names.txt").write_text("\n".join("abcdefghij"))
    code, out, _ = tinynet(capsys, "convert", there, back, "--model", "lenet5", "--names", tmp_path / "names.txt")
    assert code == 0 and "the names of 10 classes: a, b, c, d, e, f, g, h, i, j" in out
    found = tn.load_checkpoint(back)
    for name, array in flat(found.params).items():
        assert np.array_equal(array, flat(net.params)[name])
    assert found.name == "lenet5" and found.class_names == [*"abcdefghij"]


def test_every_form_has_a_reader():
    assert set(READERS) <= set(OTHER_FORMS)


def test_weights_of_imagenet_become_a_checkpoint_that_is_ready(tmp_path, capsys):
    tn.save_weights(tn.squeezenet(seed=1), tmp_path / "w.pth")
    code, out, _ = tinynet(capsys, "convert", tmp_path / "w.pth", tmp_path / "net.npz", "--model", "squeezenet")
    assert code == 0 and out.splitlines()[1] == (
        "with its preprocessing (227 x 227 of 227 x 227, squash, BGR) and the names of 1,000 classes of ImageNet")
    net = tn.load_checkpoint(tmp_path / "net.npz")
    assert net.class_names == list(imagenet_classes()) and net.preprocessing.channel_order == "BGR"


def test_the_file_says_how_many_classes(squeezed, tmp_path, capsys):
    code, out, _ = tinynet(capsys, "convert", squeezed, tmp_path / "net.npz", "--model", "squeezenet")
    assert code == 0 and "724,035 parameters" in out and "names" not in out
    net = tn.load_checkpoint(tmp_path / "net.npz")
    assert net.class_names is None and net.output_shape(net.input_shape) == (3,)


@pytest.mark.parametrize("net", [
    tn.alexnet_small(64), tn.alexnet_small(normalization="batch"), tn.alexnet_small(activation="tanh"),
    tn.Network([("fc", tn.Linear(2, 3))], name="my own"),
], ids=lambda net: net.name)
def test_no_command_is_named_that_would_not_read_it_back(net, tmp_path, capsys):
    tn.save_checkpoint(tmp_path / "net.npz", net)
    code, out, _ = tinynet(capsys, "convert", tmp_path / "net.npz", tmp_path / "w.pth")
    assert code == 0 and "--model" not in out and "only a program that makes this network again reads it back" in out


def test_what_weights_alone_do_not_tell_is_said(net, tmp_path, capsys):
    tn.save_weights(net, tmp_path / "w.pth")
    out = tinynet(capsys, "convert", tmp_path / "w.pth", tmp_path / "new.npz", "--model", "lenet5")[1]
    assert f"without preprocessing, which {tmp_path / 'w.pth'} does not have and `tinynet predict` needs" in out
    Image.new("L", (32, 32)).save(tmp_path / "digit.png")
    for named in (["--checkpoint", tmp_path / "new.npz"], ["--model", "lenet5", "--weights", tmp_path / "w.pth"]):
        assert "what lenet5 takes images as is not known" in complaint(
            capsys, "predict", tmp_path / "digit.png", *named)


@pytest.mark.parametrize("words, message", [
    (["net.npz", "old.pth"], "old.pth exists already, and nothing is overwritten: give another name"),
    (["net.npz", "net.npz"], "net.npz exists already"),
    (["w.pth", "new.npz"], "w.pth does not say which network its weights are of: name it with --model"),
    (["net.npz", "new.bin"], r"new.bin ends in '.bin', expected .npz (a checkpoint), .pth, .pt, .safetensors, .onnx"),
    (["net", "new.pth"], "net has no ending, expected .npz"),
    (["missing.npz", "new.pth"], "missing.npz does not exist"),
    (["missing.pth", "new.npz", "--model", "lenet5"], "missing.pth cannot be read: No such file"),
    (["net.npz", "no/new.pth"], "no/new.pth: the folder no does not exist"),
    (["net.npz", "new.pth", "--model", "alexnet"], "net.npz has the network lenet5, and --model says alexnet"),
    (["w.pth", "new.npz", "--model", "squeezenet"], "w.pth does not fit squeezenet; missing: "),
    (["w.pth", "new.npz", "--model", "letnet"], "network 'letnet' does not exist; tinynet has alexnet, "),
    (["page.pth", "new.npz", "--model", "lenet5"], "page.pth is a web page, not weights: its download went wrong"),
    (["photo.pth", "new.npz", "--model", "lenet5"], "photo.pth is not a .pth file"),
    (["half.pth", "new.npz", "--model", "lenet5"], "half.pth is damaged or cut off"),
    (["half.npz", "new.pth"], "half.npz is damaged, or not a checkpoint"),
    (["w.pth", "new.npz", "--model", "lenet5", "--names", "nine.txt"], "nine.txt has 9 lines, the network has 10 "
     "classes: expected a line for each, in the order of their labels"),
])
def test_bad_files_are_named_and_nothing_is_written(words, message, net, checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tn.save_weights(net, "w.pth")
    for name in ("w.pth", "net.npz"):
        content = Path(name).read_bytes()
        Path("half").with_suffix(Path(name).suffix).write_bytes(content[: len(content) // 2])
    Path("old.pth").write_bytes(b"precious")
    Path("page.pth").write_text("\n<!DOCTYPE html><html>")
    Path("photo.pth").write_bytes(b"\xff\xd8\xff\xe0" + bytes(600))
    Path("nine.txt").write_text("\n".join(DIGITS[:9]) + "\n")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert message in complaint(capsys, "convert", *words)
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_a_web_page_under_every_ending(form, tmp_path, capsys):
    (tmp_path / f"w{form}").write_text("<!DOCTYPE html><html>")
    assert "is a web page, not weights" in complaint(
        capsys, "convert", tmp_path / f"w{form}", tmp_path / "net.npz", "--model", "lenet5")


def test_a_file_of_another_network_says_whose_it_is(squeezed, tmp_path, capsys):
    assert complaint(capsys, "convert", squeezed, tmp_path / "net.npz", "--model", "alexnet-torchvision").endswith(
        "its layers are those of squeezenet or squeezenet-torchvision\n")


@pytest.mark.parametrize("named, message", [
    (["--model", "squeezenet"], "--model squeezenet is not trained: give its weights with --weights FILE"),
    (["--weights", "w.pth"], "--weights w.pth: --model NAME goes with it, as the file does not say which network"),
    (["--checkpoint", "w.pth"], "w.pth is a file of weights alone, not a checkpoint: give it as --model NAME --weig"),
])
def test_half_named_networks_are_explained(named, message, tmp_path, capsys):
    assert message in complaint(capsys, "predict", tmp_path / "photo.png", *named)


def test_predict_and_trace_with_weights(squeezed, photographs, capsys):
    named = ["--model", "squeezenet", "--weights", squeezed]
    file = photographs / "val" / "n01440764" / "one.png"
    net = tn.load_weights("squeezenet", squeezed)
    expected = tn.predict(net, net.preprocessing.load_image(file)[None])[0]
    code, out, err = tinynet(capsys, "predict", file, *named, "--top", 1)
    assert (code, err) == (0, "") and out == f"{file}: {expected.argmax()} {expected.max():.1%}\n"
    code, out, err = tinynet(capsys, "trace", file, *named)
    assert (code, err) == (0, "") and f"label {expected.argmax()}, the network's own first guess" in out
    assert max(map(len, out.splitlines())) <= 150


def test_names_with_a_line_too_few(photographs, tmp_path, capsys):
    tn.save_weights(tn.squeezenet(), tmp_path / "w.pth")
    (tmp_path / "names.txt").write_text("".join(f"{name}\n" for name in [*imagenet_classes()][:-1]))
    assert "names.txt has 999 lines, the network has 1000 classes: expected a line for each, in" in complaint(
        capsys, "predict", photographs / "val" / "n01440764" / "one.png", "--model", "squeezenet", "--weights",
        tmp_path / "w.pth", "--names", tmp_path / "names.txt")


def test_evaluate_needs_a_network(photographs, capsys):
    assert "no network is named: give a checkpoint, --pretrained NAME, or --model NAME --weights FILE" in complaint(
        capsys, "evaluate", "--data", photographs)


def test_evaluate_on_some_of_the_classes(photographs, tmp_path, capsys):
    names = ["n00000001", "n03888257", "n00000002", "n01440764"]                # in another order than the folders'
    net: Any = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(48, 4))], input_shape=(4, 4, 3))
    net["fc"].params["w"][...], net["fc"].params["b"][...] = 0, [0, 2, 1, 3]
    net.class_names, net.preprocessing = names, Preprocessing(np.zeros(3), 4)
    tn.save_checkpoint(tmp_path / "net.npz", net)
    code, out, err = tinynet(capsys, "evaluate", tmp_path / "net.npz", "--data", photographs)
    assert code == 0 and out.startswith("top-1 error 50.00%") and "on 2 images" in out
    assert err == "tinynet: photographs/val has 2 of the network's 4 classes; all of these compete\n"


def test_a_real_network_of_a_thousand_classes(data_folder, capsys):
    weights = data_folder / "squeezenet" / "squeezenet1_1.pth"
    files = sorted((data_folder / "imagenette" / "val" / "n03445777").glob("*.JPEG"))[:3]
    if not weights.exists() or not files:
        pytest.skip("TINYNET_DATA has no squeezenet/squeezenet1_1.pth, or no imagenette")
    code, out, err = tinynet(capsys, "predict", *files, "--model", "squeezenet", "--weights", weights)
    assert (code, err) == (0, "") and ["n03445777 golf ball" in line for line in out.splitlines()] == [True] * 3
