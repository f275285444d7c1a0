"""Faster twins of layers against the layers themselves, in float64."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_table import TABLE, draw_case

import tinynet as tn
from tinynet.primitives import twins, winograd
from tinynet.primitives.twins import LEAST_CHANNELS, MOST_FILTERS, ConvInParts, RowConv, WinogradConv, twin

small = st.integers(1, 3)


@given(small, st.integers(1, 9), st.integers(1, 9), small, small, small, st.integers(0, 2), st.integers(0, 2),
       st.integers(0, 10**6))
def test_winograd_gives_what_the_plain_convolution_gives(n, h, w, c, f, groups, down, across, seed):
    h, w = max(h, 3 - 2 * down), max(w, 3 - 2 * across)
    layer = tn.Conv2d(c * groups, f * groups, 3, padding=(down, across), groups=groups, seed=seed).astype("float64")
    generator = np.random.default_rng(seed)
    layer.params["b"] = generator.standard_normal(f * groups)
    same_as_its_layer(WinogradConv(layer), layer, generator.standard_normal((n, h, w, c * groups)), generator)


@given(small, st.integers(1, 9), st.integers(1, 9), small, small, st.integers(1, 6), st.integers(1, 6), small, small,
       st.integers(0, 10**6))
def test_rows_give_what_the_plain_convolution_gives(n, h, w, c, f, kh, kw, down, across, seed):
    h, w = max(h, kh - 2 * down), max(w, kw - 2 * across)
    layer = tn.Conv2d(c, f, (kh, kw), padding=(down, across), seed=seed).astype("float64")
    generator = np.random.default_rng(seed)
    layer.params["b"] = generator.standard_normal(f)
    same_as_its_layer(RowConv(layer), layer, generator.standard_normal((n, h, w, c)), generator)


@given(st.data())
def test_in_parts_gives_what_the_plain_convolution_gives(data):
    layer, x = draw_case(data.draw, TABLE["Conv2d"])
    x = np.concatenate([x] * 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twins, "PART", data.draw(st.sampled_from([1, 100, 10**6])))
        same_as_its_layer(ConvInParts(layer), layer, x, np.random.default_rng(0))


def same_as_its_layer(fast, layer, x, generator):
    """Forward, backward, and backward without the input's gradient."""
    y, saved = layer.forward(x)
    fast_y, fast_saved = fast.forward(x)
    np.testing.assert_allclose(fast_y, y, atol=1e-12)
    assert fast_saved.x is x and saved.x is x
    dy = generator.standard_normal(y.shape)
    dx, grads = layer.backward(dy, saved)
    for input_gradient in (True, False):
        fast_dx, fast_grads = fast.backward(dy, fast_saved, input_gradient)
        assert (fast_dx is None) == (not input_gradient)
        for found, expected in ((fast_grads["w"], grads["w"]), (fast_grads["b"], grads["b"]), (fast_dx, dx)):
            if found is not None:
                np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.parametrize(("forth", "back", "shape"), [
    (winograd.weights, winograd.weights_back, (3, 3, 2, 5)),
    (winograd.tiles, winograd.tiles_back, (2, 6, 8, 3)),
    (lambda x: winograd.padded_for_tiles(x, (1, 2), (3, 5)),
     lambda y: winograd.cropped(y, (1, 2), (2, 3, 3, 2)), (2, 3, 3, 2)),
])
def test_each_way_back_is_the_adjoint(forth, back, shape):
    generator = np.random.default_rng(0)
    x = generator.standard_normal(shape)
    y = forth(x)
    dy = generator.standard_normal(y.shape)
    assert (y * dy).sum() == pytest.approx((x * back(dy)).sum())


def test_in_float32_it_is_as_exact_as_the_plain_convolution():
    generator = np.random.default_rng(0)
    layer = tn.Conv2d(192, 64, 3, padding=1)
    x = generator.standard_normal((2, 13, 13, 192), dtype=np.float32)
    exact, _ = layer.astype("float64").forward(x.astype("float64"))
    plain = np.abs(layer.forward(x)[0] - exact).max()
    assert np.abs(WinogradConv(layer).forward(x)[0] - exact).max() < 4 * plain


def test_who_has_a_twin():
    many = LEAST_CHANNELS
    assert isinstance(twin(tn.Conv2d(many, 4, 3, padding=1)), WinogradConv)
    assert isinstance(twin(tn.Conv2d(2 * many, 4, 3, groups=2)), WinogradConv)
    assert isinstance(twin(tn.Conv2d(32, MOST_FILTERS, 5, padding=2)), RowConv)

    class Mine(tn.Conv2d):
        """A student's own."""

    for layer in (
        tn.Conv2d(many, MOST_FILTERS + 1, 5), tn.Conv2d(3, 4, 5), tn.Conv2d(16, 4, 5, stride=2),
        tn.Conv2d(many, 4, 3, stride=2), tn.Conv2d(many, 4, 3, groups=2), tn.Conv2d(3, 4, 3),
    ):
        assert isinstance(twin(layer), ConvInParts)
    for other in (Mine(many, 4, 3), tn.ReLU()):
        assert twin(other) is other


def test_a_network_with_twins_passes_the_gradient_check():
    net = tn.Network([
        ("conv1", tn.Conv2d(3, LEAST_CHANNELS, 3)), ("relu1", tn.ReLU()),
        ("conv2", tn.Conv2d(LEAST_CHANNELS, 4, 3, padding=1)), ("flatten", tn.Flatten()), ("fc3", tn.Linear(100, 3)),
    ])
    assert isinstance(twin(net["conv2"]), WinogradConv)
    report = tn.check_gradients(net, np.random.default_rng(0).standard_normal((2, 7, 7, 3)))
    assert report.passed, str(report)


def test_with_twins_too_the_number_of_threads_does_not_change_a_bit():
    def step():
        net = tn.Network([
            ("conv1", tn.Conv2d(4, MOST_FILTERS, 5, padding=2, seed=1)), ("relu1", tn.ReLU()),
            ("conv2", tn.Conv2d(MOST_FILTERS, LEAST_CHANNELS, 1, seed=2)),
            ("conv3", tn.Conv2d(LEAST_CHANNELS, 4, 3, padding=1, seed=3)), ("flatten", tn.Flatten()),
        ])
        assert isinstance(twin(net["conv1"]), RowConv) and isinstance(twin(net["conv3"]), WinogradConv)
        y, saved = net.forward(np.random.default_rng(0).standard_normal((70, 8, 8, 4), dtype=np.float32), train=True)
        dx, grads = net.backward(y, saved)
        arrays = [y, dx, *(array for layer in grads.values() for array in layer.values())]
        return [array.tobytes() for array in arrays]

    results = []
    for n in (1, 2, 3):
        tn.set_threads(n)
        results.append(step())
    tn.set_threads()
    assert results[0] == results[1] == results[2]
