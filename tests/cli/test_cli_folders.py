"""Folders of images on the command line: brought to the network's channels and size, in training and afterwards."""
import sys

import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.cli.commands import stored_size
from tinynet.data import draw_shapes


def tinynet(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Two classes of coloured shapes, 50 x 60."""
    root = tmp_path_factory.mktemp("photographs")
    shapes = draw_shapes(80, 60, seed=5)
    for i in range(80):
        folder = root / ("train" if i < 60 else "val") / str(shapes.labels[i] % 2)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(shapes.images[i][:50]).save(folder / f"{i}.png")
    return root


@pytest.mark.parametrize("mean", ["image", "colour"])
@pytest.mark.parametrize(("model", "stored"), [("lenet5", (36, 36, 1)), ("alexnet-small", (36, 36, 3))])
def test_size_channels_and_mean_follow_the_network(model, stored, mean, photographs, tmp_path, capsys):
    run = tmp_path / "run"
    train = ["train", "--model", model, "--data", photographs, "--epochs", 1, "--run", run, "--mean", mean]
    assert tinynet(capsys, *train)[0] == 0
    preprocessing = tn.load_checkpoint(run / "best.npz").preprocessing
    assert preprocessing.mean.shape == (stored if mean == "image" else stored[2:])
    assert preprocessing.image_size == stored[:2]
    code, out, _ = tinynet(capsys, "evaluate", run, "--data", photographs)
    assert code == 0 and "on 20 images" in out
    code, _, err = tinynet(capsys, "evaluate", run, "--data", photographs, "--image-size", 40)
    assert code == 2 and "made for stored images of 36 x 36, these are 40 x 40" in err
    other = "colour" if mean == "image" else "image"
    code, _, err = tinynet(capsys, *train[:-1], other, "--resume")
    assert code == 2 and "mean" in err
    assert tinynet(capsys, *train, "--resume")[0] == 0


def test_another_size_is_kept_for_evaluation(photographs, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = ["--model", "alexnet-small", "--data", photographs, "--epochs", 1, "--image-size", 44]
    assert tinynet(capsys, "train", *arguments, "--run", run)[0] == 0
    assert tn.load_checkpoint(run / "best.npz").preprocessing.image_size == (44, 44)
    assert tinynet(capsys, "evaluate", run, "--data", photographs)[0] == 0


def test_shapes_are_drawn_at_the_size_of_the_training(tmp_path, capsys, monkeypatch):
    sizes = []

    def few(size=32):
        sizes.append(size)
        return draw_shapes(40, size), draw_shapes(20, size, seed=1)

    monkeypatch.setattr(sys.modules["tinynet.data.load_data"], "load_shapes", few)
    arguments = ["--model", "alexnet-small", "--data", "shapes", "--epochs", 1, "--image-size", 40]
    assert tinynet(capsys, "train", *arguments, "--run", tmp_path / "run")[0] == 0
    assert tinynet(capsys, "evaluate", tmp_path / "run", "--data", "shapes")[0] == 0
    assert sizes == [40, 40]


@pytest.mark.parametrize(("size", "stored"), [(227, 256), (224, 256), (32, 36), (24, 27), (128, 144)])
def test_photographs_are_stored_as_much_larger_as_in_the_paper(size, stored):
    net = tn.Network([("relu", tn.ReLU())], input_shape=(size, size, 3))
    assert stored_size(net) == (stored, stored)


def test_a_network_without_preprocessing_is_refused(photographs, tmp_path, capsys):
    tn.save_checkpoint(tmp_path / "new.npz", tn.lenet5())
    code, _, err = tinynet(capsys, "evaluate", tmp_path / "new.npz", "--data", photographs)
    assert code == 2 and "saved before any training" in err and err.count("\n") == 1
