"""Cases small enough to work out by hand, and the traps that other projects fell into."""
import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError, ShapeError


def image(rows):
    """One image of one channel."""
    return np.array(rows, dtype=np.float64)[None, :, :, None]


def plane(array):
    return array[0, :, :, 0].tolist()


# Max-pooling


def test_overlapping_windows_add_up_at_a_common_winner():
    x = image([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 9, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    layer = tn.MaxPool2d(3, 2)
    y, saved = layer.forward(x)
    dx, _ = layer.backward(image([[1, 20], [300, 4000]]), saved)
    assert plane(y) == [[9, 9], [9, 9]]
    assert dx[0, 2, 2, 0] == 4321 and np.count_nonzero(dx) == 1


def test_of_tied_maxima_the_first_row_by_row_wins():
    x = image([[1, 5, 5], [5, 5, 5], [5, 5, 5]])
    layer = tn.MaxPool2d(3, 1)
    dx, _ = layer.backward(image([[7]]), layer.forward(x)[1])
    assert plane(dx) == [[0, 7, 0], [0, 0, 0], [0, 0, 0]]


def test_padding_never_wins_not_even_against_negative_pixels():
    layer = tn.MaxPool2d(3, 2, padding=2)
    y, saved = layer.forward(image([[-4, -3], [-2, -1]]))
    assert plane(y) == [[-4, -3], [-2, -1]]
    dx, _ = layer.backward(image([[1, 10], [100, 1000]]), saved)
    assert plane(dx) == [[1, 10], [100, 1000]]


def test_an_infinite_pixel_wins_against_the_padding_before_it():
    layer = tn.MaxPool2d(3, 2, padding=1)
    dx, _ = layer.backward(image([[7]]), layer.forward(image([[1, 2], [3, float("inf")]]))[1])
    assert plane(dx) == [[0, 0], [0, 7]]


def test_ceil_mode_gives_a_last_window_that_reaches_past_the_edge():
    x = image([[1, 2, 3, 4]] * 4)
    assert plane(tn.MaxPool2d(3, 2).forward(x)[0]) == [[3]]
    assert plane(tn.MaxPool2d(3, 2, ceil_mode=True).forward(x)[0]) == [[3, 4], [3, 4]]


def test_ceil_mode_takes_a_window_larger_than_the_image():
    y, saved = tn.MaxPool2d(3, 2, ceil_mode=True).forward(image([[1, 2], [3, 4]]))
    assert plane(y) == [[4]]
    assert plane(tn.AvgPool2d(3, 2, ceil_mode=True).forward(image([[1, 2], [3, 4]]))[0]) == [[2.5]]
    for small, stride in (([[1]], 2), ([[1, 2], [3, 4]], 1)):  # rounded up, there is still no window
        with pytest.raises(ShapeError, match="a window of 3 does not fit"):
            tn.MaxPool2d(3, stride, ceil_mode=True).forward(image(small))


def test_ceil_mode_leaves_out_a_window_that_would_start_past_the_image():
    x = image([[1, 2, 3]] * 3)
    assert tn.MaxPool2d(1, 3, ceil_mode=True).forward(x)[0].shape == (1, 1, 1, 1)


def test_pooling_takes_no_padding_as_large_as_its_window():
    with pytest.raises(ArgumentError, match="padding is 3.*at most kernel_size - 1 = 2"):
        tn.MaxPool2d(3, 2, padding=3)
    with pytest.raises(ArgumentError, match="padding is 4, expected at most kernel_size - 1 = 1"):
        tn.AvgPool2d((5, 2), 2, padding=4)


def test_a_maximum_of_nan_sends_its_gradient_nowhere():
    layer = tn.MaxPool2d(2, 2)
    y, saved = layer.forward(image([[1, np.nan, 3, 4], [5, 6, 7, 8]]))
    assert np.isnan(y[0, 0, 0, 0]) and y[0, 0, 1, 0] == 8
    assert plane(layer.backward(image([[10, 20]]), saved)[0]) == [[0, 0, 0, 0], [0, 0, 0, 20]]


# Average pooling


def test_the_average_counts_padding_but_not_what_ceil_mode_adds():
    assert plane(tn.AvgPool2d(2, 2, padding=1).forward(image([[4, 8], [12, 16]]))[0]) == [[1, 2], [3, 4]]
    y, _ = tn.AvgPool2d(3, 2, ceil_mode=True).forward(image([[1, 2, 3, 4]] * 4))
    assert plane(y) == [[2, 3.5], [2, 3.5]]


# Convolution


def test_filters_are_not_flipped():
    layer = tn.Conv2d(1, 1, 2).astype("float64")
    layer.params["w"] = np.array([[1.0, 10], [100, 1000]]).reshape(2, 2, 1, 1)
    layer.params["b"] = np.array([0.5])
    assert plane(layer.forward(image([[1, 2], [3, 4]]))[0]) == [[4321.5]]


def test_a_group_sees_its_own_channels_only():
    layer = tn.Conv2d(2, 2, 1, groups=2).astype("float64")
    layer.params["w"] = np.array([3.0, 5.0]).reshape(1, 1, 1, 2)
    x = np.array([[[[1.0, 100.0]]]])
    assert layer.forward(x)[0].tolist() == [[[[3.0, 500.0]]]]


def test_ceil_mode_of_a_convolution_reads_zeros_past_the_edge():
    layer = tn.Conv2d(3, 2, 11, stride=4, ceil_mode=True)
    assert layer.output_shape((224, 224, 3)) == (55, 55, 2)
    assert tn.Conv2d(3, 2, 11, stride=4).output_shape((224, 224, 3)) == (54, 54, 2)
    one = tn.Conv2d(1, 1, 2, stride=2, ceil_mode=True).astype("float64")
    one.params["w"] = np.ones((2, 2, 1, 1))
    assert plane(one.forward(image([[1, 2, 3]] * 3))[0]) == [[6, 6], [3, 3]]


def test_the_initial_weights_of_a_layer_alone_have_hes_scale_and_follow_the_seed():
    layer = tn.Conv2d(16, 256, 5)
    assert layer.params["w"].std() == pytest.approx(np.sqrt(2 / (5 * 5 * 16)), rel=0.01)
    assert layer.params["w"].dtype == np.float32 and not layer.params["b"].any()
    chosen = tn.Conv2d(16, 256, 5, std=0.01, bias=1, seed=3)
    assert chosen.params["w"].std() == pytest.approx(0.01, rel=0.01) and (chosen.params["b"] == 1).all()
    assert np.array_equal(chosen.params["w"], tn.Conv2d(16, 256, 5, std=0.01, seed=3).params["w"])
    assert not np.array_equal(layer.params["w"], tn.Conv2d(16, 256, 5, seed=1).params["w"])


# Response normalization


def test_lrn_sums_over_c_minus_2_to_c_plus_2_and_stops_at_the_ends():
    x = np.array([[1.0, 2, 4, 8, 16, 32]])[None, None]
    layer = tn.LocalResponseNorm(size=5, alpha=1.0, beta=1.0, k=2.0)
    sums = [1 + 4 + 16, 1 + 4 + 16 + 64, 1 + 4 + 16 + 64 + 256, 4 + 16 + 64 + 256 + 1024, 16 + 64 + 256 + 1024,
            64 + 256 + 1024]
    np.testing.assert_allclose(layer.forward(x)[0], x / (2 + np.array(sums)))


def test_alpha_multiplies_the_sum_not_the_mean():
    x = np.ones((1, 1, 1, 5))
    y, _ = tn.LocalResponseNorm(size=5, alpha=1.0, beta=1.0, k=2.0).forward(x)
    assert y[0, 0, 0, 2] == pytest.approx(1 / (2 + 5))


def test_lrn_windows_stay_inside_a_tower():
    x = np.ones((1, 1, 1, 4))
    y, _ = tn.LocalResponseNorm(size=3, alpha=1.0, beta=1.0, k=1.0, groups=2).forward(x)
    np.testing.assert_allclose(y[0, 0, 0], 1 / 3)


def test_the_cross_channel_term_of_lrn_is_there():
    layer = tn.LocalResponseNorm(alpha=1.0)
    x = np.ones((1, 1, 1, 5))
    only_first = np.array([1.0, 0, 0, 0, 0])[None, None, None]
    dx, _ = layer.backward(only_first, layer.forward(x)[1])
    assert (dx[0, 0, 0, 1:3] < 0).all() and (dx[0, 0, 0, 3:] == 0).all()


def test_spatial_norm_sums_over_places_of_its_own_map():
    x = np.zeros((1, 3, 3, 2))
    x[..., 0] = 1
    y, _ = tn.SpatialResponseNorm(size=3, alpha=1.0, beta=1.0, k=1.0).forward(x)
    assert plane(y) == [[1 / 5, 1 / 7, 1 / 5], [1 / 7, 1 / 10, 1 / 7], [1 / 5, 1 / 7, 1 / 5]]
    assert not y[..., 1].any()


@pytest.mark.parametrize(
    ("setting", "value"), [("size", 4), ("size", 0), ("k", 0), ("alpha", -1), ("beta", float("nan"))]
)
def test_response_norms_refuse_settings_that_make_no_sense(setting, value):
    for kind in (tn.LocalResponseNorm, tn.SpatialResponseNorm):
        with pytest.raises(ArgumentError, match=f"{kind.__name__}: {setting} is {value}"):
            kind(**{setting: value})


# Dropout


def test_dropout_drops_p_scales_the_rest_and_leaves_evaluation_alone():
    layer = tn.Dropout(0.2)
    x = np.ones((100, 1000), dtype=np.float32)
    y, saved = layer.forward(x, train=True)
    assert (y == 0).mean() == pytest.approx(0.2, abs=0.01)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.8)}
    np.testing.assert_array_equal(layer.backward(x, saved)[0], y)
    assert not np.array_equal(layer.forward(x, train=True)[0], y), "the next mask is another one"
    z, saved = layer.forward(x, train=False)
    np.testing.assert_array_equal(z, x)
    np.testing.assert_array_equal(layer.backward(x, saved)[0], x)


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, float("nan"), "half"])
def test_dropout_refuses_a_p_that_is_no_probability(p):
    with pytest.raises(ArgumentError, match="Dropout: p is"):
        tn.Dropout(p)


