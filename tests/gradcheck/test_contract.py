"""The gradient checker watches the contract of a layer too: what a pass must leave alone, and the form of gradients."""
import re

import numpy as np
import pytest
from support.skip import Skip

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.gradcheck.planted import CATALOGUE


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def wrong_layer(name, *arguments):
    """A layer of the catalogue's wrong class."""
    return CATALOGUE[name].wrong(*arguments)


class StepsInBackward(tn.Linear):
    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        self.params["w"] -= 0.01 * grads["w"]
        return grads


class KeepsItsMask(tn.Dropout):
    """Fails for any other batch size; for the same one, it drops other entries than forward did."""

    def forward(self, x, train=False):
        y, saved = super().forward(x, train)
        self.mask = saved.mask
        return y, saved

    def input_gradient(self, dy, saved):
        return dy * self.mask


class OneBuffer(tn.Tanh):
    """Every call writes its output into the same array."""

    def forward(self, x, train=False):
        if len(getattr(self, "kept", [])) < len(x):
            self.kept = np.empty(x.shape)
        y = self.kept[: len(x)]
        y[...] = np.tanh(x)
        return y, super().forward(x, train)[1]._replace(y=y)


class NotWithoutInputGradient(tn.Linear):
    def backward(self, dy, saved, input_gradient=True):
        dx, grads = super().backward(dy, saved, input_gradient)
        return dx, grads if input_gradient else {name: 0 * gradient for name, gradient in grads.items()}


class OwnGenerator(tn.Layer):
    """The check cannot freeze a random generator that it doesn't find."""

    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)

    def forward(self, x, train=False):
        mask = self.rng.random(x.shape) > 0.5
        return x * mask, (mask,)

    def backward(self, dy, saved, input_gradient=True):
        return dy * saved[0], {}


class RunsInEvaluation(tn.BatchNorm2d):
    def forward(self, x, train=False):
        self.update_running(x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2)), 8)
        return super().forward(x, False)


@pytest.mark.parametrize(("layer", "x", "wrong", "sentence"), [
    (wrong_layer("contract-forward-writes-into-x"), images(3, 4), ["forward"], "writes into its input x"),
    (wrong_layer("contract-forward-changes-weights", 4, 3), images(3, 4), ["forward"],
     "changes the parameter w: only the optimizer may"),
    (wrong_layer("contract-backward-writes-into-dy"), images(3, 4), ["backward"], "writes into the upstream gradient"),
    (wrong_layer("contract-backward-writes-into-saved"), images(3, 4), ["backward"], r"writes into saved\.y"),
    (StepsInBackward(4, 3), images(3, 4), ["backward"], "changes the parameter w: only the optimizer may"),
    (wrong_layer("contract-gradients-accumulate", 4, 3), images(3, 4), ["backward"],
     "called twice .* a different gradient of w, b the second time"),
    (wrong_layer("contract-saved-on-self", 4, 3), images(3, 4), ["backward"],
     "after a second call of forward it fails: it uses what that call left .*ValueError"),
    (KeepsItsMask(0.5), images(3, 4), ["backward"], "after a second call of forward it"),
    (OneBuffer(), images(3, 4), ["forward"], "a second call writes into what the first one returned"),
    (NotWithoutInputGradient(4, 3), images(3, 4), ["backward"], "with input_gradient=False .* gradient of w"),
    (wrong_layer("contract-forward-rounded"), images(3, 4), ["forward"], "with the precision of float32"),
    (wrong_layer("contract-forward-float32"), images(3, 4), ["forward"], "its output is float32 for an input of"),
    (OwnGenerator(), images(3, 4), ["forward"], "a different output each time .* in the attribute `generator`"),
], ids=lambda value: type(value).__name__ if isinstance(value, tn.Layer) else "")
def test_a_broken_rule_is_named(layer, x, wrong, sentence):
    report = tn.check_gradients(layer, x)
    assert [name for name in report.wrong if name in ("forward", "backward")] == wrong
    assert not report.passed
    assert f"{type(layer).__name__}: " in report.headline() and f"{wrong[0]} breaks the contract" in report.headline()
    assert re.search(sentence, str(report)), str(report)


