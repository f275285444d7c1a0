"""The fast local response normalization against the layer itself."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynet as tn
from tinynet.network import fast, fast_norm
from tinynet.network.fast import fast_implementation
from tinynet.network.fast_norm import NormInPieces


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(1, 3), st.sampled_from([1, 3, 5, 9]),
       st.sampled_from([1, 7, 40, 10**6]), st.integers(0, 10**6))
def test_it_does_what_its_layer_does(n, h, channels, groups, size, piece, seed):
    generator = np.random.default_rng(seed)
    layer = tn.LocalResponseNorm(size, 0.3, 0.75, 1.5, groups)
    x = generator.standard_normal((n, h, 2, channels * groups))
    dy = generator.standard_normal(x.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_norm, "PIECE", piece)
        made = NormInPieces(layer)
        (y, saved), (fast_y, fast_saved) = layer.forward(x), made.forward(x)
        np.testing.assert_allclose(fast_y, y, rtol=1e-13)
        np.testing.assert_allclose(fast_saved.scale, saved.scale, rtol=1e-13)
        assert type(fast_saved) is type(saved) and fast_saved.x is x
        np.testing.assert_allclose(made.backward(dy, saved)[0], layer.backward(dy, saved)[0], rtol=1e-11, atol=1e-14)
        assert made.backward(dy, saved, False) == (None, {})


def test_in_float32_and_for_features_too():
    layer = tn.LocalResponseNorm()
    for shape in ((3, 4, 4, 8), (5, 12)):
        x = 60 * np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        (y, saved), (fast_y, fast_saved) = layer.forward(x), NormInPieces(layer).forward(x)
        dx = NormInPieces(layer).backward(y, fast_saved)[0]
        assert fast_y.dtype == fast_saved.scale.dtype == dx.dtype == np.float32
        np.testing.assert_allclose(fast_y, y, rtol=1e-6)
        np.testing.assert_allclose(dx, layer.backward(y, saved)[0], rtol=1e-5, atol=1e-5)


def test_a_planted_mistake_is_noticed_before_it_is_used(monkeypatch):
    assert fast_implementation(tn.LocalResponseNorm()) is NormInPieces
    net, x = tn.Network([("norm", tn.LocalResponseNorm())]), np.ones((2, 3, 3, 8), np.float32)
    with tn.plain():
        expected, _ = net.forward(x)
    usual = fast_norm.NearbySums.added_up
    monkeypatch.setattr(fast, "_differ", set())
    monkeypatch.setattr(fast_norm.NearbySums, "added_up", lambda self, piece: 1.01 * usual(self, piece))
    with pytest.warns(UserWarning, match=r"layer 'norm' \(LocalResponseNorm\): its forward and tinynet's fast"):
        np.testing.assert_array_equal(net.forward(x)[0], expected)


def test_a_small_image_takes_little_memory():
    sums = fast_norm.NearbySums(5, np.zeros((6, 8), np.float32))
    assert sums.between.shape == (6, 12) and sums.spare.shape == (6, 8)
