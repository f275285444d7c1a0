"""The page that a newcomer reads: one step of training is the five lines that it shows, and it refuses nan."""
import ast
import inspect

import numpy as np
import pytest
from support.small_network import batch, network

import tinynet as tn
from tinynet.errors import NotFiniteError
from tinynet.network.params import flat
from tinynet.training import step


def copies(arrays):
    return {path: array.copy() for path, array in flat(arrays).items()}


def test_a_step_is_forward_loss_backward_and_update():
    net, same = network(), network()
    images, labels = batch(6)
    loss, scores = tn.training_step(net, images, labels, tn.SGD(net, 0.1))
    expected, saved = same.forward(images, train=True)
    mean, dscores = tn.softmax_cross_entropy(expected, labels)
    tn.SGD(same, 0.1).step(same.backward(dscores, saved)[1])
    assert loss == mean
    np.testing.assert_array_equal(scores, expected)
    for path, array in flat(net.params).items():
        np.testing.assert_array_equal(array, flat(same.params)[path])


def test_the_page_has_five_lines_and_nothing_else():
    module = ast.parse(inspect.getsource(step))
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == ["training_step"]
    assert not [node for node in module.body if isinstance(node, ast.ClassDef)]
    docstring, *lines = functions[0].body
    assert isinstance(docstring, ast.Expr) and len(lines) == 5


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gradients_that_are_not_finite_are_refused_before_anything_changes(value):
    net = network()
    images, labels = batch(6)
    optimizer = tn.SGD(net, 0.1)
    tn.training_step(net, images, labels, optimizer)
    before, velocity = copies(net.params), copies(optimizer.velocity)
    scores, saved = net.forward(images, train=True)
    _, grads = net.backward(tn.softmax_cross_entropy(scores, labels)[1], saved)
    last = list(grads)[-1]
    grads[last]["b"][0] = value
    with pytest.raises(NotFiniteError, match=rf"SGD.step: the gradient of {last}\.b is not finite; no parameter"):
        optimizer.step(grads)
    for path, array in copies(net.params).items():
        np.testing.assert_array_equal(array, before[path])
    for path, array in copies(optimizer.velocity).items():
        np.testing.assert_array_equal(array, velocity[path])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_number_of_a_large_gradient_that_is_not_finite_is_found(value, dtype):
    """Its layer's other gradients may be finite: d loss / d w of very large inputs overflows, d loss / d b does not."""
    layer = tn.Linear(40, 30).astype(dtype)
    optimizer = tn.SGD(layer, 0.1)
    grads = {key: np.ones_like(array) for key, array in layer.params.items()}
    before = copies(layer.params)
    grads["w"][17, 5] = value
    with pytest.raises(NotFiniteError, match=r"SGD.step: the gradient of w is not finite; no parameter"):
        optimizer.step(grads)
    for path, array in copies(layer.params).items():
        np.testing.assert_array_equal(array, before[path])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_gradient_whose_squares_overflow_is_finite_all_the_same(dtype):
    layer = tn.Linear(40, 30).astype(dtype)
    grads = {key: np.full_like(array, np.finfo(dtype).max / 4) for key, array in layer.params.items()}
    tn.SGD(layer, 1e-3, momentum=0).step(grads)
    assert all(np.isfinite(array).all() for array in layer.params.values())


def test_images_that_are_not_finite_change_nothing():
    net = network()
    images, labels = batch(6)
    images[2, 0, 0, 0] = np.nan
    before = copies(net.params)
    with pytest.raises(NotFiniteError):
        tn.training_step(net, images, labels, tn.SGD(net, 0.1))
    for path, array in copies(net.params).items():
        np.testing.assert_array_equal(array, before[path])
