"""The gradient checker runs a pass in float32 too: float32 has to stay float32, and output_shape has to be right."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn
from tinynet.errors import DtypeError
from tinynet.gradcheck import check_each_layer


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class Leaky(tn.Layer):
    """y = x where x > 0, else x / 10; the slopes are float64, whatever x is."""

    def forward(self, x, train=False):
        slope = np.where(x > 0, 1, 0.1)
        return slope * x, (slope,)

    def input_gradient(self, dy, saved):
        return dy * saved[0]


class LeakyBackward(tn.ReLU):
    """float64 in backward only."""

    def input_gradient(self, dy, saved):
        return dy * np.where(saved.y > 0, 1.0, 0.0)


class ZerosForBias(tn.Linear):
    """np.zeros is float64 if nobody says otherwise."""

    def param_gradients(self, dy, saved):
        db = np.zeros(self.out_features)
        db += dy.sum(axis=0)
        return super().param_gradients(dy, saved) | {"b": db}


class WrongAndDouble(ZerosForBias):
    """The gradient of w is wrong and float64, that of b is float64."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"w": np.float64(2) * grads["w"]}


class SavedInDouble(tn.Tanh):
    """The output is float32, but what is saved of it is not."""

    def forward(self, x, train=False):
        y, saved = super().forward(x, train)
        return y, saved._replace(y=y.astype("float64"))


