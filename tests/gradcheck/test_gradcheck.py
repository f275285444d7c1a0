"""The gradient checker: mistakes of the kinds that people make are caught, and what is right is not called wrong."""
import copy

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.gradcheck.planted import CATALOGUE


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def wrong_layer(name, *arguments, **options):
    """A layer of the catalogue's wrong class."""
    return CATALOGUE[name].wrong(*arguments, **options)


class SlightlyMore(tn.Tanh):
    def input_gradient(self, dy, saved):
        return 1.01 * super().input_gradient(dy, saved)


@pytest.mark.parametrize(("layer", "x", "wrong"), [
    (wrong_layer("softmax-zeros"), images(3, 4), ["x"]),
    (wrong_layer("lrn-own-path-only", alpha=1e-4), images(2, 3, 3, 8), ["x"]),
    (wrong_layer("lrn-window-short", alpha=1e-4), images(2, 3, 3, 8), ["x"]),
    (wrong_layer("max-pool-overwritten", 3, 2), images(2, 7, 7, 2), ["x"]),
    (wrong_layer("linear-bias-mean", 4, 3), images(5, 4), ["b"]),
    (wrong_layer("linear-weight-transposed", 4, 4), images(5, 4), ["w"]),
    (SlightlyMore(), images(3, 4), ["x"]),
    (wrong_layer("sigmoid-sign"), images(3, 4), ["x"]),
], ids=lambda value: type(value).__name__ if isinstance(value, tn.Layer) else "")
def test_a_mistake_is_caught_where_it_is(layer, x, wrong):
    report = tn.check_gradients(layer, x)
    assert not report.passed
    assert report.wrong == wrong
    assert [row.name for row in report.rows if row.verdict == "wrong"] == wrong
    assert f"{type(layer).__name__}: the gradient of {wrong[0]} is wrong" in str(report)


def test_in_a_network_the_parameter_is_named_with_its_layer():
    transposed = wrong_layer("linear-weight-transposed", 4, 4)
    net = tn.Network([("fc1", tn.Linear(4, 4)), ("block", tn.Network([("fc2", transposed)]))], name="mine")
    report = tn.check_gradients(net, images(5, 4))
    assert "mine: the gradient of block.fc2.w is wrong" in str(report)
    assert report["fc1.w"].verdict == "right"
    with pytest.raises(ArgumentError, match=r"fc9.*x, fc1\.w"):
        report["fc9"]


def state(layer):
    generator = layer.generator and layer.generator.bit_generator.state
    return copy.deepcopy((layer.params, layer.buffers, generator, layer.dtype))


def test_running_statistics_and_masks_are_held_and_the_layer_is_left_as_it_was():
    for layer, x in ((tn.BatchNorm2d(2), images(4, 3, 3, 2)), (tn.Dropout(0.5), images(4, 6)),
                     (tn.Linear(6, 2), images(4, 6))):
        before, given = state(layer), x.copy()
        report = tn.check_gradients(layer, x)
        assert report.passed and not report.undecided, str(report)
        np.testing.assert_equal(state(layer), before)
        np.testing.assert_array_equal(x, given)


def test_dropouts_mask_is_the_same_in_all_evaluations():
    dropping = tn.check_gradients(tn.Dropout(0.5), images(40, 6))
    keeping = tn.check_gradients(tn.Dropout(0.5), images(40, 6), train=False)
    assert {row.verdict for row in dropping.rows + keeping.rows} == {"right"}
    assert dropping["x"].analytic != keeping["x"].analytic


def test_train_chooses_the_pass():
    x, right_in_evaluation = images(4, 3, 3, 2), wrong_layer("batch-norm-statistics-constant", 2)
    assert not tn.check_gradients(right_in_evaluation, x, train=True).passed
    assert tn.check_gradients(right_in_evaluation, x, train=False).passed


@pytest.mark.parametrize(("layer", "x"), [
    (tn.ReLU(), np.zeros((3, 4))), (tn.MaxPool2d(3, 2), np.ones((1, 5, 5, 2))),
], ids=["ReLU at zero", "all tied"])
def test_a_kink_everywhere_is_undecided_not_wrong(layer, x):
    report = tn.check_gradients(layer, x)
    assert report.passed and report.undecided == ["x"] and report["x"].verdict == "kink"
    assert "not decided for x: every probe met a kink" in str(report)
    assert "right" not in report.headline()