def test_of_a_forward_that_gives_nothing_to_compare_the_gradients_stay_open():
    report = tn.check_gradients(OwnGenerator(), images(3, 4))
    assert report.undecided == ["x"] and report["x"].verdict == "not checked"
    assert "nan" not in str(report)


def test_running_statistics_change_in_training_only():
    x = images(4, 3, 3, 2)
    assert "forward" in tn.check_gradients(RunsInEvaluation(2), x, train=False).wrong
    assert tn.check_gradients(tn.BatchNorm2d(2), x, train=True).passed


@pytest.mark.parametrize(("grads", "wrong", "sentence"), [
    ({"w": np.zeros((3, 4)), "b": np.zeros(3)}, ["w", "b"],
     "w: its gradient has shape (3, 4), w itself has (4, 3)"),
    ({"w": np.zeros((4, 3))}, ["w", "b"], "b: backward gives no gradient of it"),
    ({"w": None, "b": np.zeros(3)}, ["w", "b"], "w: backward gives no gradient of it"),
    ({"w": [1.0], "b": np.zeros(3)}, ["w", "b"], "w: its gradient is a list, expected an array"),
    ({"w": np.full((4, 3), np.nan), "b": np.zeros(3)}, ["w", "b"],
     "not finite in 12 of 12 entries, the first of them w[0, 0]"),
    ({"w": np.zeros((4, 3)), "b": np.zeros(3), "c": np.zeros(3)}, ["w", "b", "backward"],
     "backward: it gives a gradient of c, which is not a parameter; the parameters are w, b"),
])
def test_gradients_of_a_wrong_form_are_named(grads, wrong, sentence):
    class Mine(tn.Linear):
        def param_gradients(self, dy, saved):
            return grads

    report = tn.check_gradients(Mine(4, 3), images(2, 4))
    assert report.wrong == wrong
    assert sentence in str(report)


def test_gradients_in_float32_are_named():
    class InputInSingle(tn.Linear):
        def input_gradient(self, dy, saved):
            return super().input_gradient(dy, saved).astype("float32")

    class BiasInSingle(tn.Linear):
        def param_gradients(self, dy, saved):
            grads = super().param_gradients(dy, saved)
            return grads | {"b": grads["b"].astype("float32").astype("float64")}

    report = tn.check_gradients(InputInSingle(4, 3), images(2, 4))
    assert report.wrong == ["x"] and "x: its gradient is float32, x itself is float64" in str(report)
    report = tn.check_gradients(BiasInSingle(4, 3), images(2, 4))
    assert report.wrong == ["b"] and "b: its gradient is float64 with the precision of float32" in str(report)


def test_what_is_not_a_pair_is_refused():
    class NoPair(tn.Tanh):
        def forward(self, x, train=False):
            return np.tanh(x)

    class NoGradients(tn.Tanh):
        def backward(self, dy, saved, input_gradient=True):
            return self.input_gradient(dy, saved)

    with pytest.raises(ArgumentError, match=r"NoPair\.forward returned ndarray, expected \(array y, saved\)"):
        tn.check_gradients(NoPair(), images(2, 4))
    with pytest.raises(ArgumentError, match=r"NoGradients\.backward returned ndarray, expected \(dx, dict"):
        tn.check_gradients(NoGradients(), images(2, 4))


def test_an_object_of_ones_own_is_brought_to_float64():
    class Scale:
        def __init__(self):
            self.params = {"w": np.full(4, 1.5, np.float32)}

        def forward(self, x, train=False):
            return x * self.params["w"], x

        def backward(self, dy, saved):
            return dy * self.params["w"], {"w": (dy * saved).sum(axis=0)}

    scale = Scale()
    assert tn.check_gradients(scale, images(3, 4)).passed
    assert scale.params["w"].dtype == np.float32


def test_a_dropout_within_a_layer_is_held_still():
    report = tn.check_gradients(tn.Network([("skip", Skip(tn.Dropout(0.5)))]), images(3, 4))
    assert report.passed
