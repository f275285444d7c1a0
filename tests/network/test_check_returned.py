"""A layer of one's own that breaks the contract inside a network is named, at that layer and at once."""
from typing import NamedTuple

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError, DtypeError, ShapeError


class LeakyReLU(tn.Layer):
    """Right, but for what its subclasses change."""

    def forward(self, x, train=False):
        return np.where(x > 0, x, np.float32(0.1) * x), (x,)

    def input_gradient(self, dy, saved):
        return dy * np.where(saved[0] > 0, np.float32(1), np.float32(0.1))


def network(layer, whole_batch=False):
    layer.whole_batch = whole_batch
    return tn.Network([
        ("fc1", tn.Linear(6, 5)), ("relu", tn.ReLU()), ("leaky", layer), ("tanh", tn.Tanh()), ("fc2", tn.Linear(5, 3)),
    ])


def passed(net):
    x = np.random.default_rng(0).standard_normal((70, 6), dtype=np.float32)
    y, saved = net.forward(x, train=True)
    return net.backward(np.ones_like(y), saved)


def kind(**methods):
    return type("LeakyReLU", (LeakyReLU,), methods)()


def with_weights(**methods):
    class LeakyReLU(tn.Layer):
        """y = w * x."""

        def __init__(self):
            super().__init__()
            self.params["w"] = np.ones(5, np.float32)

        def forward(self, x, train=False):
            return x * self.params["w"], (x,)

        def input_gradient(self, dy, saved):
            return dy * self.params["w"]

        def param_gradients(self, dy, saved):
            return {"w": (dy * saved[0]).sum(axis=0)}

    return type("LeakyReLU", (LeakyReLU,), methods)()


NAMED = r"^layer 'leaky' \(LeakyReLU\): its "
BROKEN = {
    "forward float64": (
        lambda: kind(forward=lambda self, x, train=False: (x * np.where(x > 0, 1, 0.1), (x,))), DtypeError,
        r"forward returned float64 for a float32 input; a constant such as np\.where\(x > 0, 1, 0\.1\) is float64: "
        r"write \.astype\(x\.dtype\)$"),
    "backward float64": (
        lambda: kind(input_gradient=lambda self, dy, saved: dy * np.where(saved[0] > 0, 1, 0.1)), DtypeError,
        r"backward returned float64 for a float32 gradient; a constant .* write \.astype\(dy\.dtype\)$"),
    "float16": (
        lambda: kind(forward=lambda self, x, train=False: (x.astype("f2"), (x,))), DtypeError,
        "forward returned float16 for a float32 input$"),
    "another shape": (
        lambda: kind(forward=lambda self, x, train=False: (x[:, :4], (x,))), ShapeError,
        r"forward returned an array of shape \(\d+, 4\), its output_shape says \(\d+, 5\)$"),
    "fewer images": (
        lambda: kind(forward=lambda self, x, train=False: (x[:1], (x,))), ShapeError,
        r"forward returned an array of shape \(1, 5\), its output_shape says \(\d+, 5\)$"),
    "None": (lambda: kind(forward=lambda self, x, train=False: None), ArgumentError,
             r"forward returned None, expected \(y, saved\)$"),
    "y alone": (lambda: kind(forward=lambda self, x, train=False: x), ArgumentError,
                r"forward returned an array alone, expected \(y, saved\)$"),
    "a list as y": (lambda: kind(forward=lambda self, x, train=False: ([1.0], (x,))), ArgumentError,
                    "forward returned a list of 1 as y, expected an array$"),
    "three things": (lambda: kind(forward=lambda self, x, train=False: (x, x, x)), ArgumentError,
                     r"forward returned a tuple of 3, expected \(y, saved\)$"),
    "dx None": (lambda: kind(input_gradient=lambda self, dy, saved: None), ArgumentError,
                "backward returned None as dx, expected an array$"),
    "dx of another shape": (
        lambda: kind(input_gradient=lambda self, dy, saved: dy.sum(axis=1, keepdims=True)), ShapeError,
        r"backward returned an array of shape \(\d+, 1\), its input has \(\d+, 5\)$"),
    "dx alone": (lambda: kind(backward=lambda self, dy, saved, input_gradient=True: dy), ArgumentError,
                 r"backward returned an array alone, expected \(dx, dict of gradients\)$"),
    "dw float64": (
        lambda: with_weights(param_gradients=lambda self, dy, saved: {"w": (dy * saved[0]).sum(axis=0, dtype="f8")}),
        DtypeError, "backward returned float64 as the gradient of 'w' for a float32 gradient; a constant"),
    "dw of another shape": (
        lambda: with_weights(param_gradients=lambda self, dy, saved: {"w": dy * saved[0]}), ShapeError,
        r"backward returned an array of shape \(\d+, 5\) as the gradient of 'w', w has \(5,\)$"),
    "no dw": (lambda: with_weights(param_gradients=lambda self, dy, saved: {}), ArgumentError,
              "backward returned None as the gradient of 'w', expected an array$"),
}


@pytest.mark.parametrize("whole_batch", [False, True])
@pytest.mark.parametrize("name", BROKEN)
def test_the_layer_at_fault_is_named(name, whole_batch):
    make, error, text = BROKEN[name]
    with pytest.raises(error, match=NAMED + text):
        passed(network(make(), whole_batch))


@pytest.mark.parametrize("whole_batch", [False, True])
@pytest.mark.parametrize("make", [kind, with_weights])
def test_what_keeps_the_contract_passes(make, whole_batch):
    dx, grads = passed(network(make(), whole_batch))
    assert dx.dtype == np.float32 and grads["fc1"]["w"].shape == (6, 5)


class Pair(NamedTuple):
    """A result with names is a tuple too."""

    y: np.ndarray
    saved: tuple


@pytest.mark.parametrize("whole_batch", [False, True])
def test_results_with_names_and_parameters_in_float64_are_no_fault(whole_batch):
    named = kind(forward=lambda self, x, train=False: Pair(x, (x,)))
    exact = with_weights(
        forward=lambda self, x, train=False: ((x * self.params["w"]).astype(x.dtype), (x,)),
        input_gradient=lambda self, dy, saved: (dy * self.params["w"]).astype(dy.dtype),
        param_gradients=lambda self, dy, saved: {"w": (dy * saved[0]).sum(axis=0, dtype="f8")})
    exact.params["w"] = exact.params["w"].astype("f8")
    assert passed(network(named, whole_batch))[0].dtype == np.float32
    assert passed(network(exact, whole_batch))[1]["leaky"]["w"].dtype == np.float64


def test_in_a_network_within_a_network_too():
    inner = tn.Network([("leaky", BROKEN["backward float64"][0]())])
    with pytest.raises(DtypeError, match=NAMED):
        passed(network(inner))


def test_a_gradient_that_nobody_asked_for_is_not_missed():
    net = tn.Network([("leaky", kind(input_gradient=lambda self, dy, saved: None)), ("fc", tn.Linear(6, 3))])
    y, saved = net.forward(np.ones((4, 6), np.float32))
    dx, grads = net.backward(np.ones_like(y), saved, input_gradient=False)
    assert dx is None and grads["fc"]["w"].shape == (6, 3)


def test_a_layer_around_a_layer_is_named_by_its_own_class():
    class Twice(tn.Layer):
        def __init__(self):
            super().__init__()
            self.layer = tn.ReLU()

        def forward(self, x, train=False):
            return x.astype(np.float64), None

    with pytest.raises(DtypeError, match=r"layer 'twice' \(Twice\): its forward returned float64"):
        tn.Network([("twice", Twice())]).forward(np.ones((2, 3), np.float32))
