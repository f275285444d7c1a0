"""Fast implementations of pooling against the layers themselves."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynet as tn
from tinynet.network import fast, fast_pool
from tinynet.network.fast import fast_implementation
from tinynet.network.fast_pool import AvgPoolByAxis, MaxPoolByIndex

pair = st.tuples(st.integers(1, 4), st.integers(1, 4))


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), [
    (3, 1, 1, (1, 1)), (3, 2, 1, (2, 2)), (4, 1, 2, (3, 1)),
])
@pytest.mark.parametrize("kind", ["MaxPool2d", "AvgPool2d"])
def test_images_smaller_than_the_window(kind, kernel, stride, padding, size):
    layer = getattr(tn, kind)(kernel, stride, padding)
    x = np.random.default_rng(0).standard_normal((2, *size, 3))
    (y, saved), fast = layer.forward(x), fast_implementation(layer)(layer)
    np.testing.assert_array_equal(fast.forward(x)[0], y)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    np.testing.assert_allclose(fast.backward(dy, saved)[0], layer.backward(dy, saved)[0], atol=1e-14)


@given(st.sampled_from(["MaxPool2d", "AvgPool2d"]), pair, pair, st.booleans(), st.data())
def test_it_does_what_its_layer_does(kind, kernel, stride, ceil_mode, data):
    padding = tuple(data.draw(st.integers(0, k - 1)) for k in kernel)
    layer = getattr(tn, kind)(kernel, stride, padding, ceil_mode)
    h, w = (data.draw(st.integers(max(1, k - 2 * p), 9)) for k, p in zip(kernel, padding, strict=True))
    generator = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    x = generator.integers(-2, 3, (2, h, w, 3)).astype("float64")  # whole numbers: many are equal
    fast = fast_implementation(layer)(layer)
    (y, saved), (fast_y, fast_saved) = layer.forward(x), fast.forward(x)
    np.testing.assert_array_equal(fast_y, y)
    assert type(fast_saved) is type(saved) and all(a is x or a is fast_y for a in fast_saved)
    dy = generator.standard_normal(y.shape)
    np.testing.assert_allclose(fast.backward(dy, fast_saved)[0], layer.backward(dy, saved)[0], atol=1e-14)
    assert fast.backward(dy, fast_saved, False) == (None, {})


@pytest.mark.parametrize("kind", ["MaxPool2d", "AvgPool2d"])
def test_in_float32_too(kind):
    layer = getattr(tn, kind)(3, 2, ceil_mode=True)
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 5), dtype=np.float32)
    (y, saved), fast = layer.forward(x), fast_implementation(layer)(layer)
    dx, _ = fast.backward(y, saved)
    assert fast.forward(x)[0].dtype == dx.dtype == np.float32
    np.testing.assert_allclose(dx, layer.backward(y, saved)[0], rtol=1e-6)


def test_the_gradient_of_a_maximum_of_nan_goes_nowhere_and_the_others_as_ever():
    layer = tn.MaxPool2d(3, 2)
    x = np.random.default_rng(0).standard_normal((2, 7, 7, 2))
    x[0, 0, 0, 0] = np.nan
    y, saved = layer.forward(x)
    fast_y, _ = MaxPoolByIndex(layer).forward(x)
    np.testing.assert_array_equal(fast_y, y)
    dy = np.ones_like(y)
    dx, _ = MaxPoolByIndex(layer).backward(dy, saved)
    np.testing.assert_array_equal(dx, layer.backward(dy, saved)[0])
    assert dx.sum() == dy.sum() - 1


def test_what_is_added_around_an_image_never_wins_not_even_against_minus_infinity():
    x = np.full((1, 3, 3, 1), -np.inf, np.float32)
    x[0, 2, 2, 0] = 1
    layer = tn.MaxPool2d(2, 2, padding=1)
    y, saved = layer.forward(x)
    dy = np.ones_like(y)
    for backward in (layer.backward, MaxPoolByIndex(layer).backward):
        np.testing.assert_array_equal(backward(dy, saved)[0].ravel(), [1, 1, 0, 1, 0, 0, 0, 0, 1])


def test_who_has_one(gpu):
    assert fast_implementation(tn.MaxPool2d(3, 2)) is MaxPoolByIndex
    assert fast_implementation(tn.AvgPool2d(3, 2)) is AvgPoolByAxis
    assert fast_implementation(tn.MaxPool2d((16, 16), 2)) is None, "a byte counts to 255"
    for layer in (tn.MaxPool2d(3, 2), tn.AvgPool2d(3, 2)):
        assert fast_implementation(layer, on_gpu=True, shape=(8, 8, 3)) is None


def test_a_network_passes_the_gradient_check():
    net = tn.Network([("pool1", tn.MaxPool2d(3, 2)), ("pool2", tn.AvgPool2d(2, 2)), ("flatten", tn.Flatten()),
                      ("fc3", tn.Linear(8, 2))])
    report = tn.check_gradients(net, np.random.default_rng(0).standard_normal((2, 9, 9, 2)))
    assert report.passed, str(report)


def pass_through(net, x):
    y, saved = net.forward(x, train=True)
    return y, net.backward(np.ones_like(y), saved)[0]


def one_winner_moved(self, x, y):
    tap = usual_winners(self, x, y)
    tap[:, 0, 0] = (tap[:, 0, 0] + 1) % 9
    return tap


usual_winners, usual_backward = MaxPoolByIndex.winners, AvgPoolByAxis.backward


@pytest.mark.parametrize(("layer", "owner", "method", "mistake", "way"), [
    (tn.MaxPool2d(3, 2), MaxPoolByIndex, "winners", one_winner_moved, "backward"),
    (tn.MaxPool2d(3, 2, ceil_mode=True), MaxPoolByIndex, "forward",
     lambda self, x, train=False: tn.MaxPool2d(2, 2, ceil_mode=True).forward(x), "forward"),
    (tn.AvgPool2d(3, 2), AvgPoolByAxis, "backward",
     lambda self, dy, saved, needed=True: usual_backward(self, 2 * dy, saved, needed), "backward"),
])
def test_a_planted_mistake_is_noticed_before_it_is_used(layer, owner, method, mistake, way, monkeypatch):
    net, x = tn.Network([("pool", layer)]), np.random.default_rng(0).standard_normal((5, 8, 8, 3), dtype=np.float32)
    with tn.plain():
        expected = pass_through(net, x)
    monkeypatch.setattr(fast, "_differ", set())
    monkeypatch.setattr(owner, method, mistake)
    with pytest.warns(UserWarning, match=rf"layer 'pool' \({type(layer).__name__}\): its {way} and tinynet's fast"):
        found = pass_through(net, x)
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [tn.MaxPool2d, tn.AvgPool2d])
def test_a_method_of_ones_own_runs_in_a_network(kind, monkeypatch):
    net, x = tn.Network([("pool", kind(3, 2))]), np.random.default_rng(0).standard_normal((2, 7, 7, 3))
    _, usual = pass_through(net, x)
    own = kind.input_gradient
    monkeypatch.setattr(kind, "input_gradient", lambda self, dy, saved: 2 * own(self, dy, saved))
    np.testing.assert_allclose(pass_through(net, x)[1], 2 * usual)


def test_images_of_many_sizes_leave_little_in_memory():
    fast_pool.window_offsets.cache_clear()
    for size in range(6, 60):
        layer, x = tn.MaxPool2d(3, 2), np.zeros((2, size, 6, 1))
        MaxPoolByIndex(layer).backward(*MaxPoolByIndex(layer).forward(x))
    assert fast_pool.window_offsets.cache_info().currsize <= 16
