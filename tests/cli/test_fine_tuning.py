"""`tinynet train --weights FILE --freeze LAYER`: another data set's classes on trained layers."""
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.data import Preprocessing, draw_shapes
from tinynet.weights.pth import read_pth, write_pth


def tinynet(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two classes of shapes, 40 x 40; and as if trained on ten classes before, a checkpoint and a .pth file."""
    root = tmp_path_factory.mktemp("fine-tuning")
    shapes = draw_shapes(40, 40, seed=5)
    for i in range(40):
        folder = root / "data" / ("train" if i < 30 else "val") / str(shapes.labels[i] % 2)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(shapes.images[i][:34]).save(folder / f"{i}.png")
    net: Any = tn.alexnet_small(seed=7)
    net.preprocessing = Preprocessing(np.arange(36 * 36 * 3).reshape(36, 36, 3) % 200, 32, resize="squash")
    net.class_names = list("abcdefghij")
    tn.save_checkpoint(root / "ten.npz", net)
    tn.save_weights(net, root / "ten.pth")
    two: Any = tn.alexnet_small(seed=8, classes=2)
    two.preprocessing = net.preprocessing
    (root / "two").mkdir()
    tn.save_checkpoint(root / "two" / "best.npz", two)
    tn.save_checkpoint(root / "lenet.npz", tn.lenet5())
    tn.save_checkpoint(root / "tanh.npz", tn.alexnet_small(activation="tanh"))
    return root


def train(root, weights, *more):
    return ("train", "--model", "alexnet-small", "--data", root / "data", "--weights", root / weights, "--epochs", 1,
            "--learning-rate", 0.001, *more)


@pytest.mark.parametrize("weights", ["ten.npz", "ten.pth"])
def test_a_fresh_last_layer_is_trained_on_frozen_ones(weights, root, tmp_path, capsys):
    command = train(root, weights, "--freeze", "relu3", "--run", tmp_path)
    code, out, err = tinynet(capsys, *command)
    assert code == 0 and err == (f"tinynet: fc5 of {root / weights} is for another number of classes than the data "
                                 "has: a fresh fc5 takes its place\n")
    assert "the output of alexnet-small up to relu3 is computed once, for 30 training images and their mirror" in out
    before, after = tn.load_checkpoint(root / "ten.npz"), tn.load_checkpoint(tmp_path / "last.npz")
    fresh = tn.alexnet_small(classes=2)
    for name, params in after.params.items():
        for key, array in params.items():
            if name == "fc5":
                assert array.shape[-1] == 2 and np.abs(array - fresh.params[name][key]).max() < 0.05
            assert (name in ("conv4", "fc5")) == (not np.array_equal(array, before.params[name][key]))
    if weights == "ten.npz":
        np.testing.assert_array_equal(after.preprocessing.mean, before.preprocessing.mean)
        assert after.preprocessing.resize == "squash" and after.class_names == ["0", "1"]
        code, _, err = tinynet(capsys, *command[:-4], "--run", tmp_path, "--resume")
        assert code == 2 and "freeze is None and was 'relu3' when the run began" in err
    assert tinynet(capsys, *command, "--resume", "--epochs", 2)[0] == 0
    photograph = next((root / "data" / "val" / "0").iterdir())
    code, out, _ = tinynet(capsys, "evaluate", tmp_path, "--data", root / "data")
    assert code == 0 and "on 10 images" in out
    assert tinynet(capsys, "predict", photograph, "--checkpoint", tmp_path)[0] == 0
    assert tinynet(capsys, "trace", photograph, "--checkpoint", tmp_path)[0] == 0


def test_a_last_layer_of_as_many_classes_is_kept(root, tmp_path, capsys):
    code, _, err = tinynet(capsys, *train(root, "two", "--learning-rate", 0, "--no-augmentation", "--run", tmp_path))
    assert code == 0 and err == ""
    before, after = tn.load_checkpoint(root / "two" / "best.npz"), tn.load_checkpoint(tmp_path / "last.npz")
    for name in before.params:
        np.testing.assert_array_equal(after.params[name]["w"], before.params[name]["w"])


@pytest.mark.parametrize(("weights", "more", "words"), [
    ("ten.npz", ["--freeze", "conv9"], "layer 'conv9' does not exist; alexnet-small has conv1"),
    ("ten.npz", ["--freeze", "fc5"], "freeze is 'fc5', and no layer with parameters comes after it"),
    ("ten.npz", ["--mean", "colour"], "--mean colour: the weights of"),
    ("ten.npz", ["--resize", "crop"], "brought to size by 'crop', expected 'squash'"),
    ("ten.npz", ["--image-size", "40"], "made for stored images of 36 x 36, these are 40 x 40"),
    ("none.npz", [], "none.npz does not exist"),
    ("none.pth", [], "none.pth cannot be read: No such file"),
    ("data", [], "best.npz does not exist"),
    ("other.txt", [], "ends in '.txt', expected"),
    ("lenet.npz", [], "has the network lenet5 (conv1, "),
    ("tanh.npz", [], "has the network alexnet-small (conv1, tanh1, "),
    ("ten.npz", ["--set", "dropout=0.25"], "its dropout5 is Dropout(), expected Dropout(p=0.25)"),
    ("short.pth", [], "does not fit alexnet-small; missing: conv1.weight"),
    ("wide.pth", [], "of another shape: fc5.weight 10 x 9 instead of 2 x"),
])
def test_what_cannot_be_fine_tuned_is_one_sentence(weights, more, words, root, tmp_path, capsys):
    arrays = read_pth(root / "ten.pth")
    write_pth(root / "short.pth", {name: array for name, array in arrays.items() if not name.startswith("conv1.")})
    write_pth(root / "wide.pth", arrays | {"fc5.weight": np.zeros((10, 9), "f4")})
    code, _, err = tinynet(capsys, *train(root, weights, "--run", tmp_path / "run", *more))
    lines = [line for line in err.splitlines() if "a fresh fc5 takes its place" not in line]
    assert code == 2 and len(lines) == 1 and words in lines[0], err
    assert not (tmp_path / "run" / "last.npz").exists()


def test_untrained_layers_are_not_frozen(root, capsys):
    code, _, err = tinynet(capsys, "train", "--model", "alexnet-small", "--data", root / "data", "--freeze", "conv1")
    assert code == 2 and "--freeze conv1: what is frozen has to be trained already" in err and err.count("\n") == 1
