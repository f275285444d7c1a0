"""What the gradient checker does with what it cannot check: an error that names the argument; and with odd shapes."""
import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class Scale:
    """y = w * x, an object of one's own."""

    def __init__(self, w):
        self.params = {"w": w}

    def forward(self, x, train=False):
        return x * self.params["w"], x

    def backward(self, dy, saved):
        return dy * self.params["w"], {"w": np.array((dy * saved).sum())}


class NoTrain(Scale):
    def forward(self, x):
        return x, x


class NoParams(Scale):
    def __init__(self):
        self.params = [np.ones(3)]


class CountsInBuffers(tn.Tanh):
    def __init__(self):
        super().__init__()
        self.buffers = {"count": 0}


class OfLayers(tn.Layer):
    def __init__(self):
        super().__init__()
        self.params = {"fc": tn.Linear(3, 3).params}


class OldGenerator(tn.Tanh):
    generator = np.random.RandomState(0)


@pytest.mark.parametrize(("f", "x", "message"), [
    (tn.ReLU, images(2, 3), r"f is the class ReLU, expected an object: ReLU\(\.\.\.\)"),
    (None, images(2, 3), "f is a NoneType, expected a layer, a network or a loss"),
    (type("OneWay", (), {"forward": tn.Tanh.forward})(), images(2, 3), "OneWay has a forward but no backward"),
    (NoTrain(1.0), images(2, 3), r"NoTrain\.forward takes no `train`, expected forward\(x, train=False\)"),
    (NoParams(), images(2, 3), "params of NoParams is a list, expected a dict of arrays"),
    (Scale(2.0), images(2, 3), r"Scale: the parameter w is a float, expected a NumPy array of floating-point numbers"),
    (Scale(np.float64(2)), images(2, 3), "the parameter w is a float64, expected a NumPy array"),
    (Scale(np.array([1, 2, 3])), images(2, 3), "the parameter w is an array of int64, expected"),
    (tn.Tanh(), images(2, 3) * 1j, "x is complex128, expected real numbers"),
    (tn.Tanh(), np.array([["a"]]), "x is <U1, expected real numbers"),
    (tn.Tanh(), [[1.0], [2.0, 3.0]], "x is not an array of numbers"),
    (tn.Tanh(), np.array([[0.5, np.nan]]), r"x is nan at \[0, 1\], expected finite numbers"),
    (CountsInBuffers(), images(2, 3), "CountsInBuffers: 'count' in params or buffers is a int, expected an array"),
    (OfLayers(), images(2, 3), "OfLayers: 'fc' in params or buffers is a dict, .* a layer made of layers as a Network"),
    (OldGenerator(), images(2, 3), r"OldGenerator: generator is a RandomState, expected a numpy\.random\.Generator"),
    (Scale(np.ones(3)), np.zeros((0, 3)), r"x is empty, it has shape \(0, 3\)"),
    (np.tanh, images(2, 3), r"tanh returned ndarray, expected \(number, gradient\)"),
    (lambda x: float((x**2).sum()), images(2, 3), r"<lambda> returned float, expected \(number, gradient\)"),
    (lambda x: (1.0, x, x), images(2, 3), "returned a tuple of float, ndarray, ndarray, expected"),
    (lambda x: ((x**2).sum(axis=1), 2 * x), images(2, 3), r"its loss has shape \(2,\), expected a single number"),
    (lambda x: ((x**2).sum(), None), images(2, 3), "its gradient is a NoneType, expected an array"),
    (lambda x: ("a", x), images(2, 3), "its output is <U1"),
], ids=lambda value: value[:25] if isinstance(value, str) else "")
def test_what_cannot_be_checked_is_refused_by_name(f, x, message):
    with pytest.raises(ArgumentError, match=message):
        tn.check_gradients(f, x)


def test_numbers_of_any_real_type_are_taken():
    for x in (np.arange(6).reshape(2, 3), [[1.0, 2.0], [3.0, 4.0]], np.ones((2, 2), bool)):
        assert tn.check_gradients(tn.Tanh(), x).passed


