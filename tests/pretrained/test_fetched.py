"""Trained networks that are fetched: from a server on this machine, with a file made for it."""
import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.local_server import serving

import tinynet as tn
from tinynet import cli
from tinynet.data.imagenet import imagenet_classes
from tinynet.errors import DataError, WeightsError
from tinynet.layers.initializers import undrawn
from tinynet.models import make_model
from tinynet.network.params import flat
from tinynet.pretrained.cache import CACHE_VARIABLE, cache_folder, download_trained
from tinynet.pretrained.trained import TO_FETCH, TRAINED

NAME = "squeezenet-torchvision"  # the smallest: the others' files are 244 MB


@pytest.fixture(scope="module")
def original() -> Any:
    return tn.squeezenet("torchvision", seed=5)


@pytest.fixture(scope="module")
def content(original, tmp_path_factory) -> bytes:
    """A file of its weights, by PyTorch itself where it is installed."""
    path = tmp_path_factory.mktemp("made") / "w.pth"
    tn.save_weights(original, path)
    try:
        import torch
    except ImportError:
        return path.read_bytes()
    torch.save(torch.load(path, weights_only=True), path)
    return path.read_bytes()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path, content, cache, monkeypatch):
    """A server that has the file, and the table with its address."""
    pytest.importorskip("pooch", reason="the extra 'download' is not installed")
    with serving(tmp_path / "served") as found:
        (found.folder / TRAINED[NAME].file).write_bytes(content)
        monkeypatch.setitem(TRAINED, NAME, TRAINED[NAME]._replace(
            address=found.address + TRAINED[NAME].file, size=len(content),
            sha256=hashlib.sha256(content).hexdigest()))
        yield found


@pytest.fixture
def photograph(tmp_path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 260, 3), dtype=np.uint8)).save(path)
    return path


