"""The page of a trace, as far as it can be seen without a browser; test_page_browser.py opens it."""
import base64
import configparser
import json
import re
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_network import batch, network

import tinynet as tn
from tinynet import cli
from tinynet.errors import ArgumentError
from tinynet.tracing import page
from tinynet.tracing.explain.texts import TEXTS
from tinynet.tracing.page import Package, Subject, kind_of, write_page

WEB = Path(page.__file__).parent / "web"


def trace_of_one(**options):
    x, labels = batch(1)
    return tn.trace(network(), x, labels, **options)


def content_of(file):
    """What the page knows, as Python reads it."""
    return json.loads(re.search(r"const CONTENT = (.*);\n", file.read_text())[1])


def unpacked(packed):
    """An array of the page."""
    places = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), np.uint8)
    one = np.dtype(packed["type"])
    numbers = np.ascontiguousarray(places.reshape(one.itemsize, -1).T).view(one).reshape(packed["shape"])
    return numbers.astype(np.float64) * packed["scale"]


def test_the_page_has_every_array_of_the_pass(tmp_path):
    trace = trace_of_one()
    assert write_page(trace, tmp_path / "page.html", Subject("cat.png", 1, "given")) == ""
    content = content_of(tmp_path / "page.html")
    assert [station["name"] for station in content["stations"]] == ["picture", *(step.name for step in trace.steps)]
    for station, step in zip(content["stations"][1:], trace.steps, strict=True):
        for number, array in [
            (station["value"], step.output), (station["gradient"], step.upstream),
            *((station["params"][name], array) for name, array in step.layer.params.items()),
            *((station["grads"][name], array) for name, array in step.gradients.items()),
        ]:
            assert np.array_equal(unpacked(content["arrays"][number]), array), step.name


def test_the_page_has_the_texts_of_explanations(tmp_path):
    write_page(trace_of_one(), tmp_path / "page.html", Subject("cat.png", 1, "given"))
    assert json.loads(re.search(r"const TEXTS = (.*);\n", (tmp_path / "page.html").read_text())[1]) == TEXTS


def test_names_from_outside_stay_text(tmp_path):
    subject = Subject("</script><b>.png", 0, "given", ["<i>"] * 5)
    write_page(trace_of_one(), tmp_path / "page.html", subject)
    text = (tmp_path / "page.html").read_text()
    assert text.count("</script>") == 3 and "<i>" not in text
    assert content_of(tmp_path / "page.html")["picture"] == subject.picture


@given(st.integers(-30, 30), st.integers(0, 2**32 - 1))
def test_float16_is_scaled_to_keep_three_digits(power, seed):
    x = np.random.default_rng(seed).standard_normal((5, 7)).astype(np.float32) * np.float32(2.0**power)
    package = Package(reduced=True)
    number = package.add(x, rounded=True)
    kept = unpacked(package.compressed()[number])
    assert np.abs(kept - x).max() <= 2**-11 * np.abs(x).max()
    assert (np.abs(kept - x) <= 2**-11 * np.abs(x))[np.abs(x) > 1e-3 * np.abs(x).max()].all()


def test_the_smallest_numbers_stay_finite_in_float16():
    package = Package(reduced=True)
    package.add(np.array([1e-41, 0, -5e-42], np.float32), rounded=True)
    [(x, scale)] = package.arrays
    np.testing.assert_allclose(x.astype(np.float64) * scale, [1e-41, 0, -5e-42], rtol=2e-3)


class Masked(tn.Layer):
    """A layer of one's own that keeps no mask in evaluation, and has a setting that JSON has no word for."""

    k = float("inf")

    def forward(self, x, train=False):
        return 2 * x, Kept(x, None)

    def input_gradient(self, dy, saved):
        return 2 * dy


class Kept(NamedTuple):
    x: Any
    mask: Any


def test_a_layer_of_ones_own_may_keep_what_it_likes(tmp_path):
    x, labels = batch(1)
    net = tn.Network([("own", Masked()), ("flatten", tn.Flatten()), ("fc", tn.Linear(x[0].size, 4, seed=0))])
    write_page(tn.trace(net, x, labels % 4), tmp_path / "own.html", Subject("noise", int(labels[0]) % 4, "given"))
    assert content_of(tmp_path / "own.html")["stations"][1]["settings"] == {}


def test_a_large_pass_says_what_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "FULL_PRECISION", 100_000)
    monkeypatch.setattr(page, "LARGEST_PARAMETER", 5_000)
    note = write_page(trace_of_one(), tmp_path / "page.html", Subject("cat.png", 1, "given"))
    assert "is without the parameters fc3.w and their gradients, and has" in note
    content = content_of(tmp_path / "page.html")
    fc3 = next(station for station in content["stations"] if station["name"] == "fc3")
    assert fc3["params"]["w"] is None and fc3["grads"]["w"] is None and fc3["grads"]["b"] is not None
    assert content["arrays"][fc3["value"]]["type"] == "float32"  # or a pool's winner would be another


