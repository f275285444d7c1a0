"""Layers of one's own whose settings are arrays, NumPy's numbers, layers or functions: shown, saved, resumed."""
import json

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.network.json_settings import json_ready
from tinynet.training.checkpoint import restore_network, save_checkpoint


class Shift(tn.Layer):
    """y = x - mean."""

    def __init__(self, mean=None, more=()):
        super().__init__()
        self.mean, self.more = mean, more

    def forward(self, x, train=False):
        return x - np.asarray(self.mean, x.dtype), (x,)

    def input_gradient(self, dy, saved):
        return dy


def double(x):
    return 2 * x


IMAGES, LABELS = np.random.default_rng(0).standard_normal((8, 12, 12, 9), dtype=np.float32), np.arange(8) % 3
SETTINGS = {
    "an array": np.arange(9.0), "float32": np.arange(9, dtype=np.float32), "a large array": np.ones((12, 12, 9)),
    "whole numbers": np.arange(3), "a list of arrays": [np.zeros(2), np.ones((1, 2))],
    "a dict": {"a": np.ones(2), 3: None}, "a number": np.float32(0.5), "bool": np.True_,
    "longdouble": np.longdouble(1.5), "date": np.datetime64("2012-10-01"), "a layer": tn.Conv2d(3, 4, 3),
    "a function": double, "a class": tn.ReLU, "an object": np.random.default_rng(0),
}


def network(more, mean=None):
    return tn.Network([("shift", Shift(np.arange(9.0) if mean is None else mean, more)), ("flat", tn.Flatten()),
                       ("fc", tn.Linear(1296, 3))], input_shape=np.array([12, 12, 9]))


@pytest.mark.parametrize("what", SETTINGS)
def test_a_run_with_any_setting_is_written_and_resumed(what, tmp_path):
    more = SETTINGS[what]
    tn.fit(network(more), (IMAGES, LABELS), epochs=1, batch_size=4, run=tmp_path / "run", progress=False)
    shift = json.loads((tmp_path / "run" / "settings.json").read_text())["model"]["layers"]["shift"]
    assert shift["mean"] == list(range(9)) and shift["kind"].endswith(".Shift")
    history = tn.fit(network(more), (IMAGES, LABELS), epochs=2, batch_size=4, run=tmp_path / "run", resume=True,
                     progress=False)
    straight = tn.fit(network(more), (IMAGES, LABELS), epochs=2, batch_size=4, progress=False)
    assert [row["train_loss"] for row in history] == [row["train_loss"] for row in straight]


@pytest.mark.parametrize("what", SETTINGS)
def test_a_checkpoint_takes_any_setting_and_fills_the_same_network(what, tmp_path):
    net, other = network(SETTINGS[what]), network(SETTINGS[what])
    net["fc"].params["w"] += 1
    save_checkpoint(tmp_path / "a.npz", net)
    restore_network(tmp_path / "a.npz", other)
    np.testing.assert_array_equal(other["fc"].params["w"], net["fc"].params["w"])
    assert json.dumps(net.settings) == json.dumps(other.settings)


def test_another_array_is_another_run(tmp_path):
    tn.fit(network(()), (IMAGES, LABELS), epochs=1, run=tmp_path / "run", progress=False)
    with pytest.raises(ArgumentError, match="cannot be resumed: model.layers.shift.mean is .* and was"):
        tn.fit(network((), np.ones(9)), (IMAGES, LABELS), epochs=2, run=tmp_path / "run", resume=True, progress=False)
    large = np.zeros((12, 12, 9))
    tn.fit(network((), large), (IMAGES, LABELS), epochs=1, run=tmp_path / "large", progress=False)
    with pytest.raises(ArgumentError, match="model.layers.shift.mean.sha256 is .* and was"):
        tn.fit(network((), large + 1e-9), (IMAGES, LABELS), epochs=2, run=tmp_path / "large", resume=True,
               progress=False)


def test_settings_in_plain_words():
    assert json_ready(SETTINGS["a list of arrays"]) == [[0.0, 0.0], [[1.0, 1.0]]]
    assert json_ready(SETTINGS["a dict"]) == {"a": [1.0, 1.0], "3": None}
    assert json_ready(SETTINGS["a layer"]) == {"kind": "Conv2d", **tn.Conv2d(3, 4, 3).settings}
    assert json_ready(double).endswith("test_own_settings.double") and json_ready(tn.ReLU) == "tinynet.layers.relu.ReLU"
    assert json_ready(SETTINGS["an object"]) == "numpy.random._generator.Generator"
    for number, expected in ((np.float32(0.5), 0.5), (np.int8(3), 3), (np.True_, True), (np.longdouble(1.5), 1.5)):
        assert json_ready(number) == expected and type(json_ready(number)) is type(expected)
    large = json_ready(np.ones((12, 12, 9), np.float32))
    assert large["shape"] == [12, 12, 9] and large["dtype"] == "float32" and len(large["sha256"]) == 64
    assert json_ready(np.ones((12, 12, 9), np.float32)[::-1]) == large
    assert json_ready(((1, 2), [3])) == ((1, 2), [3])  # as they are: a layer may tell them apart


def test_a_layer_with_arrays_is_written_in_one_short_line():
    assert repr(Shift()) == "Shift()" and repr(Shift(np.zeros(3))) == "Shift(mean=array([0., 0., 0.]))"
    assert repr(Shift(more=[np.zeros(2)])) == "Shift(more=[array([0., 0.])])"
    for layer in (Shift(np.ones((12, 12, 9))), Shift(np.arange(500).reshape(50, 10))):
        assert len(repr(layer)) < 120 and "\n" not in repr(layer) and " ..." in repr(layer)
    row = next(line for line in str(network(np.ones((12, 12, 9))).summary()).splitlines() if line.startswith("shift"))
    assert len(row) < 250 and "Shift mean [0. 1. 2." in row


@pytest.mark.parametrize("shape", [np.array([12, 12, 9]), [np.int64(12), 12, np.int32(9)], (12, 12, 9)])
def test_an_input_shape_is_kept_in_pythons_numbers(shape):
    net = tn.Network([("flat", tn.Flatten())], input_shape=shape)
    assert net.input_shape == (12, 12, 9) and all(type(length) is int for length in net.input_shape)


@pytest.mark.parametrize("shape", [12.5, (12.5, 3), ("12", 3), (0, 3), np.float64(3), (None, 3)])
def test_an_input_shape_that_is_none_is_refused(shape):
    with pytest.raises(ArgumentError, match=r"^Network: input_shape is .*, expected the shape of one image, "):
        tn.Network([("flat", tn.Flatten())], input_shape=shape)