class DoubleBuffer(tn.Linear):
    """A buffer that forward uses is float64."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.buffers["shift"] = np.zeros(4)

    def forward(self, x, train=False):
        y, saved = super().forward(x, train)
        return y + self.buffers["shift"][:1], saved


class DoubleBefore(tn.Linear):
    def forward(self, x, train=False):
        return super().forward(np.asarray(x, np.result_type(x, np.float64)), train)


@pytest.mark.parametrize(("layer", "wrong", "sentence"), [
    (Leaky(), "forward", "for a float32 input its output is float64: a constant such as np.where(x > 0, 1, 0.1) is "
     "float64; write np.where(x > 0, 1, 0.1).astype(x.dtype)"),
    (LeakyBackward(), "backward", "for a float32 input its gradient of x is float64: a constant such as "
     "np.where(dy > 0, 1, 0.1) is float64; write np.where(dy > 0, 1, 0.1).astype(dy.dtype)"),
    (ZerosForBias(4, 3), "backward", "for a float32 input its gradient of b is float64"),
    (SavedInDouble(), "backward", "for a float32 input it fails (SavedInDouble.backward: the upstream gradient dy is "
     "float32, expected float64"),
    (DoubleBuffer(4, 3), "forward", "for a float32 input its output is float64"),
    (DoubleBefore(4, 3), "forward", "its parameters are float32, but for a float32 input it fails (DoubleBefore: the "
     "input is float64, expected float32"),
], ids=lambda value: type(value).__name__ if isinstance(value, tn.Layer) else "")
def test_what_turns_float32_into_float64_is_named(layer, wrong, sentence):
    report = tn.check_gradients(layer, images(5, 4))
    assert report.wrong == [wrong] and sentence in str(report), str(report)
    assert {row.verdict for row in report.rows} == {"right"}
    assert f"{wrong} breaks the contract of a layer" in report.headline()


def test_of_a_wrong_gradient_the_dtype_is_left_out():
    report = tn.check_gradients(WrongAndDouble(4, 3), images(5, 4))
    assert report.wrong == ["backward", "w"] and "its gradient of b is float64" in str(report), str(report)


def test_in_a_network_it_is_named_at_its_layer():
    net = tn.Network([("fc1", tn.Linear(4, 4)), ("leaky", Leaky()), ("fc2", tn.Linear(4, 3))])
    assert "forward: its parameters are float32, but" in str(tn.check_gradients(net, images(5, 4)))
    assert check_each_layer(net, images(5, 4)).wrong == ["leaky.forward", "all layers: forward"]
    fc = tn.Network([("fc1", tn.Linear(4, 4)), ("fc2", ZerosForBias(4, 3))])
    assert check_each_layer(fc, images(5, 4)).wrong == ["fc2.backward", "all layers: backward"]


def test_an_object_of_ones_own_is_looked_at_too():
    class Half:
        def forward(self, x, train=False):
            return x * np.array([0.5]), ()

        def backward(self, dy, saved):
            return 0.5 * dy, {}

    assert tn.check_gradients(Half(), images(3, 4)).wrong == ["forward"]


@pytest.mark.parametrize("make", [
    lambda: ZerosForBias(4, 3).astype("float64"), lambda: DoubleBefore(4, 3).astype("float64"),
    lambda: tn.Network([("fc1", tn.Linear(4, 4)), ("leaky", Leaky())]).astype("float64"),
], ids=["backward", "forward", "network"])
def test_what_has_float64_parameters_is_checked_in_float64_alone(make):
    assert tn.check_gradients(make(), images(5, 4)).passed


def test_a_layer_may_refuse_float32_and_the_numbers_that_rounding_makes():
    class Float64Only(tn.Tanh):
        def forward(self, x, train=False):
            if x.dtype != np.float64:
                raise DtypeError(f"Float64Only: the input is {x.dtype}, expected float64")
            return super().forward(x, train)

    class UpTo(tn.Linear):
        def forward(self, x, train=False):
            if x.max() > 0.3:  # which is less than 0.3 in float32
                raise ValueError("x has to be at most 0.3")
            return super().forward(x, train)

    assert tn.check_gradients(Float64Only(), images(5, 4)).passed
    assert tn.check_gradients(UpTo(4, 3), np.minimum(images(5, 4), 0.3)).passed
    assert tn.check_gradients(tn.Linear(4, 3), 1e200 * images(5, 4)).passed  # infinite in float32


def test_a_loss_may_hold_float64_numbers():
    target = images(3, 4, seed=1)
    assert tn.check_gradients(lambda y: (((y - target) ** 2).sum(), 2 * (y - target)), images(3, 4)).passed


@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=15)
@given(data=st.data())
def test_silence_on_all_layers_in_float32(name, data):
    layer, x = draw_case(data.draw, TABLE[name])
    report = tn.check_gradients(layer.astype("float32"), x, train=data.draw(st.booleans()))
    assert report.passed, f"{layer}\n{report}"


class WithoutShape(tn.Linear):
    def output_shape(self, shape):
        return shape


class NotATuple(tn.Linear):
    def output_shape(self, shape):
        return self.out_features


class BatchForgotten(tn.Flatten):
    """All images in one row."""

    def forward(self, x, train=False):
        y, saved = super().forward(x, train)
        return y.reshape(1, -1), saved

    def backward(self, dy, saved, input_gradient=True):
        return self.input_gradient(dy, saved), {}


@pytest.mark.parametrize(("layer", "x", "sentence"), [
    (WithoutShape(4, 3), images(5, 4), "its output has shape (5, 3), expected (5, 4) from output_shape"),
    (NotATuple(4, 3), images(5, 4), "its output has shape (5, 3), but output_shape((4,)) fails (TypeError: "),
    (BatchForgotten(), images(2, 3, 3, 2), "its output has shape (1, 36), expected (2, 18) from output_shape"),
], ids=lambda value: type(value).__name__ if isinstance(value, tn.Layer) else "")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_output_that_output_shape_does_not_say_is_named(layer, x, sentence, dtype):
    report = tn.check_gradients(layer.astype(dtype), x)
    assert report.wrong == ["forward"] and sentence in str(report), str(report)
    assert {row.verdict for row in report.rows} == {"not checked"}


def test_the_float32_pass_leaves_the_layer_alone_and_changes_no_number():
    layer, x = tn.Dropout(0.5), images(40, 6)
    state = layer.generator.bit_generator.state
    assert tn.check_gradients(layer, x).passed and layer.generator.bit_generator.state == state
    single, double = tn.Linear(6, 2, seed=3), tn.Linear(6, 2, seed=3).astype("float64")
    assert tn.check_gradients(single, x).rows == tn.check_gradients(double, x).rows
