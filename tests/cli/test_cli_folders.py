"""Folders of images on the command line: brought to the network's channels and size, in training and afterwards."""
import json
import sys

import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.cli import commands
from tinynet.data import draw_shapes, load_image
from tinynet.training.preparation import stored_size


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


def test_images_a_little_smaller_than_the_input_are_trained_on_evaluated_and_traced(photographs, tmp_path, capsys):
    run, small = tmp_path / "run", photographs / "val" / "0"
    arguments = ["--model", "alexnet-small", "--data", photographs, "--epochs", 1, "--image-size", 30]
    assert tinynet(capsys, "train", *arguments, "--run", run)[0] == 0
    code, out, _ = tinynet(capsys, "evaluate", run, "--data", photographs)
    assert code == 0 and "on 20 images" in out
    assert tn.load_checkpoint(run / "best.npz").preprocessing.image_size == (32, 32)
    file = sorted(small.iterdir())[0]
    code, out, _ = tinynet(capsys, "predict", file, "--checkpoint", run / "best.npz")
    assert code == 0 and file.name in out
    assert tinynet(capsys, "trace", file, "--checkpoint", run / "best.npz", "--html", tmp_path / "page.html")[0] == 0


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


def test_images_are_squashed_in_training_evaluation_and_prediction(photographs, tmp_path, capsys):
    run = tmp_path / "run"
    train = ["train", "--model", "alexnet-small", "--data", photographs, "--epochs", 1, "--run", run]
    assert tinynet(capsys, *train, "--resize", "squash")[0] == 0
    net = tn.load_checkpoint(run / "best.npz")
    file = next((photographs / "val" / "0").iterdir())
    assert net.preprocessing.resize == "squash"
    assert (net.preprocessing.load_image(file) == load_image(file, 36, resize="squash")).all()
    first = tinynet(capsys, "evaluate", run, "--data", photographs)
    assert first == tinynet(capsys, "evaluate", run, "--data", photographs, "--resize", "squash") and first[0] == 0
    code, out, _ = tinynet(capsys, "evaluate", run, "--data", photographs, "--resize", "crop")
    assert code == 0 and out != first[1]
    code, _, err = tinynet(capsys, *train, "--resume")
    assert code == 2 and "data" in err
    assert tinynet(capsys, *train, "--resize", "squash", "--resume")[0] == 0


def test_resize_is_refused_where_no_image_is_brought_to_size(tmp_path, capsys):
    code, _, err = tinynet(capsys, "train", "--model", "alexnet-small", "--data", "shapes", "--resize", "squash",
                           "--run", tmp_path / "run")
    assert code == 2 and "--resize squash: shapes is not a folder of images by class" in err and err.count("\n") == 1


def test_a_share_of_the_training_images_is_held_out(photographs, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "Training").symlink_to(photographs / "train")
    run = tmp_path / "run"
    train = ["train", "--model", "alexnet-small", "--data", tmp_path / "data", "--epochs", 1, "--run", run]
    assert tinynet(capsys, *train, "--validation", 0.2)[0] == 0
    settings = json.loads((run / "settings.json").read_text())
    assert settings["data"]["count"] + settings["validation"]["count"] == 60 and settings["validation"]["count"] == 12
    assert tinynet(capsys, *train, "--validation", 0.2, "--resume")[0] == 0
    code, _, err = tinynet(capsys, *train, "--validation", 0.3, "--resume")
    assert code == 2 and err.count("\n") == 1
    code, _, err = tinynet(capsys, *train, "--validation", 2)
    assert code == 2 and "--validation is 2.0, expected a number above 0 and below 1" in err


def test_a_seed_decides_which_images_are_held_out(photographs, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(photographs / "train")
    held: list = []
    monkeypatch.setattr(commands, "fit", lambda net, train, validation, **options: held.append(
        sorted(path.name for path in validation.paths)))
    for seed in (1, 2, 1):
        assert cli.main(["train", "--model", "lenet5", "--data", str(tmp_path / "data"), "--validation", "0.2",
                         "--seed", str(seed), "--run", str(tmp_path / "run")]) == 0
    assert held[0] == held[2] != held[1]


def test_each_split_is_evaluated_on_its_images(photographs, tmp_path, capsys):
    data, run = tmp_path / "data", tmp_path / "run"
    train = ["train", "--model", "lenet5", "--data", photographs, "--epochs", 1, "--run", run]
    assert tinynet(capsys, *train)[0] == 0
    data.mkdir()
    for name, source in (("train", "train"), ("val", "val"), ("test", "train")):
        (data / name).symlink_to(photographs / source)
    for split, count in (("", 60), ("test", 60), ("validation", 20), ("train", 60)):
        code, out, err = tinynet(capsys, "evaluate", run, "--data", data, *(["--split", split] if split else []))
        assert code == 0 and f"on {count} images" in out and err == ""
    (data / "test").unlink()
    assert "on 20 images" in tinynet(capsys, "evaluate", run, "--data", data)[1]
    (data / "val").unlink()
    for split, message in (("test", "has no test images; --split train"), ("validation", "has no validation images")):
        code, _, err = tinynet(capsys, "evaluate", run, "--data", data, "--split", split)
        assert code == 2 and message in err
    code, _, err = tinynet(capsys, "evaluate", run, "--data", "shapes", "--split", "validation")
    assert code == 2 and "shapes has training and test images alone" in err


def test_the_word_shapes_is_no_folder_of_that_name(photographs, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shapes").symlink_to(photographs)
    monkeypatch.setattr(sys.modules["tinynet.data.load_data"], "load_shapes",
                        lambda size=32: (draw_shapes(40, size), draw_shapes(20, size, seed=1)))
    train = ["train", "--model", "alexnet-small", "--data", "shapes", "--epochs", 1, "--run", "run"]
    code, _, err = tinynet(capsys, *train, "--validation", 0.1)
    assert code == 0 and err == ""
    code, out, err = tinynet(capsys, "evaluate", "run", "--data", "shapes")
    assert code == 0 and "on 20 images" in out and err == ""
    code, _, err = tinynet(capsys, *train, "--resize", "squash")
    assert code == 2 and "shapes is not a folder of images by class" in err
    code, _, err = tinynet(capsys, *train, "--data", "./shapes", "--validation", 0.1)
    assert code == 2 and "has validation images already" in err


def test_no_share_is_held_out_where_there_are_validation_images(photographs, tmp_path, capsys):
    code, _, err = tinynet(capsys, "train", "--model", "alexnet-small", "--data", photographs, "--validation", 0.1,
                           "--run", tmp_path / "run")
    assert code == 2 and err.count("\n") == 1 and not (tmp_path / "run").exists()
    assert f"--validation 0.1: {photographs} has validation images already, in val" in err


def test_test_images_are_kept_for_the_end_if_a_share_is_held_out(photographs, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(photographs / "train")
    (tmp_path / "data" / "test").symlink_to(photographs / "val")
    train = ["train", "--model", "alexnet-small", "--data", tmp_path / "data", "--epochs", 1]
    code, _, err = tinynet(capsys, *train, "--run", tmp_path / "tested")
    assert code == 0 and "has test images and no validation images" in err
    code, _, err = tinynet(capsys, *train, "--run", tmp_path / "held", "--validation", 0.2)
    assert code == 0 and "test images" not in err
    counts = [json.loads((tmp_path / run / "settings.json").read_text())["validation"]["count"]
              for run in ("tested", "held")]
    assert counts == [20, 12]
    assert "on 20 images" in tinynet(capsys, "evaluate", tmp_path / "held", "--data", tmp_path / "data")[1]
