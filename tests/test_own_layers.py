"""Layers that a reader of tinynet writes: what the base class does for them, and what it asks of them."""
import json

import numpy as np
import pytest

import tinynet as tn
from tinynet.checkpoint import restore_network
from tinynet.errors import ArgumentError, CheckpointError, DtypeError


class ReLU(tn.Layer):
    """Called as tinynet's, but leaky."""

    def forward(self, x, train=False):
        return np.where(x > 0, x, 0.1 * x), (x,)

    def input_gradient(self, dy, saved):
        return np.where(saved[0] > 0, dy, 0.1 * dy)


class Scale(tn.Layer):
    """y = start * x, which forgets its constructor's argument."""

    def __init__(self, start, *, seed=0):
        super().__init__()
        self.params["w"] = np.full(1, start, np.float32)


def test_a_class_called_as_one_of_tinynets_is_not_taken_for_it(tmp_path):
    net = tn.Network([("fc", tn.Linear(3, 3)), ("relu", ReLU())])
    assert [kind for _, kind, _ in net.settings["layers"]] == ["Linear", f"{__name__}.ReLU"]
    tn.save_checkpoint(tmp_path / "own.npz", net)
    with pytest.raises(CheckpointError, match=rf"'relu' is a {__name__}\.ReLU, which tinynet does not have.*restore_network"):
        tn.load_checkpoint(tmp_path / "own.npz")
    twin = tn.Network([("fc", tn.Linear(3, 3, seed=9)), ("relu", ReLU())])
    restore_network(tmp_path / "own.npz", twin)
    np.testing.assert_array_equal(twin["fc"].params["w"], net["fc"].params["w"])


def test_an_argument_that_is_kept_nowhere_is_named():
    with pytest.raises(ArgumentError, match="Scale: keep the argument `start` as an attribute"):
        _ = Scale(2).settings


@pytest.mark.parametrize("layer", [
    tn.Conv2d(np.int64(4), np.int64(2), (np.int64(3), 3), stride=np.int32(2), padding=np.int8(1), groups=np.int64(2)),
    tn.LocallyConnected2d(np.int64(4), np.int64(2), np.int64(3), [np.int64(8), 8]),
    tn.MaxPool2d(np.int64(3), np.int64(2)), tn.AvgPool2d([3, 3], np.int64(2), ceil_mode=np.True_),
    tn.Linear(np.int64(4), np.int64(2)), tn.BatchNorm2d(np.int64(4), momentum=np.float32(0.5)),
    tn.LocalResponseNorm(np.int64(5), groups=np.int64(2)), tn.SpatialResponseNorm(np.int64(3)),
    tn.Dropout(np.float32(0.5)),
], ids=lambda layer: type(layer).__name__)
def test_settings_of_numpy_numbers_are_fit_for_json(layer):
    settings = json.loads(json.dumps(layer.settings))
    assert repr(type(layer)(**settings)) == repr(layer)
    assert "np." not in repr(layer) and "int" not in repr(layer)


@pytest.mark.parametrize("wrong", [
    {"std": float("nan")}, {"std": -0.1}, {"std": "he"}, {"bias": "x"}, {"bias": float("nan")}, {"bias": None},
    {"seed": -1}, {"seed": 1.5}, {"seed": "a"}, {"seed": [0, -1]}, {"seed": None},
])
def test_starts_that_make_no_sense_are_refused(wrong):
    name = next(iter(wrong))
    for kind, sizes in ((tn.Conv2d, (3, 4, 3)), (tn.Linear, (3, 4)), (tn.LocallyConnected2d, (3, 4, 3, 8))):
        with pytest.raises(ArgumentError, match=f"{kind.__name__}: {name} is"):
            kind(*sizes, **wrong)
    if name == "seed":
        with pytest.raises(ArgumentError, match="Dropout: seed is"):
            tn.Dropout(**wrong)


def test_a_tensor_of_another_library_is_refused_by_name():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")
    with pytest.raises(DtypeError, match="the input is a Tensor, expected a NumPy or CuPy array"):
        tn.ReLU().forward(torch.zeros(2, 3))
