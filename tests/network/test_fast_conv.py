"""Fast implementations of convolution against the layer itself, in float64."""
import inspect

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn
from tinynet.network import fast_conv, winograd
from tinynet.network.fast import fast_or_own
from tinynet.network.fast_conv import ConvInParts, FewChannelsConv, SideBySideConv
from tinynet.network.fast_norm import NormInPieces
from tinynet.network.fast_on_gpu import FusedResponseNorm
from tinynet.network.fast_winograd import WinogradConv
from tinynet.network.side_by_side import wide_col2im, wide_weights, wide_weights_back, wide_window, windows_beside
from tinynet.ops import col2im, im2col
from tinynet.ops.window import Window

small = st.integers(1, 3)


@given(small, st.integers(1, 18), st.integers(1, 9), small, small, small, st.integers(1, winograd.MOST_TAPS),
       st.integers(1, 5), st.integers(0, 7), st.integers(0, 3), st.integers(0, 10**6))
def test_at_stride_1_each_gives_what_the_plain_convolution_gives(
    n, h, w, c, f, groups, kh, kw, down, across, seed
):
    h, w = max(h, kh - 2 * down), max(w, kw - 2 * across)
    layer = tn.Conv2d(c * groups, f * groups, (kh, kw), padding=(down, across), groups=groups, seed=seed)
    layer, generator = layer.astype("float64"), np.random.default_rng(seed)
    layer.params["b"] = generator.standard_normal(f * groups)
    x = generator.standard_normal((n, h, w, c * groups))
    same_as_its_layer(WinogradConv(layer), layer, x, generator)
    if groups == 1:
        same_as_its_layer(FewChannelsConv(layer), layer, x, generator)
        same_as_its_layer(SideBySideConv(layer), layer, x, generator)


@given(st.data())
def test_in_parts_gives_what_the_plain_convolution_gives(data):
    layer, x = draw_case(data.draw, TABLE["Conv2d"])
    x = np.concatenate([x] * 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_conv, "PART", data.draw(st.sampled_from([1, 100, 10**6])))
        same_as_its_layer(ConvInParts(layer), layer, x, np.random.default_rng(0))


def same_as_its_layer(fast, layer, x, generator):
    """Forward, backward, and backward without the input's gradient."""
    y, saved = layer.forward(x)
    fast_y, fast_saved = fast.forward(x)
    np.testing.assert_allclose(fast_y, y, atol=1e-12)
    assert fast_saved.x is x and saved.x is x
    dy = generator.standard_normal(y.shape)
    dx, grads = layer.backward(dy, saved)
    for input_gradient, made in ((True, fast), (False, fast), (True, type(fast)(layer))):  # the last saw no forward
        fast_dx, fast_grads = made.backward(dy, fast_saved, input_gradient)
        assert (fast_dx is None) == (not input_gradient)
        for found, expected in ((fast_grads["w"], grads["w"]), (fast_grads["b"], grads["b"]), (fast_dx, dx)):
            if found is not None:
                np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.parametrize("height", range(1, 20))
@pytest.mark.parametrize("taps", range(1, winograd.MOST_TAPS + 1))
def test_each_backward_is_the_adjoint(taps, height):
    generator = np.random.default_rng(0)
    above = 1 if height + taps > 3 else 0  # rows of padding, and as many below
    tiles = winograd.Tiles(taps, above, height, np.zeros(0))
    images, filters, outputs = (2, height + taps - 1 - 2 * above, 3, 2), (taps, 3, 2, 5), (2, height, 3, 5)

    def joined(products):
        y = np.empty(outputs)
        tiles.outputs(products, y)
        return y

    for forth, back, shape in (
        (tiles.images, lambda dv: tiles.images_back(dv, images), images),
        (tiles.weights, lambda du: tiles.weights_back(du, filters), filters),
        (joined, tiles.outputs_back, (tiles.sums, 2 * tiles.count * 3, 5)),
    ):
        x = generator.standard_normal(shape)
        y = forth(x)
        dy = generator.standard_normal(y.shape)
        assert (y * dy).sum() == pytest.approx((x * back(dy)).sum())


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2),
       st.integers(0, 10**6))