def test_what_cannot_be_a_page(tmp_path, monkeypatch):
    subject, file = Subject("cat.png", 1, "given"), tmp_path / "page.html"
    x, labels = batch(2)
    with pytest.raises(ArgumentError, match="one image, the trace has 2"):
        write_page(tn.trace(network(), x, labels), file, subject)
    with pytest.raises(ArgumentError, match="no loss"):
        write_page(tn.trace(network(), x[:1], upstream=np.ones((1, 5), np.float32)), file, subject)
    monkeypatch.setattr(page, "FULL_PRECISION", 0)
    monkeypatch.setattr(page, "LARGEST", 10_000)
    with pytest.raises(ArgumentError, match="the pass of small takes"):
        write_page(trace_of_one(), file, subject)
    assert not file.exists()


def test_a_layer_with_mathematics_of_its_own_is_not_taken_for_another():
    class Leaky(tn.ReLU):
        def forward(self, x, train=False):
            return super().forward(x - 1, train)

    assert (kind_of(tn.ReLU()), kind_of(Leaky())) == ("ReLU", "")


def test_scripts_and_style_come_along():
    assert {path.stem for path in WEB.glob("*.js")} == set(page.SCRIPTS)
    config = configparser.ConfigParser(interpolation=None)
    config.read(WEB.parents[2] / "setup.cfg")
    patterns = config["options.package_data"]["tinynet.tracing"].split(", ")
    packed = {path for pattern in patterns for path in WEB.parent.glob(pattern)}
    assert packed == set(WEB.iterdir())


def test_the_page_of_alexnet_medium_stays_small(tmp_path):
    """
    An untrained network with drawn weights has a larger page than a trained one: the fractions of its parameters are
    noise, which cannot be compressed, and its gradients are hardly anywhere 0.
    """
    net = tn.alexnet_medium(seed=0)
    x = np.random.default_rng(0).standard_normal((1, 127, 127, 3), dtype=np.float32)
    file = tmp_path / "page.html"
    write_page(tn.trace(net, x, np.array([3])), file, Subject("noise", 3, "given"))
    assert file.stat().st_size < 7_000_000
    kinds = [array["type"] for array in content_of(file)["arrays"]]
    assert kinds.count("float32") > 20 and kinds.count("float16") > 40  # and nothing is left out
    assert all(None not in station["params"].values() for station in content_of(file)["stations"][1:])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A checkpoint that says how its images are prepared."""
    net = tn.alexnet_small(seed=3)
    shapes = tn.data.draw_shapes(2)
    net.preprocessing, net.class_names = tn.data.Preprocessing.fit(shapes, 32), shapes.class_names
    path = tmp_path_factory.mktemp("run") / "best.npz"
    tn.save_checkpoint(path, net)
    return path.parent


def test_the_command_draws_a_shape_and_writes_a_small_page(run, tmp_path, capsys):
    file = tmp_path / "page.html"
    assert cli.main(["trace", "--checkpoint", str(run), "--html", str(file)]) == 0
    assert str(file) in capsys.readouterr().out
    assert file.stat().st_size < 2_500_000
    content = content_of(file)
    shape = tn.data.draw_shapes(1, 32, seed=1)
    assert content["classNames"][content["label"]] == shape.class_names[shape.labels[0]]
    assert content["picture"] == f"a drawn {shape.class_names[shape.labels[0]]}"
    assert np.array_equal(unpacked(content["arrays"][content["pixels"]]), shape.images[0])


def test_the_command_takes_an_image_and_a_label(tmp_path, capsys):
    from PIL import Image

    picture = tmp_path / "cat.png"
    Image.new("RGB", (50, 40), (10, 20, 30)).save(picture)
    assert cli.main(["trace", str(picture), "--model", "lenet5", "--label", "7"]) == 0
    out = capsys.readouterr().out
    assert "cat.png; label 7, given" in out and "conv1" in out
    assert cli.main(["trace", str(picture), "--model", "lenet5", "--label", "10"]) == 2
    assert "--label is 10, the network has classes 0 to 9" in capsys.readouterr().err
    assert cli.main(["trace", str(picture), "--model", "alexnet-small"]) == 0
    assert "the network's own first guess" in capsys.readouterr().out
    assert cli.main(["trace", str(tmp_path / "no.png"), "--model", "lenet5"]) == 2
    assert "no.png cannot be read as an image: No such file" in capsys.readouterr().err