@pytest.mark.parametrize("constant", [-1e30, np.finfo(np.float32).min, 1e20, 0.0])
@pytest.mark.parametrize("factor", [1, 2, -1, 0])
def test_a_large_constant_beside_them_hides_no_wrong_gradient(constant, factor):
    class Masked(tn.Tanh):
        def forward(self, x, train=False):
            y, saved = super().forward(x)
            y[:, 0] = constant
            return y, saved

        def input_gradient(self, dy, saved):
            dx = factor * dy * (1 - saved.y**2)
            dx[:, 0] = 0
            return dx

    class Saved(Masked):
        def forward(self, x, train=False):
            y, _ = super().forward(x)
            return y, tn.Tanh().forward(x)[1]

    assert tn.check_gradients(Saved(), images(4, 6)).passed is (factor == 1)


@pytest.mark.parametrize("scale", [30, 100, 300, 1000, 1e4])
def test_the_rounding_of_a_saturated_softmax_is_no_mistake(scale):
    wrong = sum(not tn.check_gradients(tn.Softmax(), scale * images(4, 5, seed=seed)).passed for seed in range(15))
    assert wrong <= 3


def test_a_kink_away_from_zero_that_ties_meet_is_none_of_backwards_mistakes():
    class Distance(tn.Layer):
        """max(x - 1, 0) - max(1 - x, 0): x - 1, with a slope of 0 given at 1."""

        def forward(self, x, train=False):
            return np.maximum(x - 1, 0) - np.maximum(1 - x, 0), x

        def backward(self, dy, saved, input_gradient=True):
            return dy * (saved != 1), {}

    assert tn.check_gradients(Distance(), np.round(2 * images(6, 5))).passed


def test_a_few_kinks_are_passed_over():
    x = images(6, 8)
    x[0] = 0
    report = tn.check_gradients(tn.ReLU(), x)
    assert report["x"].verdict in ("right", "kink") and report.passed


def test_any_object_with_forward_and_backward_will_do():
    class Square:
        def forward(self, x, train=False):
            return x * x, x

        def backward(self, dy, saved):
            return 2 * saved * dy, {}

    assert tn.check_gradients(Square(), images(2, 3)).passed


def test_a_loss_is_checked_as_well():
    labels = np.array([0, 2, 1])
    assert tn.check_gradients(lambda s: tn.softmax_cross_entropy(s, labels), images(3, 4)).passed

    def summed(scores):
        return CATALOGUE["loss-batch-size-forgotten"].wrong(scores, labels)

    report = tn.check_gradients(summed, images(3, 4))
    assert not report.passed and "summed: the gradient of x is wrong" in str(report)


def test_each_layer_is_checked_at_what_it_sees():
    from tinynet.gradcheck import check_each_layer

    net = tn.Network([("fc1", tn.Linear(4, 4)), ("tanh1", SlightlyMore()), ("fc2", tn.Linear(4, 2))])
    report = check_each_layer(net, images(3, 4))
    wrong = {row.name for row in report.rows if row.verdict == "wrong"}
    assert wrong == {"tanh1.x", "all layers: x", "all layers: fc1.w", "all layers: fc1.b"}


@pytest.mark.parametrize(("net", "x", "message"), [
    (tn.ReLU(), images(2, 4), "check_each_layer: net is a ReLU, expected a Network; a layer alone is for"),
    (tn.Network([("relu1", tn.ReLU())]), "abc", "check_each_layer: x is"),
    (tn.Network([("relu1", tn.ReLU())]), None, "check_each_layer: x is"),
    (tn.Network([("relu1", tn.ReLU())]), np.nan, "check_each_layer: x is nan, expected finite numbers"),
])
def test_what_each_layer_cannot_be_checked_with_is_named(net, x, message):
    from tinynet.gradcheck import check_each_layer

    with pytest.raises(ArgumentError, match=message):
        check_each_layer(net, x)


def test_the_report_as_text_and_in_a_notebook():
    report = tn.check_gradients(tn.Linear(4, 3), images(2, 4))
    text = str(report)
    assert text.startswith("Linear: all gradients are right\n")
    for word in ("gradient of", "analytic", "numeric", "relative error", "verdict", "x", "w", "b", "right"):
        assert word in text
    assert report._repr_html_().startswith("<p>Linear: all gradients are right</p><table")
