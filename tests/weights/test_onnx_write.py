"""Networks as ONNX files: onnxruntime, which shares no code with us, computes the same scores; the rest is refused."""
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.onnx_files import narrow_alexnet, run

import tinynet as tn
from tinynet.errors import ArgumentError, ShapeError, WeightsError
from tinynet.models import MODELS, make_model
from tinynet.network.params import flat
from tinynet.testing.drawn_layers import DRAWN

onnx: Any = pytest.importorskip("onnx", reason="needs the extra `weights`")
pytest.importorskip("onnxruntime", reason="runs the files; the extra `test` has it")
WITHOUT_OPERATOR = (tn.LocallyConnected2d, tn.SpatialResponseNorm)
WITHOUT = {"alexnet-source2012": "spatial2", "cifar-18pct": "norm1", "cifar-13pct": "local3", "cifar-11pct": "local3"}


def same_scores(net: tn.Network, path: Path, images: int = 2, scale: float = 1.0, seed: int = 0) -> None:
    x = np.random.default_rng(seed).standard_normal((images, *(net.input_shape or ()))).astype("f4") * scale
    expected = net.forward(x)[0]
    found = run(path, x)
    assert found.shape == expected.shape and expected.std() > 0
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def moved_statistics(net: tn.Network) -> tn.Network:
    """Return a network with other numbers in its biases and batch normalization than 0 and 1."""
    rng = np.random.default_rng(1)
    for (*_, key), array in [*flat(net.params).items(), *flat(net.buffers).items()]:
        if key in ("b", "running_mean") or key.endswith("_b"):
            array += rng.uniform(-0.3, 0.3, array.shape).astype("f4")
        elif key == "running_variance":
            array *= rng.uniform(0.5, 2, array.shape).astype("f4")
    return net


@pytest.mark.parametrize("name", [name for name in MODELS if name != "alexnet-paper"])  # it is "alexnet"
def test_every_network_that_can_gives_its_scores(name, monkeypatch, tmp_path):
    narrow_alexnet(monkeypatch)
    net = moved_statistics(make_model(name, classes=7))
    if name in WITHOUT:
        with pytest.raises(WeightsError, match=f"{net.name} has no form in ONNX: layer {WITHOUT[name]} is a "):
            tn.save_weights(net, tmp_path / "net.onnx")
        assert not list(tmp_path.iterdir())
        return
    tn.save_weights(net, tmp_path / "net.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "net.onnx"), full_check=True)
    same_scores(net, tmp_path / "net.onnx", 1 if "alexnet" in name else 2, scale=60)
    other = make_model(name, classes=7, seed=5)
    tn.load_weights(other, tmp_path / "net.onnx")
    for key, array in flat(net.params).items():
        assert np.array_equal(array, flat(other.params)[key])


@pytest.mark.parametrize("net", [
    tn.alexnet_medium(towers=2, classes=4, activation="tanh"), tn.alexnet_small(16, activation="sigmoid"),
    tn.alexnet_small(normalization="batch", overlapping_pooling=False, dropout=None),
], ids=["towers-tanh", "sigmoid", "batch"])
def test_other_settings_of_the_networks_too(net, tmp_path):
    moved_statistics(net)
    tn.save_weights(net, tmp_path / "net.onnx")
    same_scores(net, tmp_path / "net.onnx", images=3, scale=60)


@pytest.mark.parametrize("kind", [kind for kind in DRAWN if kind not in WITHOUT_OPERATOR],
                         ids=lambda kind: kind.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_layers_with_any_settings(kind, data, tmp_path_factory):
    layer, shape = DRAWN[kind](data.draw)
    assume(len(shape) in (2, 4) and not (len(shape) == 2 and kind is tn.LocalResponseNorm))
    net = moved_statistics(tn.Network([("one", layer), ("again", tn.Dropout())], input_shape=shape[1:]))
    path = tmp_path_factory.getbasetemp() / f"{kind.__name__}.onnx"
    tn.save_weights(net, path)
    x = np.random.default_rng(0).standard_normal(shape).astype("f4")
    expected, found = net.forward(x)[0], run(path, x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    tn.load_weights(tn.Network([("one", layer)], input_shape=shape[1:]), path)  # the graph is recognized


def flat_network(*rows: tuple[str, Any]) -> tn.Network:
    """Return a network whose Flatten has 3 x 2 images of 4 channels before it, and `rows` behind it."""
    return moved_statistics(tn.Network(
        [("conv", tn.Conv2d(3, 4, 2)), ("flatten", tn.Flatten()), *rows], input_shape=(4, 3, 3), seed=3))


@pytest.mark.parametrize("net", [
    flat_network(("fc", tn.Linear(24, 5))), flat_network(), flat_network(("softmax", tn.Softmax())),
    flat_network(("norm", tn.BatchNorm1d(24)), ("relu", tn.ReLU()), ("fc", tn.Linear(24, 5)), ("n", tn.BatchNorm1d(5))),
    flat_network(("norm", tn.BatchNorm1d(24))), flat_network(("again", tn.Flatten()), ("fc", tn.Linear(24, 5))),
    tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(36, 5))], input_shape=(4, 3, 3)),
    tn.Network([("softmax", tn.Softmax())], input_shape=(4, 3, 3)), tn.Network([("d", tn.Dropout())], input_shape=5),
    tn.Network([("inner", flat_network()), ("fc", tn.Linear(24, 5))], input_shape=(4, 3, 3)),
], ids=["linear", "end", "softmax", "norm", "norm-end", "twice", "first", "images", "nothing", "nested"])
def test_numbers_of_flattened_images_come_in_their_order(net, tmp_path):
    tn.save_weights(net, tmp_path / "net.onnx")
    same_scores(net, tmp_path / "net.onnx", images=3)
    tn.load_weights(net, tmp_path / "net.onnx")
    same_scores(net, tmp_path / "net.onnx", images=3)  # as it was


