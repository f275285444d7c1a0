"""The fast implementation of a fire module: the layer's own numbers, and when the layer itself runs."""
import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn
from tinynet.network import fast, fast_fire
from tinynet.network.fast import fast_or_own
from tinynet.network.fast_fire import FastFire

SHAPE = (9, 7, 5)


def fire(**options: Any) -> Any:
    return tn.Fire(5, 4, 3, 6, seed=1, **options)


def images(dtype="float32"):
    return np.random.default_rng(1).standard_normal((5, *SHAPE)).astype(dtype)


def what_runs(layer: Any) -> Any:
    return fast_or_own(layer, images(), SHAPE)


def pass_through(layer):
    net = tn.Network([("first", tn.ReLU()), ("fire", layer), ("last", tn.ReLU())])
    y, saved = net.forward(images(), train=True)
    dx, grads = net.backward(np.ones_like(y), saved)
    return [y, dx, *grads["fire"].values()]


@given(st.data())
def test_it_gives_what_the_layer_gives(data):
    layer, x = draw_case(data.draw, TABLE["Fire"])
    made: Any = FastFire(layer)
    y, saved = layer.forward(x)
    fast_y, fast_saved = made.forward(x)
    np.testing.assert_allclose(fast_y, y, atol=1e-12)
    assert fast_saved.x is x and fast_saved.y is fast_y
    np.testing.assert_allclose(fast_saved.squeezed, saved.squeezed, atol=1e-12)
    dy = np.random.default_rng(0).standard_normal(y.shape)
    dx, grads = layer.backward(dy, saved)
    for input_gradient, other in ((True, made), (False, made), (True, FastFire(layer))):  # the last saw no forward
        fast_dx, fast_grads = other.backward(dy, saved, input_gradient)
        assert (fast_dx is None) == (not input_gradient) and list(fast_grads) == list(grads)
        for found, expected in [(fast_dx, dx), *((fast_grads[key], grads[key]) for key in grads)]:
            if found is not None:
                np.testing.assert_allclose(found, expected, atol=1e-11)


def test_it_is_called_as_its_layer_is():
    for way in ("forward", "backward"):
        one, two = ([(p.name, p.default) for p in inspect.signature(getattr(owner, way)).parameters.values()]
                    for owner in (FastFire, tn.Layer))
        assert one == two


def test_it_takes_the_parameters_that_the_layer_has_now():
    layer = fire()
    assert type(what_runs(layer)) is FastFire
    before = pass_through(layer)[0]
    layer.params["expand3_b"] = layer.params["expand3_b"] + 100
    after = pass_through(layer)[0]
    np.testing.assert_array_equal(after[..., :3], before[..., :3])
    assert (after[..., 3:] > before[..., 3:]).all()


@pytest.mark.parametrize("owner, way", [
    (tn.Fire, "forward"), (tn.Fire, "before_relus"), (tn.Conv2d, "forward"), (tn.Conv2d, "input_gradient"),
    (tn.Conv2d, "param_gradients"),
])
def test_a_patched_method_of_the_layer_or_of_its_convolutions_runs(owner, way, monkeypatch):
    calls, usual = [], getattr(owner, way)
    monkeypatch.setattr(owner, way, lambda self, *args, **options: calls.append(way) or usual(self, *args, **options))
    layer = fire()
    assert what_runs(layer) is layer
    pass_through(layer)
    assert calls


def test_a_convolution_of_ones_own_inside_runs():
    class Mine(tn.Conv2d):
        """A student's own."""

        def forward(self, x, train=False):
            y, saved = super().forward(x, train)
            return y + 100, saved

    layer, usual = fire(), pass_through(fire())[0]
    own: Any = Mine(4, 6, 3, padding=1)
    own.params.clear()
    layer.convolutions["expand3"] = own
    assert what_runs(layer) is layer
    found = pass_through(layer)[0]
    np.testing.assert_allclose(found[..., :3], usual[..., :3], atol=1e-5)
    assert (found[..., 3:] > usual[..., 3:]).all()
    changed = fire()
    changed.convolutions["expand3"].forward = lambda x, train=False: None  # on the object
    assert what_runs(changed) is changed


def test_a_class_of_ones_own_runs():
    layer = type("Mine", (tn.Fire,), {})(5, 4, 3, 6)
    assert what_runs(layer) is layer


def test_where_convolution_was_found_to_give_other_numbers_the_layer_itself_runs(monkeypatch):
    monkeypatch.setattr(fast, "_differ", {tn.Conv2d})
    layer = fire()
    assert what_runs(layer) is layer


def test_plain_runs_the_layer_itself():
    layer = fire()
    usual = pass_through(layer)
    with tn.plain():
        assert what_runs(layer) is layer
        for one, two in zip(pass_through(layer), usual, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


def swapped(usual):
    def forward(self, x, train=False):
        y, saved = usual(self, x, train)
        return y[..., ::-1], saved
    return forward


def without_relu(usual):
    def backward(self, dy, saved, input_gradient=True):
        return usual(self, dy, saved._replace(squeezed=np.abs(saved.squeezed) + 1), input_gradient)
    return backward


def one_side(usual):
    def backward(self, dy, saved, input_gradient=True):
        dy = dy.copy()
        dx, grads = usual(self, dy, saved, input_gradient)
        dy[..., self.layer.expand1 :] = 0
        return usual(self, dy, saved, input_gradient)[0], grads
    return backward


@pytest.mark.parametrize("way, mistake", [("forward", swapped), ("backward", without_relu), ("backward", one_side)])
def test_a_planted_mistake_is_noticed_before_it_is_used(way, mistake, monkeypatch):
    with tn.plain():
        expected = pass_through(fire())
    monkeypatch.setattr(fast_fire.FastFire, way, mistake(getattr(FastFire, way)))
    with pytest.warns(UserWarning, match=rf"layer 'fire' \(Fire\): its {way} and tinynet's fast") as said:
        found = pass_through(fire())
    assert len(said) == 1
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)