def tinynet(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def complaint(capsys, *arguments) -> str:
    code, out, err = tinynet(capsys, *arguments)
    line = err.splitlines()[-1]
    assert code == 2 and out == "" and line.startswith("tinynet: "), err
    return line


@pytest.mark.parametrize("name", TO_FETCH)
def test_the_table_fits_the_networks(name):
    trained = TRAINED[name]
    assert re.fullmatch("[0-9a-f]{64}", trained.sha256) and trained.address.startswith("https://")
    assert trained.address.endswith(trained.file) and trained.size > 4_000_000
    if trained.file.endswith(".pth"):  # torchvision's files have the first digits of their sum in their name
        assert trained.file.removesuffix(".pth").rpartition("-")[2] == trained.sha256[:8]
    with undrawn():
        net = make_model(name)
    assert net.input_shape == (net.recipe["preprocessing"]["input_size"],) * 2 + (3,)
    assert net.parameter_count * 4 == pytest.approx(trained.size, rel=0.01)


def test_its_size_is_said_it_is_fetched_once_and_then_used(server, cache, original, photograph, capsys):
    code, out, err = tinynet(capsys, "download", NAME)
    path = cache / TRAINED[NAME].file
    assert code == 0 and out.splitlines()[0] == f"{NAME} is in {path}"
    assert err.startswith(f"tinynet: {NAME} is 5.0 MB, from 127.0.0.1:") and f"into {cache}; license: BSD 3" in err
    assert "100%" in err  # the progress bar
    assert tinynet(capsys, "download", NAME) == (0, out, "") and len(server.requests) == 1

    net = tn.pretrained(NAME)
    for name, array in flat(net.params).items():
        assert np.array_equal(array, flat(original.params)[name])
    assert net.class_names == list(imagenet_classes()) and len(net.class_names) == 1000
    assert net.preprocessing.image_size == (256, 256) and "BSD 3-Clause" in net.notes[-1]

    best = tn.predict(net, net.preprocessing.load_image(photograph)[None])[0].argmax()
    word = [*imagenet_classes().values()][best]
    code, out, err = tinynet(capsys, "predict", photograph, "--pretrained", NAME, "--top", 1)
    assert code == 0 and out.startswith(f"{photograph}: {net.class_names[best]} {word} ")
    assert f"the network is {NAME}, pretrained on the 1,000 classes of ImageNet\n" in err
    code, out, err = tinynet(capsys, "trace", photograph, "--pretrained", NAME)
    assert code == 0 and out.startswith(f"photo.png; label {best}, the network's own first guess")


def test_into_a_folder_of_ones_own(server, tmp_path, capsys):
    code, out, _ = tinynet(capsys, "download", NAME, "--to", tmp_path / "own")
    path = tmp_path / "own" / TRAINED[NAME].file
    assert code == 0 and path.exists() and f"--model {NAME} --weights {path}" in out


def test_a_server_need_not_say_how_long_the_file_is(server, cache, capsys):
    server.failures["/" + TRAINED[NAME].file] = "no length"
    code, _, err = tinynet(capsys, "download", NAME)
    assert code == 0 and "4.96MB [" in err and (cache / TRAINED[NAME].file).stat().st_size == TRAINED[NAME].size


@pytest.mark.parametrize("failure, message", [
    ("web page", "does not have the expected checksum sha256 [0-9a-f]{64}, so it was not kept"),
    ("cut off", r"could not be fetched to .*: the connection broke off 2,47\d,\d+ bytes before the end"),
    (503, "could not be fetched to .*: the server answered 503 Service Unavailable"),
    (404, "could not be fetched to .*: the server answered 404 Not Found"),
])
def test_what_fails_leaves_no_file_and_changes_none(server, cache, failure, message, capsys):
    server.failures["/" + TRAINED[NAME].file] = failure
    assert re.search(f"{TRAINED[NAME].file} {message}", complaint(capsys, "download", NAME))
    assert [*cache.iterdir()] == []
    (cache / TRAINED[NAME].file).write_bytes(b"of an earlier time")
    assert re.search(message, complaint(capsys, "download", NAME))
    assert [path.read_bytes() for path in cache.iterdir()] == [b"of an earlier time"]


def test_without_a_network(cache, monkeypatch, capsys):
    pytest.importorskip("pooch", reason="the extra 'download' is not installed")
    monkeypatch.setitem(TRAINED, NAME, TRAINED[NAME]._replace(address="http://127.0.0.1:9/w.pth"))
    assert "127.0.0.1:9/w.pth could not be fetched to " in complaint(capsys, "download", NAME)
    assert [*cache.iterdir()] == []


def test_without_pooch_the_extra_is_named(cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match=r"pip install 'tinynet\[download\]'"):
        download_trained(NAME)
    monkeypatch.delenv(CACHE_VARIABLE)
    assert cache_folder() is None
    with pytest.raises(WeightsError, match=f"is not in the cache .*tinynet download {NAME}"):
        tn.pretrained(NAME)


def test_the_cache_is_the_systems_unless_the_variable_says_otherwise(cache, monkeypatch):
    pooch = pytest.importorskip("pooch", reason="the extra 'download' is not installed")
    assert cache_folder() == cache
    monkeypatch.delenv(CACHE_VARIABLE)
    assert cache_folder() == Path(pooch.os_cache("tinynet"))


@pytest.mark.parametrize("name", TO_FETCH)
def test_what_was_not_fetched_names_the_command(name, cache, photograph, tmp_path, capsys):
    with pytest.raises(WeightsError, match=f"{name} is not in {cache}; fetch it with: tinynet download {name}  .* MB"):
        tn.pretrained(name)
    for command in (["predict", photograph], ["trace", photograph, "--html", tmp_path / "page.html"],
                    ["evaluate", "--data", "shapes"]):
        assert f"fetch it with: tinynet download {name} " in complaint(capsys, *command, "--pretrained", name)
    assert not (tmp_path / "page.html").exists()
    assert f"fetch it with: tinynet download {name} " in tn.pretrained()[name]


def test_half_a_download_is_not_taken_for_the_file(cache, content, monkeypatch):
    monkeypatch.setitem(TRAINED, NAME, TRAINED[NAME]._replace(size=len(content)))
    cache.mkdir()
    path = cache / TRAINED[NAME].file
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=r"has 2,47\d,\d+ bytes instead of 4,95\d,\d+: half a download, .*download "):
        tn.pretrained(NAME)
    path.write_bytes(b"<html>".ljust(len(content)))
    with pytest.raises(WeightsError, match="is a web page, not weights"):
        tn.pretrained(NAME)


def test_what_there_is_is_listed(cache, content, capsys):
    code, out, _ = tinynet(capsys, "download")
    assert code == 0 and max(map(len, out.splitlines())) <= max(80, len(str(cache)))
    assert all(name in out for name in ("cifar10", "imagenette160", *TO_FETCH)) and "244 MB" in out
    cache.mkdir()
    (cache / TRAINED[NAME].file).write_bytes(content)
    lines = {line.split(" ")[0]: line for line in tinynet(capsys, "download")[1].splitlines() if line}
    assert lines[NAME].endswith("yes") and lines["alexnet-caffe"].endswith("no")


def test_models_are_listed_with_their_trained_weights(cache, content, capsys):
    code, out, _ = tinynet(capsys, "models")
    assert code == 0 and max(map(len, out.splitlines())) <= 80
    lines = {line.split(" ")[0]: line for line in out.splitlines() if line}
    table = {line.split("  ")[0]: line for line in out.split("\n\n")[0].splitlines()[2:]}
    assert re.fullmatch(r"alexnet +60,965,224  227 x 227 x 3", table["alexnet"])
    assert table["alexnet-torchvision"].endswith("61,100,840  224 x 224 x 3  to be fetched")
    assert table["alexnet-medium"].endswith("in the package") and set(TRAINED) <= set(lines)
    for text in ("43.5% top-1 and 20.9% top-5", "BSD 3-Clause", "non-commercial use", "21.2%",
                 f"fetch it with: tinynet download {NAME}  (5.0 MB)"):
        assert text in out
    cache.mkdir()
    (cache / TRAINED[NAME].file).write_bytes(content)
    out = tinynet(capsys, "models")[1]
    assert re.search(rf"{NAME} .* fetched\n", out) and str(cache) in out.replace("\n", "")