def test_wide_windows_are_windows_side_by_side(rows, taps, channels, filters, count, padding, seed):
    generator = np.random.default_rng(seed)
    width = count * int(generator.integers(1, 4))
    window = Window((rows, taps), (1, 1), (0, padding), False)
    x = generator.standard_normal((2, rows + 2, max(1, width + taps - 1 - 2 * padding), channels))
    assume(x.shape[2] + 2 * padding - taps + 1 == width)  # some widths no image can have
    w = generator.standard_normal((rows, taps * channels, filters))
    wide = wide_weights(w, channels, count)
    expected = im2col(x, window) @ w.reshape(-1, filters)
    across = wide_window(window, count)
    found = im2col(x, across) @ wide.reshape(-1, count * filters)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-12)
    dwide = generator.standard_normal(wide.shape)
    assert (dwide * wide).sum() == pytest.approx((wide_weights_back(dwide, channels, count) * w).sum())
    cols = generator.standard_normal(im2col(x, across).shape)
    np.testing.assert_allclose(wide_col2im(cols, x.shape, across), col2im(cols, x.shape, across), atol=1e-12)


def test_how_many_windows_make_one():
    assert [windows_beside(*case) for case in ((28, 5, 6), (10, 5, 16), (32, 5, 32), (13, 3, 6), (13, 3, 200))] == [
        14, 5, 4, 1, 1]


def test_tiles_need_the_fewest_multiplications():
    for length, taps, outputs, multiplications in (
        (27, 5, 4, 7 * 8), (13, 3, 5, 3 * 7), (1, 5, 1, 5), (9, 3, 5, 2 * 7), (16, 3, 4, 4 * 6),
    ):
        assert winograd.outputs_at_a_time(length, taps) == outputs
        tiles = winograd.Tiles(taps, 0, length, np.zeros(0))
        assert tiles.count * tiles.sums == multiplications


def test_tiles_that_fit_see_the_rows_of_the_image_alone():
    assert winograd.Tiles(3, 1, 12, np.zeros(0)).height == 12 + 2


def test_tiles_and_weights_are_made_once_in_a_pass(monkeypatch):
    made = []
    monkeypatch.setattr(winograd.Tiles, "weights",
                        lambda self, w: made.append(w) or np.zeros((self.sums, 3 * w.shape[2], w.shape[3])))
    fast = WinogradConv(tn.Conv2d(4, 2, 3).astype("float64"))
    for _ in range(3):
        _, saved = fast.forward(np.zeros((1, 5, 5, 4)))
    assert len(made) == 1
    for _ in range(3):
        fast.backward(np.zeros((1, 3, 3, 2)), saved)
    assert len(made) == 2, "the filters turned round"


def test_how_many_images_go_through_im2col_at_a_time(monkeypatch):
    monkeypatch.setattr(fast_conv, "PART", 1200)
    layer = ConvInParts(tn.Conv2d(5, 9, (2, 3), stride=2))
    y = np.zeros((7, 3, 5, 9))                                                   # 3 * 5 * 2 * 3 * 5 = 450 an image
    assert layer.parts(y) == [slice(0, 3), slice(3, 6), slice(6, 9)]             # 1200 / 450 = 2.67
    monkeypatch.setattr(fast_conv, "PART", 100)
    assert len(layer.parts(y)) == 7


@pytest.mark.parametrize("made", [WinogradConv, FewChannelsConv, SideBySideConv, ConvInParts, FusedResponseNorm])
def test_a_fast_implementation_is_called_as_its_layer_is(made):
    for way in ("forward", "backward"):
        defaults = [
            [(p.name, p.default) for p in inspect.signature(getattr(owner, way)).parameters.values()]
            for owner in (made, tn.Layer)
        ]
        assert defaults[0] == defaults[1]