def test_towers_are_split_and_joined_and_alpha_is_size_times_ours(tmp_path):
    net = tn.Network([("norm", tn.LocalResponseNorm(5, alpha=0.3, groups=2))], input_shape=(2, 3, 12))
    tn.save_weights(net, tmp_path / "net.onnx")
    nodes = onnx.load(tmp_path / "net.onnx").graph.node
    assert [node.op_type for node in nodes] == ["Split", "LRN", "LRN", "Concat"]
    assert {a.name: onnx.helper.get_attribute_value(a) for a in nodes[1].attribute}["alpha"] == np.float32(1.5)
    same_scores(net, tmp_path / "net.onnx")


def test_the_file_says_what_goes_in_how_images_become_input_and_the_classes(tmp_path):
    net = tn.lenet5()
    net.preprocessing = tn.data.Preprocessing([33.25], 32, 28 + 4, padding=2, deviation=64.0)
    net.class_names = [f"digit {i}" for i in range(10)]
    tn.save_weights(net, tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    [images], [scores] = model.graph.input, model.graph.output
    assert [d.dim_value or d.dim_param for d in images.type.tensor_type.shape.dim] == ["N", 1, 32, 32]
    assert [d.dim_value or d.dim_param for d in scores.type.tensor_type.shape.dim] == ["N", 10]
    other = tn.load_weights("lenet5", tmp_path / "net.onnx")
    assert other.class_names == net.class_names
    assert other.preprocessing.state() == net.preprocessing.state()


def test_float64_networks_are_written_as_float32(tmp_path):
    net = tn.lenet5().astype("float64")
    tn.save_weights(net, tmp_path / "net.onnx")
    x = np.random.default_rng(0).standard_normal((2, 32, 32, 1))
    np.testing.assert_allclose(run(tmp_path / "net.onnx", x.astype("f4")), net.forward(x)[0], rtol=1e-4, atol=1e-5)


class Own(tn.ReLU):
    """A layer of one's own may do anything."""


class Residual(tn.Network):
    """A network whose layers are not in a line."""

    def forward(self, x, train=False, save=True):
        y, saved = super().forward(x, train, save)
        return x + y, saved


@pytest.mark.parametrize("layers, shape, message", [
    ([("r", tn.ReLU()), ("mine", Own())], (2, 2, 1), "mine has no form in ONNX: layer mine is a Own, and only tiny"),
    ([("block", tn.Network([("mine", Own())]))], (2, 2, 1), "layer block.mine is a Own"),
    ([("block", Residual([("r", tn.ReLU())]))], (2, 2, 1), "layer block is a Residual, and only tinynet's own"),
    ([("l", tn.LocallyConnected2d(1, 1, 1, 2))], (2, 2, 1), "l is a LocallyConnected2d, and ONNX has no convolution"),
    ([("s", tn.SpatialResponseNorm())], (2, 2, 1), "s is a SpatialResponseNorm, and ONNX's LRN sums over nearby chann"),
    ([("n", tn.LocalResponseNorm())], 7, "layer n, a LocalResponseNorm, gets rows"),
    ([("r", tn.ReLU())], None, "its input_shape is not given, expected"),
    ([("r", tn.ReLU())], (3, 4), "its input_shape is 3 x 4, expected"),
])
def test_what_has_no_operator_is_refused_before_anything_is_written(layers, shape, message, tmp_path):
    (tmp_path / "net.onnx").write_text("precious")
    with pytest.raises(WeightsError, match=message):
        tn.save_weights(tn.Network(layers, input_shape=shape, name="mine"), tmp_path / "net.onnx")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("net.onnx", "precious")]


def test_networks_with_a_forward_of_their_own_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="skip has no form in ONNX: its class Residual has a forward of its own"):
        tn.save_weights(Residual([("r", tn.ReLU())], input_shape=3, name="skip"), tmp_path / "net.onnx")


def test_what_a_file_cannot_hold_is_refused(tmp_path):
    net = tn.Network([("fc", tn.Linear(2, 3))], input_shape=2, name="huge")
    net["fc"].params["w"] = np.broadcast_to(np.float32(0), (30_000, 20_000))
    with pytest.raises(ShapeError, match=r"huge, layer fc \(Linear\): the parameter 'w' has shape \(30000, 20000\)"):
        tn.save_weights(net, tmp_path / "net.onnx")
    net["fc"].parameter_shapes["w"] = (30_000, 20_000)
    with pytest.raises(WeightsError, match="the parameters of huge need 2,400,000,012 bytes, and a .onnx file ends"):
        tn.save_weights(net, tmp_path / "net.onnx")
    with pytest.raises(WeightsError, match="cannot be written: No such file"):
        tn.save_weights(tn.lenet5(), tmp_path / "nowhere" / "net.onnx")
    with pytest.raises(ArgumentError, match="names is given, which .*net.onnx has no use for"):
        tn.save_weights(tn.lenet5(), tmp_path / "net.onnx", names={"conv1": "0"})
    assert not list(tmp_path.iterdir())


def test_without_the_package_a_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for call in (tn.save_weights, tn.load_weights):
        with pytest.raises(WeightsError, match=r"net.onnx: .onnx files need the extra 'weights': pip install"):
            call(tn.lenet5(), tmp_path / "net.onnx")