def test_dropout_keeps_a_draw_of_p_itself():
    class Drawn:
        """Draws 0, 0.5 and 0.75 instead of random numbers."""

        def random(self, shape, dtype):
            return np.array([[0, 0.5, 0.75]], dtype)

    for p, y in ((0.0, [[1, 1, 1]]), (0.5, [[0, 2, 2]])):            # P(draw >= p) = 1 - p for draws from [0, 1)
        layer = tn.Dropout(p)
        layer.generator = Drawn()
        np.testing.assert_array_equal(layer.forward(np.ones((1, 3), np.float32), train=True)[0], y)


# Batch normalization


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d"])
def test_batch_norm_keeps_running_statistics_as_pytorch_does(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")
    ours, theirs = getattr(tn, name)(3).astype("float64"), getattr(torch.nn, name)(3).double()
    places = (5, 6) if name == "BatchNorm2d" else ()

    def reference(x):
        y = theirs(torch.movedim(torch.tensor(x), -1, 1))
        return torch.movedim(y, 1, -1).detach().numpy()

    generator = np.random.default_rng(0)
    for _ in range(3):
        x = generator.normal(2, 3, (4, *places, 3))
        y, _ = ours.forward(x, train=True)
        np.testing.assert_allclose(y, reference(x), rtol=1e-10)
    np.testing.assert_allclose(ours.buffers["running_mean"], theirs.running_mean.numpy())
    np.testing.assert_allclose(ours.buffers["running_variance"], theirs.running_var.numpy())
    theirs.eval()
    x = generator.normal(2, 3, (2, *places, 3))
    np.testing.assert_allclose(ours.forward(x)[0], reference(x))


def test_batch_norm_counts_values_for_the_running_variance_as_samples_of_a_population():
    for values, unbiased in (([1.0, 3.0], 2.0), ([5.0], 0.0)):                   # divided by N - 1; of one value, 0
        layer = tn.BatchNorm2d(1, momentum=1.0).astype("float64")
        layer.forward(np.reshape(values, (len(values), 1, 1, 1)), train=True)
        assert layer.buffers["running_variance"] == unbiased


def test_batch_norm_of_features_gives_these_numbers():
    layer = tn.BatchNorm1d(2, momentum=0.5, eps=0.0).astype("float64")
    layer.params["w"][:], layer.params["b"][:] = (1, 3), (0, 1)
    x = np.array([[1.0, 2], [5, 6], [1, 2], [5, 6]])                             # means 3 and 4, deviations 2 and 2
    y, saved = layer.forward(x, train=True)
    np.testing.assert_array_equal(y, [[-1, -2], [1, 4], [-1, -2], [1, 4]])
    np.testing.assert_array_equal(layer.buffers["running_mean"], [1.5, 2])       # halfway from 0
    np.testing.assert_allclose(layer.buffers["running_variance"], [0.5 + 8 / 3, 0.5 + 8 / 3])  # from 1 to 16 / (4 - 1)
    dx, grads = layer.backward(np.array([[1.0, 0], [0, 0], [0, 0], [0, 4]]), saved)
    np.testing.assert_array_equal(dx[:, 0], [0.25, 0, -0.25, 0])                 # (dy - 1/4 - normalized * -1/4) / 2
    np.testing.assert_array_equal(dx[:, 1], [0, -3, 0, 3])                       # 3 / 2 (dy - 1 - normalized * 1)
    np.testing.assert_array_equal([grads["w"], grads["b"]], [[-1, 4], [1, 4]])
    np.testing.assert_allclose(layer.forward(x[:1])[0], [[-0.5 / np.sqrt(19 / 6), 1]])  # of the running ones


def test_batch_norm_of_one_row_is_b_in_training():
    layer = tn.BatchNorm1d(3)
    layer.params["b"][:] = (1, 2, 3)
    y, saved = layer.forward(np.array([[5, -7, 1e6]], np.float32), train=True)
    np.testing.assert_array_equal(y, [[1, 2, 3]])
    np.testing.assert_array_equal(layer.backward(np.ones((1, 3), np.float32), saved)[0], np.zeros((1, 3)))


def test_batch_norm_in_a_network_sees_the_whole_batch():
    x = np.random.default_rng(0).standard_normal((100, 2, 2, 3))                # of several blocks
    net = tn.Network([("relu", tn.ReLU()), ("norm", tn.BatchNorm2d(3)), ("again", tn.ReLU())]).astype("float64")
    alone, _ = tn.BatchNorm2d(3).astype("float64").forward(np.maximum(x, 0), train=True)
    np.testing.assert_allclose(net.forward(x, train=True)[0], np.maximum(alone, 0), atol=1e-12)


# Softmax and the loss


def test_the_backward_of_softmax_alone_is_not_zero():
    layer = tn.Softmax()
    dx, _ = layer.backward(np.array([[1.0, 0]]), layer.forward(np.array([[0.0, 0]]))[1])
    np.testing.assert_allclose(dx, [[0.25, -0.25]])


def test_softmax_does_not_overflow():
    y, _ = tn.Softmax().forward(np.array([[1000.0, 1000.0, -1000.0]]))
    np.testing.assert_allclose(y, [[0.5, 0.5, 0]])


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise"):
        y, _ = tn.Sigmoid().forward(np.array([[-1000.0, 0, 1000]]))
    assert y.tolist() == [[0, 0.5, 1]]
