"""The networks in the package: small on disk, whole in memory, honest about themselves, and taken by default."""
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.data import ImageFolder
from tinynet.data.imagenet import imagenet_classes
from tinynet.errors import ArgumentError
from tinynet.pretrained import SHIPPED, TRAINED, Catalogue
from tinynet.training.archive import read_archive
from tinynet.training.checkpoint import load_training_state

FOLDER = Path(tn.__file__).parent / "pretrained"
WORDS = ["tench", "English springer", "cassette player", "chain saw", "church", "French horn", "garbage truck",
         "gas pump", "golf ball", "parachute"]


@pytest.fixture(scope="module")
def net() -> Any:
    return tn.pretrained("alexnet-medium")


def test_every_file_is_listed_and_small():
    assert {path.name for path in FOLDER.glob("*.npz")} == set(SHIPPED.values())
    assert (FOLDER / "alexnet-medium.npz").stat().st_size < 3_000_000
    found = tn.pretrained()
    assert isinstance(found, Catalogue) and list(found) == list(TRAINED)
    for word in WORDS:
        assert word in found["alexnet-medium"]
    assert repr(found).startswith("alexnet-medium: one tower of AlexNet")


def test_float16_on_disk_and_float32_in_memory(net):
    header, arrays = read_archive(FOLDER / "alexnet-medium.npz")
    assert header["half"] is True
    assert {a.dtype.name for name, a in arrays.items() if name.startswith("params/")} == {"float16"}
    assert {a.dtype.name for layer in net.params.values() for a in layer.values()} == {"float32"}
    np.testing.assert_array_equal(net["conv2"].params["w"], arrays["params/conv2/w"].astype("f4"))


def test_it_is_the_network_of_that_name(net):
    new: Any = tn.alexnet_medium()
    assert [(name, layer.settings) for name, layer in net.layers.items()] == [
        (name, layer.settings) for name, layer in new.layers.items()]
    assert [imagenet_classes()[name] for name in net.class_names] == WORDS
    assert net.preprocessing.input_size == (127, 127)


def test_it_says_how_it_was_made(net):
    about = tn.pretrained()["alexnet-medium"]
    assert any(about in note and "float16" in note for note in net.notes)
    made = load_training_state(FOLDER / "alexnet-medium.npz")["progress"]["settings"]
    assert made["data"]["count"] == 9469 and made["optimizer"]["kind"] == "SGD"
    assert f"for {made['epochs']} epochs (seed {made['seed']})" in about


def test_two_networks_of_one_name_share_nothing(net):
    other: Any = tn.pretrained("alexnet-medium")
    other["conv1"].params["w"][...] = 0
    assert net["conv1"].params["w"].any()


@pytest.mark.parametrize("name", ["alexnet", "", 3, "alexnet_medium"])
def test_another_name_is_refused_with_the_names_that_exist(name):
    with pytest.raises(ArgumentError, match=r"pretrained: name is .*expected 'alexnet-medium'"):
        tn.pretrained(name)


def test_its_error_on_photographs_is_the_one_that_it_states(net, data_folder):
    folder = data_folder / "imagenette"
    if not folder.is_dir():
        pytest.skip("TINYNET_DATA has no imagenette")
    _, validation = tn.data.load_data(folder)
    assert isinstance(validation, ImageFolder)
    pixels = net.preprocessing
    error = tn.evaluate(net, validation.stored_as(pixels.image_size, 3, pixels.resize)).top1_error
    assert f"{error:.1%} with one crop" in tn.pretrained()["alexnet-medium"]


@pytest.fixture
def photograph(tmp_path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)).save(path)
    return path


def tinynet(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize("named", [[], ["--pretrained", "alexnet-medium"]])
def test_predict_takes_it_where_no_checkpoint_is_named_and_says_so(photograph, capsys, net, named):
    code, out, err = tinynet(capsys, "predict", photograph, "--top", 1, *named)
    probabilities = tn.predict(net, net.preprocessing.load_image(photograph)[None])[0]
    best = probabilities.argmax()
    assert code == 0 and out == f"{photograph}: {net.class_names[best]} {WORDS[best]} {probabilities[best]:.1%}\n"
    first, second = err.splitlines()
    assert first == ("tinynet: the network is alexnet-medium, pretrained on 10 classes: " + ", ".join(WORDS))
    assert 'cannot say "none of these"' in second


def test_trace_takes_it_where_no_network_is_named(photograph, capsys, net, tmp_path):
    code, out, err = tinynet(capsys, "trace", photograph)
    best = int(net.forward(net.preprocessing(net.preprocessing.load_image(photograph)[None]))[0].argmax())
    assert code == 0 and out.startswith(f"photo.png; label {best}, the network's own first guess")
    assert "alexnet-medium" in err and 'cannot say "none of these"' in err
    page = tmp_path / "page.html"
    assert tinynet(capsys, "trace", photograph, "--html", page)[0] == 0
    assert all(word in page.read_text() for word in WORDS)


def test_a_checkpoint_and_a_pretrained_network_are_not_both_taken(photograph, capsys):
    with pytest.raises(SystemExit):
        tinynet(capsys, "predict", photograph, "--checkpoint", "x.npz", "--pretrained", "alexnet-medium")
    assert "not allowed with" in capsys.readouterr().err


def test_a_checkpoint_of_ones_own_brings_no_word_on_the_shipped_one(photograph, capsys):
    own = tinynet(capsys, "predict", photograph, "--checkpoint", FOLDER / "alexnet-medium.npz")
    assert own[0] == 0 and own[2] == "" and own[1] == tinynet(capsys, "predict", photograph)[1]