@pytest.mark.parametrize(("gradient", "sentence"), [
    (lambda dy, x: (dy * x).sum(), ""),
    (lambda dy, x: 2 * (dy * x).sum(), "it is 2 times the right one, everywhere"),
    (lambda dy, x: (dy * x).sum() ** 3 + 1, "the gradient is wrong. For example w: backward"),
], ids=["right", "factor", "other"])
def test_a_parameter_that_is_a_single_number(gradient, sentence):
    class Mine(Scale):
        def backward(self, dy, saved):
            return dy * self.params["w"], {"w": np.array(gradient(dy, saved))}

    report = tn.check_gradients(Mine(np.array(0.25)), images(4, 6))
    assert report.wrong == (["w"] if sentence else []) and not report.undecided
    assert sentence in str(report)


def test_of_a_single_entry_no_kind_of_mistake_is_guessed():
    class Mine(tn.Tanh):
        def input_gradient(self, dy, saved):
            return dy * saved.y**2

    report = tn.check_gradients(Mine(), images(1, 1))
    assert report.wrong == ["x"] and "x: the gradient is wrong. For example x[0, 0]: backward" in str(report)


def test_a_parameter_without_entries_has_no_wrong_gradient():
    class Empty(tn.Tanh):
        def __init__(self):
            super().__init__()
            self.params["w"] = np.ones((0, 3))

        def param_gradients(self, dy, saved):
            return {"w": np.zeros((0, 3))}

    report = tn.check_gradients(Empty(), images(4, 6))
    assert report.passed and not report.undecided


def test_a_loss_that_writes_into_its_scores_is_named_for_that_alone():
    def loss(scores):
        scores *= 2
        return (scores**2).sum() / 4, scores

    report = tn.check_gradients(loss, images(2, 3))
    assert report.wrong == ["forward"] and "it writes into its input x" in str(report)


def test_what_float64_cannot_show_is_no_kink():
    layer = tn.Linear(4, 3, bias=1.0)
    report = tn.check_gradients(layer, 1e-30 * images(5, 4))
    assert report.passed and report.undecided == ["x", "w"]
    assert "kink" not in str(report) and "inf" not in str(report)
    assert "not decided for x, w: no probe changed the output by an amount that float64 can show" in report.headline()


class Embedding(tn.Layer):
    """Rows of w by index, for x of whole numbers; the rows are float32 numbers, and so are the outputs."""

    def __init__(self, together=True):
        super().__init__()
        self.together = together
        self.params["w"] = np.random.default_rng(0).standard_normal((5, 3), dtype=np.float32)

    def forward(self, x, train=False):
        rows = x.astype(int)
        return self.params["w"][rows], rows

    def backward(self, dy, saved, input_gradient=True):
        dw = np.zeros_like(self.params["w"])
        if self.together:
            np.add.at(dw, saved, dy)
        else:
            dw[saved] += dy  # a row that is used twice gets the last dy only
        return np.zeros(saved.shape, dy.dtype), {"w": dw}

    def output_shape(self, shape):
        return (*shape, 3)


def test_an_embedding_whose_rows_float32_holds():
    x = np.array([[0, 1], [4, 1]])
    assert tn.check_gradients(Embedding(), x).passed
    report = tn.check_gradients(Embedding(together=False), x)
    assert report.wrong == ["w"] and "= instead of +=" in str(report)


def test_a_forward_that_refuses_what_a_probe_tries_is_checked_where_it_does_not():
    class UpToOne(tn.Linear):
        def forward(self, x, train=False):
            if x.max() > 1:
                raise ValueError("x has to be at most 1")
            return super().forward(x, train)

    report = tn.check_gradients(UpToOne(4, 3), np.minimum(images(5, 4), 1))
    assert report.passed and report["w"].verdict == report["b"].verdict == "right"
