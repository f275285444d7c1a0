"""Layers that a reader of tinynet writes: what the base class does for them, and what it asks of them."""
import numpy as np
import pytest
from support.small_network import batch

import tinynet as tn
from tinynet.errors import ArgumentError, CheckpointError, ShapeError
from tinynet.training.checkpoint import restore_network


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
    with pytest.raises(CheckpointError, match=rf"'relu' is a {__name__}\.ReLU, which tinynet does.*restore_network"):
        tn.load_checkpoint(tmp_path / "own.npz")
    restored = tn.Network([("fc", tn.Linear(3, 3, seed=9)), ("relu", ReLU())])
    restore_network(tmp_path / "own.npz", restored)
    np.testing.assert_array_equal(restored["fc"].params["w"], net["fc"].params["w"])


def test_an_argument_that_is_kept_nowhere_is_named():
    with pytest.raises(ArgumentError, match="Scale: keep the argument `start` as an attribute"):
        _ = Scale(2).settings


def test_a_layer_of_ones_own_that_saves_other_things_runs_backward_in_blocks_too():
    class Triple(tn.Layer):
        """y = 3 x, and keeps nothing that tells of its output."""

        def forward(self, x, train=False):
            return 3 * x, ()

        def input_gradient(self, dy, saved):
            return 3 * dy

    net = tn.Network([("triple", Triple())])
    x, _ = batch(70)
    y, saved = net.forward(x)
    np.testing.assert_array_equal(net.backward(y, saved)[0], 3 * y)
    with pytest.raises(ShapeError, match=r"Triple.backward: dy has shape \(69, .*, the output has \(70, "):
        net.backward(y[1:], saved)
