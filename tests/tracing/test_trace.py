"""Stepping through a network: every array of the pass, in the order in which it was made."""
from typing import NamedTuple

import numpy as np
import pytest
from support.branches import Reversed
from support.small_network import batch, network

import tinynet as tn
from tinynet.errors import ArgumentError, DtypeError, ShapeError
from tinynet.ops import threads
from tinynet.tracing.page import Subject, write_page
from tinynet.tracing.statistics import statistics


def test_a_trace_keeps_every_step_and_agrees_with_the_network():
    x, labels = batch(6)
    net = network()
    trace = tn.trace(net, x, labels)
    scores, saved = net.forward(x)
    loss, dscores = tn.softmax_cross_entropy(scores, labels)
    dx, grads = net.backward(dscores, saved)
    assert [s.name for s in trace.steps] == [*net.layers, "loss"]
    assert trace.loss == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(trace["conv1"].gradients["w"], grads["conv1"]["w"], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(trace["conv1"].input_gradient, dx, rtol=1e-3, atol=1e-5)
    for before, after in zip(trace.steps, trace.steps[1:], strict=False):
        assert before.output is after.input and before.upstream is after.input_gradient
    assert "conv2" in str(trace)
    with pytest.raises(ArgumentError, match="layer 'conv7' does not exist; the trace of small has conv1, .*, loss"):
        trace["conv7"]


def test_a_walk_goes_forward_then_backward_and_knows_which():
    x, labels = batch(2)
    net = tn.Network([("flat", tn.Flatten()), ("fc", tn.Linear(29 * 29 * 3, 5))])
    trace = tn.trace(net, x, labels)
    forward = [("flat", "forward"), ("fc", "forward"), ("loss", "forward")]
    backward = [(name, "backward") for name, _ in reversed(forward)]
    assert [(s.name, s.direction) for s in trace] == forward + backward and len(trace) == 6
    walk = trace.walk()
    assert walk.previous() is trace.steps[0]
    assert [(s.name, s.direction) for s in (walk.next() for _ in range(5))] == (forward + backward)[1:]
    assert walk.at_end and walk.next() is walk.step is trace.backward_steps[-1]
    assert walk.previous().name == "fc" and walk.position == 4
    assert walk.step.gradients is trace["fc"].gradients


def test_the_loss_is_a_step_that_the_first_gradient_comes_from():
    x, labels = batch(4)
    trace = tn.trace(network(), x, labels)
    loss = trace["loss"]
    probabilities = loss.saved.probabilities
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(loss.input_gradient, (probabilities - np.eye(5)[labels]) / 4, atol=1e-7)
    assert loss.input_gradient is trace["fc4"].upstream
    assert float(loss.output) == trace.loss and float(loss.upstream) == 1 and loss.output.shape == ()


def test_a_layer_called_loss_keeps_its_name():
    trace = tn.trace(tn.Network([("loss", tn.Linear(3, 2))]), np.ones((1, 3), np.float32), np.array([0]))
    assert [s.name for s in trace.steps] == ["loss", "cross-entropy"]


def test_nested_networks_are_opened_and_a_single_layer_is_enough():
    x, labels = batch(3)
    inner = tn.Network([("conv", tn.Conv2d(3, 2, 3, stride=4)), ("relu", tn.ReLU())])
    net = tn.Network([("block", inner), ("flat", tn.Flatten()), ("fc", tn.Linear(7 * 7 * 2, 5))])
    trace = tn.trace(net, x, labels)
    assert [s.name for s in trace.steps] == ["block.conv", "block.relu", "flat", "fc", "loss"]
    scores, saved = net.forward(x)
    _, grads = net.backward(tn.softmax_cross_entropy(scores, labels)[1], saved)
    np.testing.assert_allclose(trace["block.conv"].gradients["w"], grads["block"]["conv"]["w"], rtol=1e-4, atol=1e-6)
    alone = tn.trace(tn.Linear(4, 3), np.ones((2, 4), np.float32), np.array([0, 2]))
    assert [s.name for s in alone.steps] == ["Linear", "loss"]
    dy = np.ones((3, 29, 29, 3), np.float32)
    given = tn.trace(tn.ReLU(), x, upstream=dy)
    assert given.loss is None and given["ReLU"].upstream is dy
    assert "a given upstream gradient" in str(given)


def test_a_network_with_a_forward_of_its_own_is_one_step():
    class Residual(tn.Network):
        """y = x + the layers of x."""

        def forward(self, x, train=False, save=True):
            y, saved = super().forward(x, train, save)
            return x + y, saved

        def backward(self, dy, saved, input_gradient=True):
            dx, grads = super().backward(dy, saved, input_gradient)
            return dx + dy, grads

    x = batch(2)[0]
    net = tn.Network([("branch", Residual([("conv", tn.Conv2d(3, 3, 3, padding=1)), ("relu", tn.ReLU())]))])
    trace = tn.trace(net, x, upstream=x)
    assert [s.name for s in trace.steps] == ["branch"]
    np.testing.assert_array_equal(trace["branch"].output, net.forward(x)[0])
    assert trace["branch"].forward_bytes >= 2 * x.nbytes and trace._repr_html_()


@pytest.mark.parametrize("nested", [True, False])
def test_a_network_with_a_backward_of_its_own_is_one_step(nested):
    middle = Reversed([("fc", tn.Linear(5, 3, seed=2))])
    net = tn.Network([("a", tn.Linear(4, 5, seed=1)), ("middle", middle)]) if nested else Reversed(
        [("a", tn.Linear(4, 3, seed=1))], name="whole")
    x, labels = np.random.default_rng(0).standard_normal((2, 4)).astype("f4"), np.array([0, 1])
    scores, saved = net.forward(x)
    dx, grads = net.backward(tn.softmax_cross_entropy(scores, labels)[1], saved)
    trace = tn.trace(net, x, labels)
    assert [s.name for s in trace.steps] == (["a", "middle", "loss"] if nested else ["Reversed", "loss"])
    np.testing.assert_allclose(trace.steps[0].input_gradient, dx, rtol=1e-6)
    if nested:
        np.testing.assert_allclose(trace["a"].gradients["b"], grads["a"]["b"], rtol=1e-6)


def test_an_array_without_numbers_has_no_statistics():
    class Saved(NamedTuple):
        y: np.ndarray
        extra: np.ndarray

    class Keeps(tn.ReLU):
        def forward(self, x, train=False):
            y, _ = super().forward(x)
            return y, Saved(y, np.zeros((0, 3)))

    x = np.ones((2, 3), np.float32)
    trace = tn.trace(Keeps(), x, upstream=x)
    assert "extra" in str(trace.steps[0]) and "extra" in trace.steps[0]._repr_html_()
    assert np.isnan(statistics(np.zeros((0, 3))).mean)


def test_what_a_trace_tells_stays_as_it_was_when_the_network_learns_on():
    x, labels = batch(2)
    net = network(batch_norm=True)
    trace = tn.trace(net, x, labels, train=True)
    before = trace["fc4"].explain(output=(1, 2)), trace["conv1"].explain(output=(0, 1, 1, 1))
    optimizer = tn.SGD(net, learning_rate=0.5)
    scores, saved = net.forward(x, train=True)
    optimizer.step(net.backward(tn.softmax_cross_entropy(scores, labels)[1], saved)[1])
    assert not np.array_equal(trace["fc4"].layer.params["w"], net["fc4"].params["w"])
    after = trace["fc4"].explain(output=(1, 2)), trace["conv1"].explain(output=(0, 1, 1, 1))
    assert [e.total for e in before] == [e.total for e in after] and all(e.agrees for e in after)


def test_memory_counts_each_array_once():
    x = np.ones((2, 6), np.float32)
    net = tn.Network([("fc", tn.Linear(6, 4)), ("relu", tn.ReLU())])
    trace = tn.trace(net, x, upstream=np.ones((2, 4), np.float32))
    assert trace["fc"].forward_bytes == 2 * 4 * 4  # the output; saved.x is the input
    assert trace["relu"].forward_bytes == 2 * 4 * 4  # saved.y is the output
    assert trace["fc"].backward_bytes == (2 * 6 + 6 * 4 + 4) * 4
    images = np.ones((2, 2, 3, 1), np.float32)
    assert tn.trace(tn.Flatten(), images, upstream=x)["Flatten"].forward_bytes == 0  # a view of the input


def test_statistics_tell_zeros_from_dead_units():
    x = np.array([[0, 0, 3, 0], [0, 1, 0, 0]], np.float32)
    s = statistics(x)
    assert (s.zeros, s.dead, s.least, s.largest) == (0.75, 0.5, 0, 3)
    assert s.mean == 0.5 and s.rms == pytest.approx((10 / 8) ** 0.5)
    assert np.isnan(statistics(x[:1]).dead)


@pytest.mark.parametrize("arguments, error, message", [
    ({}, ArgumentError, "labels .* or an upstream gradient"),
    ({"labels": np.array([0]), "upstream": np.ones((1, 2))}, ArgumentError, "give one"),
    ({"labels": np.array([7])}, ShapeError, "labels go from 7 to 7, expected 0 to 1"),
    ({"upstream": np.ones((1, 3), np.float32)}, ShapeError, r"trace.backward: dy has shape \(1, 3\), the output has"),
])
def test_what_a_trace_cannot_take(arguments, error, message):
    with pytest.raises(error, match=message):
        tn.trace(tn.Linear(3, 2), np.ones((1, 3), np.float32), **arguments)


def test_looking_for_the_blas_is_no_layers_time():
    found = []

    class Asks(tn.Layer):
        def forward(self, x, train=False):
            found.append(threads._blas.cache_info().currsize)
            return x, None

        def input_gradient(self, dy, saved):
            return dy

    threads._blas.cache_clear()
    tn.trace(Asks(), np.ones((1, 2)), np.array([0]))
    assert found == [1]


class Linear(tn.Layer):
    """A layer of one's own with the name of one of tinynet's, and a window that is a number."""

    def __init__(self, n_in, n_out, wrong=None):
        super().__init__()
        self.n_in, self.n_out, self.wrong, self.window = n_in, n_out, wrong, 2
        self.params["w"] = np.ones((n_in, n_out), np.float32)

    def output_shape(self, shape):
        return (self.n_out,)

    def forward(self, x, train=False):
        y = x @ self.params["w"]
        return (y.astype("float64") if self.wrong == "forward" else y), x

    def backward(self, dy, saved, input_gradient=True):
        if self.wrong == "backward":
            return dy @ self.params["w"].T
        return dy @ self.params["w"].T, (None if self.wrong == "gradients" else {"w": saved.T @ dy})


def net_of_ones_own(wrong=None):
    return tn.Network([("own", Linear(4, 3, wrong)), ("relu1", tn.ReLU()), ("fc2", tn.Linear(3, 2))], input_shape=(4,))


def test_a_layer_of_ones_own_may_be_called_as_one_of_tinynets(tmp_path):
    net, x = net_of_ones_own(), np.ones((2, 4), np.float32)
    made = tn.trace(net, x, np.array([0, 1]))
    assert "Linear n_in 4, n_out 3" in str(net.summary()) and "own" in str(made) and "own" in made._repr_html_()
    assert "Linear n_in 4" in str(made["own"])
    write_page(tn.trace(net, x[:1], np.array([0])), tmp_path / "page.html", Subject("numbers", 0, "given", None, None))
    assert (tmp_path / "page.html").stat().st_size > 1000


@pytest.mark.parametrize(("wrong", "error", "message"), [
    ("forward", DtypeError, "layer 'own' .Linear.: its forward returned float64"),
    ("backward", ArgumentError, "layer 'own' .Linear.: its backward returned an array alone, expected .dx, dict"),
    ("gradients", ArgumentError, "layer 'own' .Linear.: its backward returned a tuple of 2, expected .dx, dict"),
])
def test_a_trace_names_the_layer_that_breaks_the_contract(wrong, error, message):
    with pytest.raises(error, match=message):
        tn.trace(net_of_ones_own(wrong), np.ones((2, 4), np.float32), np.array([0, 1]))