@pytest.mark.parametrize(("taps", "padding", "size", "channels"), [(3, 1, 13, 192), (5, 2, 27, 48)])
def test_in_float32_it_is_nearly_as_exact_as_the_plain_convolution(taps, padding, size, channels):
    generator = np.random.default_rng(0)
    layer = tn.Conv2d(channels, 64, taps, padding=padding)
    exact_layer, fast = layer.astype("float64"), WinogradConv(layer)
    x = generator.standard_normal((2, size, size, channels), dtype=np.float32)
    dy = generator.standard_normal((2, size, size, 64), dtype=np.float32)
    y, saved = exact_layer.forward(x.astype("float64"))
    dx, grads = exact_layer.backward(dy.astype("float64"), saved)
    y32, saved32 = fast.forward(x)
    dx32, grads32 = fast.backward(dy, saved32)
    for found, exact in ((y32, y), (dx32, dx), (grads32["w"], grads["w"]), (grads32["b"], grads["b"])):
        assert found.dtype == np.float32
        assert np.sqrt(((found - exact) ** 2).mean()) < 2e-6 * exact.std()  # the plain products reach 1 to 5e-7


def test_who_has_a_fast_implementation():
    assert isinstance(fast_or_own(tn.Conv2d(8, 4, 3, padding=1)), WinogradConv)
    assert isinstance(fast_or_own(tn.Conv2d(8, 4, (5, 1), groups=2)), WinogradConv)
    assert isinstance(fast_or_own(tn.Conv2d(3, 32, 5, padding=2)), FewChannelsConv)
    for of_few in (tn.Conv2d(1, 6, 5), tn.Conv2d(6, 16, 5), tn.Conv2d(3, 4, 11)):
        assert isinstance(fast_or_own(of_few), SideBySideConv)

    class Mine(tn.Conv2d):
        """A student's own."""

    for layer in (
        tn.Conv2d(8, 4, 1), tn.Conv2d(8, 4, 2), tn.Conv2d(8, 4, 6), tn.Conv2d(2, 4, 3, groups=2),
        tn.Conv2d(16, 4, 5, stride=2), tn.Conv2d(3, 4, 3, stride=2),
    ):
        assert isinstance(fast_or_own(layer), ConvInParts)
    for other in (Mine(8, 4, 3), tn.ReLU()):
        assert fast_or_own(other) is other


def test_on_a_gpu_normalization_has_one_and_convolution_none(gpu):
    x = gpu.zeros((1, 4, 4, 8), "float32")
    for layer, made in ((tn.LocalResponseNorm(), FusedResponseNorm), (tn.Conv2d(8, 4, 3), tn.Conv2d)):
        assert type(fast_or_own(layer, x, (4, 4, 8))) is made
    x = np.zeros((1, 4, 4, 8), "float32")
    for layer, made in ((tn.LocalResponseNorm(), NormInPieces), (tn.Conv2d(8, 4, 3), WinogradConv)):
        assert type(fast_or_own(layer, x, (4, 4, 8))) is made


def test_a_network_passes_the_gradient_check():
    net = tn.Network([
        ("conv1", tn.Conv2d(3, 16, 3)), ("relu1", tn.ReLU()), ("conv2", tn.Conv2d(16, 4, 3, padding=1)),
        ("flatten", tn.Flatten()), ("fc3", tn.Linear(100, 3)),
    ])
    assert isinstance(fast_or_own(net["conv1"]), FewChannelsConv)
    assert isinstance(fast_or_own(net["conv2"]), WinogradConv)
    report = tn.check_gradients(net, np.random.default_rng(0).standard_normal((2, 7, 7, 3)))
    assert report.passed, str(report)


def test_the_number_of_threads_does_not_change_a_bit():
    def step():
        net = tn.Network([
            ("conv1", tn.Conv2d(3, 16, 5, padding=2, seed=1)), ("relu1", tn.ReLU()),
            ("conv2", tn.Conv2d(16, 8, 1, seed=2)), ("conv3", tn.Conv2d(8, 4, 3, padding=1, seed=3)),
            ("flatten", tn.Flatten()),
        ])
        y, saved = net.forward(np.random.default_rng(0).standard_normal((140, 8, 8, 3), dtype=np.float32), train=True)
        dx, grads = net.backward(y, saved)
        arrays = [y, dx, *(array for layer in grads.values() for array in layer.values())]
        return [array.tobytes() for array in arrays]

    results = []
    for n in (1, 2, 3):
        tn.set_threads(n)
        results.append(step())
    tn.set_threads()
    assert results[0] == results[1] == results[2]
