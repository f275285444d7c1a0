"""Every layer of the table against PyTorch and against finite differences, over drawn settings and shapes."""
import copy
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn
from tinynet import layers
from tinynet.errors import DtypeError, ShapeError


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal to 1e-10 of the largest entry."""
    assert found.shape == expected.shape and found.dtype == expected.dtype
    return bool(np.abs(found - expected).max() <= 1e-10 * max(np.abs(expected).max(), 1e-3))


def test_the_table_has_every_layer():
    assert set(TABLE) == set(layers.__all__)


@pytest.mark.parametrize("name", TABLE)
def test_forward_and_backward_agree_with_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")

    @given(st.data())
    def compare(data):
        layer, x = draw_case(data.draw, TABLE[name])
        y, saved = layer.forward(x, train=True)
        if name == "Dropout":
            layer.last_mask = saved.mask
        upstream = np.random.default_rng(1).standard_normal(y.shape)
        dx, grads = layer.backward(upstream, saved)
        tx = torch.tensor(x, requires_grad=True)
        tp = {key: torch.tensor(array, requires_grad=True) for key, array in layer.params.items()}
        ty = TABLE[name].reference(torch, layer, tx, tp)
        ty.backward(torch.tensor(upstream))
        assert close(y, ty.detach().numpy())
        assert close(dx, tx.grad.numpy())
        assert set(grads) == set(layer.params)
        for key in grads:
            assert close(grads[key], tp[key].grad.numpy())

    compare()


@pytest.mark.parametrize("name", TABLE)
def test_gradients_agree_with_finite_differences(name):
    @given(st.data())
    def check(data):
        layer, x = draw_case(data.draw, TABLE[name])
        report = tn.check_gradients(layer, x, train=data.draw(st.booleans()))
        assert report.passed, report
        assert all(row.verdict == "right" for row in report.rows), report

    check()


@pytest.mark.parametrize("name", TABLE)
def test_the_contract(name):
    """Shapes as announced, nothing changed or kept by a call, float32 stays float32, dx only when wanted."""

    @given(st.data())
    def check(data):
        layer, x = draw_case(data.draw, TABLE[name])
        layer, x = layer.astype("float32"), x.astype("float32")
        again = copy.deepcopy(layer)
        before = x.copy()
        y, saved = layer.forward(x, train=True)
        assert y.dtype == x.dtype and y.shape == (len(x), *layer.output_shape(x.shape[1:]))
        assert layer.multiply_adds(x.shape[1:]) >= 0
        other_y, other_saved = layer.forward(np.flip(x, 0).copy(), train=True)  # must not disturb the first
        upstream = np.random.default_rng(1).standard_normal(y.shape).astype("float32")
        kept = copy.deepcopy((upstream, saved, y))
        dx, grads = layer.backward(upstream, saved)
        assert dx.dtype == x.dtype and dx.shape == x.shape
        for key, gradient in grads.items():
            assert gradient.dtype == x.dtype and gradient.shape == layer.params[key].shape
        np.testing.assert_array_equal(x, before)
        for now, then in zip((upstream, *saved, y), (kept[0], *kept[1], kept[2]), strict=True):
            np.testing.assert_array_equal(now, then)
        nothing, same = layer.backward(upstream, saved, input_gradient=False)
        assert nothing is None and all(np.array_equal(same[key], grads[key]) for key in grads)
        fresh_y, fresh_saved = again.forward(x, train=True)  # as if the other passes had not been
        np.testing.assert_array_equal(fresh_y, y)
        np.testing.assert_array_equal(again.backward(upstream, fresh_saved)[0], dx)
        assert other_y.shape == y.shape and len(other_saved) == len(saved)

    check()


@pytest.mark.parametrize("name", TABLE)
def test_settings_rebuild_the_layer(name):
    @given(st.data())
    def check(data):
        layer, x = draw_case(data.draw, TABLE[name])
        rebuilt = type(layer)(**layer.settings).astype("float64")
        rebuilt.params, rebuilt.buffers = layer.params, copy.deepcopy(layer.buffers)
        np.testing.assert_array_equal(rebuilt.forward(x)[0], layer.forward(x)[0])
        assert repr(rebuilt) == repr(layer)

    check()


@pytest.mark.parametrize("name", TABLE)
def test_bad_input_is_refused_with_what_was_found(name):
    @given(st.data())
    def check(data):
        layer, x = draw_case(data.draw, TABLE[name])
        y, saved = layer.forward(x)
        with pytest.raises(DtypeError, match="int64"):
            layer.forward(x.astype(np.int64))
        with pytest.raises(DtypeError, match="list"):
            layer.forward(x.tolist())
        with pytest.raises(ShapeError, match="empty"):
            layer.forward(x[:0])
        if layer.params:
            with pytest.raises(DtypeError, match="float32.*float64"):
                layer.forward(x.astype("float32"))
        with pytest.raises(ShapeError, match=r"dy has shape"):
            layer.backward(np.ones((*y.shape, 1)), saved)
        with pytest.raises(DtypeError, match="float32"):
            layer.backward(y.astype("float32"), saved)

    check()


class Kept(NamedTuple):
    """What layers of one's own might keep."""

    weights: np.ndarray


def test_an_upstream_gradient_is_checked_only_where_saved_tells_of_the_output():
    class Mine(tn.Layer):
        def __init__(self, saved):
            super().__init__()
            self.saved = saved

        def input_gradient(self, dy, saved):
            return dy

    dy = np.ones((2, 3))
    for saved in (Kept(np.ones(7)), (np.ones(7),), np.ones(7), None, {"x": 1}):
        assert Mine(saved).backward(dy, saved)[0] is dy
    with pytest.raises(ShapeError, match=r"Mine.backward: dy has shape \(2, 3\), the output has \(2, 4\)"):
        Mine(None).backward(dy, tn.layers.tanh.Saved(np.ones((2, 4))))


BOUNDARIES = {
    "batch 1": lambda layer, x: len(x) == 1,
    "one channel": lambda layer, x: x.shape[3] == 1,
    "not square": lambda layer, x: x.shape[1] != x.shape[2],
    "window equal to image": lambda layer, x: layer.window.kernel == x.shape[1:3],
    "stride beyond window": lambda layer, x: layer.window.stride[0] > layer.window.kernel[0],
    "padding": lambda layer, x: all(layer.window.padding),
}
OF_CEIL_MODE = {
    "ceil_mode": lambda layer, x: layer.ceil_mode,
    "window beyond image and padding": lambda layer, x: (
        layer.window.kernel[0] > x.shape[1] + 2 * layer.window.padding[0]
    ),
}


@pytest.mark.parametrize(("name", "others"), [
    ("Conv2d", OF_CEIL_MODE | {"groups equal to channels": lambda layer, x: 1 < layer.groups == x.shape[3]}),
    ("MaxPool2d", OF_CEIL_MODE), ("AvgPool2d", OF_CEIL_MODE), ("LocallyConnected2d", {}),
])
def test_every_layer_is_drawn_at_its_boundaries(name, others):
    """The drawn cases do meet what they are there for: batch 1, one channel, window equal to the image, and so on."""
    wanted, seen = BOUNDARIES | others, set()

    @settings(max_examples=300)
    @given(st.data())
    def collect(data):
        layer, x = draw_case(data.draw, TABLE[name])
        seen.update(what for what, holds in wanted.items() if holds(layer, x))

    collect()
    assert seen == set(wanted)
