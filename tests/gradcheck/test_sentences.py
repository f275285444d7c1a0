"""What the gradient checker says of a wrong gradient: the kind of mistake where it can be told, and where to look."""
import numpy as np
import pytest

import tinynet as tn
from tinynet.gradcheck.planted import CATALOGUE


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(("name", "wrong", "sentence"), [
    ("conv2d-bias-forgotten", "b", "backward gives 0 everywhere"),
    ("loss-sign", "x", "the sign is wrong"),
    ("linear-weight-mean-over-batch", "w", "0.2 (1 / the number of images) times the right one"),
    ("linear-weight-transposed", "w", "it is transposed"),
    ("linear-bias-first-row", "b", "it has what comes from image 0 of 5 only"),
    ("linear-bias-sum-over-outputs", "b", "each entry has the sum of the right ones"),
    ("linear-weight-decay-inside", "w", "it is off by 0.0005 times w itself"),
    ("linear-input-not-transposed", "x", "it is what w transposed would give"),
    ("linear-input-clipped", "x", "it is cut off at -1 and 1"),
    ("softmax-taken-for-fused", "x", "it is dy, passed on unchanged"),
    ("relu-guided", "x", "it is 0 at 7 of 24 entries where it should not be, right elsewhere"),
    ("conv2d-weight-flipped-kernel", "w", "flipped along axis 0 and 1"),
    ("conv2d-weight-transposed-kernel", "w", "another order"),
    ("conv2d-bias-one-place", "b", "the first position of each image only"),
    ("conv2d-weight-last-place", "w", "what comes from column of the output 2 of 3 is left out"),
    ("network-way-around-forgotten", "x", "it is off by -1 times dy"),
])
def test_the_kind_of_mistake_in_a_planted_bug(name, wrong, sentence):
    report = CATALOGUE[name].check()
    assert report.wrong == [wrong]
    assert f"\n\n{wrong}: " in str(report) and sentence in str(report), str(report)
    assert f"For example {wrong}[" in str(report)


class Changed(tn.Linear):
    """A linear layer whose gradients are changed by a function of dx and grads, dy and saved."""

    def __init__(self, change, inputs=4, outputs=4):
        super().__init__(inputs, outputs, seed=1)
        self.change = change

    def backward(self, dy, saved, input_gradient=True):
        dx, grads = super().backward(dy, saved)
        return dx if self.change is None else self.change(self, dx, grads, dy, saved), grads


def replaced(name, function):
    """A change of one parameter's gradient."""

    def change(layer, dx, grads, dy, saved):
        grads[name] = function(grads[name], layer, dy, saved)
        return dx

    return change


@pytest.mark.parametrize(("change", "wrong", "sentence"), [
    (replaced("w", lambda g, layer, dy, saved: 2 * g), "w", "it is 2 times the right one"),
    (replaced("w", lambda g, layer, dy, saved: 1.0123 * g), "w", "it is 1.0123 times the right one, everywhere"),
    (replaced("w", lambda g, layer, dy, saved: g[::-1].copy()), "w", "it is flipped along axis 0"),
    (replaced("b", lambda g, layer, dy, saved: dy[-1]), "b", "it has what comes from image 4 of 5 only"),
    (replaced("b", lambda g, layer, dy, saved: dy[1:].sum(axis=0)), "b", "what comes from image 0 of 5 is left out"),
    (replaced("b", lambda g, layer, dy, saved: np.full(4, 5.0)), "b", "dy is left out"),
    (replaced("w", lambda g, layer, dy, saved: g * np.array([1, 1, 0, 1])), "w", "it is 0 at column 2 of 4 where it"),
    (replaced("w", lambda g, layer, dy, saved: g + np.outer([0, 1, 1, 0], [3, 1, 4, 2])), "w",
     "wrong at row 1 and 2 of 4 (8 of 16 entries), right elsewhere"),
    (replaced("w", lambda g, layer, dy, saved: g + g**3), "w", "in no simple pattern"),
    (lambda layer, dx, grads, dy, saved: dx + dx.mean(axis=0), "x", "off by a number that is the same for every image"),
], ids=lambda value: value if isinstance(value, str) and len(value) > 1 else "")
def test_the_kind_of_mistake_in_a_linear_layer(change, wrong, sentence):
    report = tn.check_gradients(Changed(change), images(5, 4))
    assert report.wrong == [wrong]
    assert f"\n\n{wrong}: " in str(report) and sentence in str(report), str(report)
    assert f"For example {wrong}[" in str(report)
    assert f"<li>{wrong}: " in report._repr_html_() and "<script" not in report._repr_html_()


class ChangedConv(tn.Conv2d):
    """A convolution with its gradients changed by a function."""

    change = None

    def backward(self, dy, saved, input_gradient=True):
        return self.change(*super().backward(dy, saved), dy)


@pytest.mark.parametrize(("change", "wrong", "sentence"), [
    (lambda layer, dx, grads, dy: (dx, grads | {"b": dy[:, :-1].sum(axis=(0, 1, 2))}), "b",
     "what comes from row of the output 4 of 5 is left out"),
    (lambda layer, dx, grads, dy: (np.roll(dx, 1, axis=1), grads), "x", "it is shifted by 1 along axis 1 (row)"),
    (lambda layer, dx, grads, dy: (dx * (np.arange(4) < 2), grads), "x", "it is 0 at channel 2 and 3 of 4 where"),
    (lambda layer, dx, grads, dy: (dx * np.pad(np.ones((3, 3, 1)), ((1, 1), (1, 1), (0, 0))), grads), "x",
     "it is 0 at the border of the images where"),
])
def test_the_kind_of_mistake_in_a_convolution(change, wrong, sentence):
    layer = ChangedConv(4, 4, 3, padding=1, groups=2)
    layer.change = change.__get__(layer)
    report = tn.check_gradients(layer, images(2, 5, 5, 4))
    assert report.wrong == [wrong] and sentence in str(report), str(report)


def test_a_parameter_that_forward_leaves_out_is_named():
    class Unused(tn.Tanh):
        def __init__(self):
            super().__init__()
            self.params["w"] = np.ones(3, np.float32)

        def param_gradients(self, dy, saved):
            return {"w": np.ones(3)}

    assert "the output does not change with w" in str(tn.check_gradients(Unused(), images(2, 3)))


def test_in_a_network_the_sentence_says_between_which_layers_to_look():
    class Twice(tn.Tanh):
        def input_gradient(self, dy, saved):
            return 2 * super().input_gradient(dy, saved)

    net = tn.Network([("fc1", tn.Linear(4, 4)), ("fc2", tn.Linear(4, 4)), ("act", Twice()), ("fc3", tn.Linear(4, 2))])
    report = tn.check_gradients(net, images(3, 4))
    assert report.wrong == ["x", "fc1.w", "fc1.b", "fc2.w", "fc2.b"]
    assert "fc2.w: it is 2 times the right one" in str(report)
    assert "fc1.b: the gradient is wrong, perhaps only because of a later layer" in str(report)
    assert "fc2.b is the first that is wrong, those after it (fc3.w and on) are right" in str(report)
