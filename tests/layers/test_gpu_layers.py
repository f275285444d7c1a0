"""Every layer, the loss and the optimizer over the stand-in for CuPy, or CuPy itself: the same numbers as in NumPy."""
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import strict_cupy
from support.layer_table import TABLE, draw_case
from support.strict_cupy import TO_CPU, TO_GPU, Transfer, check_transfers

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.layers.loss import cross_entropy
from tinynet.network.params import flat
from tinynet.ops.arrays import array_module
from tinynet.training.evaluation import count_errors

pytestmark = pytest.mark.gpu
# The stand-in computes as NumPy does; a GPU adds up in another order, and differences of nearly equal numbers show it.
DIGITS = {"float32": 1e-5, "float64": 1e-12}
if os.environ.get("TINYNET_GPU_TESTS") == "real":
    DIGITS = {"float32": 5e-4, "float64": 1e-9}
drawn = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


def same(found, expected, digits=1e-12):
    """An array on the GPU has the numbers and the dtype of one on the CPU."""
    assert array_module(found) is not np and found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_allclose(found.get(), expected, rtol=digits, atol=digits * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TABLE)
def test_layers_have_the_same_numbers_on_the_gpu(name, dtype, gpu):
    digits = DIGITS[dtype]

    @drawn
    @given(st.data())
    def compare(data):
        layer, x = draw_case(data.draw, TABLE[name])
        layer, x, train = layer.astype(dtype), x.astype(dtype), data.draw(st.booleans())
        there, gpu_x = tn.to_gpu(layer), gpu.asarray(x)
        strict_cupy.transfers.clear()
        gpu_y, gpu_saved = there.forward(gpu_x, train)
        gpu_dx, gpu_grads = there.backward(gpu_y, gpu_saved)
        mask = [Transfer(TO_GPU, x.size)] if name == "Dropout" and train else []
        check_transfers(mask)
        y, saved = layer.forward(x, train)
        dx, grads = layer.backward(y, saved)
        same(gpu_y, y, digits)
        same(gpu_dx, dx, digits)
        for key in layer.params:
            same(gpu_grads[key], grads[key], digits)
        for key, array in layer.buffers.items():
            same(there.buffers[key], array, digits)

    compare()


def test_dropout_drops_the_same_on_both(gpu):
    layer, x = tn.Dropout(seed=3), np.ones((20, 30), np.float32)
    there = tn.to_gpu(layer)
    for _ in range(2):
        same(there.forward(gpu.asarray(x), train=True)[0], layer.forward(x, train=True)[0])


def test_loss_and_errors_are_the_same(gpu):
    generator = np.random.default_rng(0)
    scores, labels = generator.integers(-2, 3, (40, 7)).astype(np.float32), generator.integers(0, 7, 40)
    scores[3, 2] = np.nan
    there, labels_there = gpu.asarray(scores), gpu.asarray(labels)
    for k in (1, 5):
        same(count_errors(there, labels_there, k), count_errors(scores, labels, k))
    scores[3, 2], there[3, 2] = 0, 0
    for found, expected in zip(cross_entropy(there, labels_there), cross_entropy(scores, labels), strict=True):
        same(found, expected, 1e-6)
    loss, dscores = tn.softmax_cross_entropy(there, labels)
    assert isinstance(loss, float) and loss == pytest.approx(tn.softmax_cross_entropy(scores, labels)[0], rel=1e-6)
    assert isinstance(dscores, gpu.ndarray)


def test_the_optimizer_takes_the_same_steps(gpu):
    net = tn.Network([("fc", tn.Linear(5, 3)), ("norm", tn.Linear(3, 2))])
    there, generator = tn.to_gpu(net), np.random.default_rng(0)
    options = {"learning_rate": 0.1, "weight_decay": {"fc": 0.5}, "bias_rate": 2.0, "decay_biases": False}
    optimizer, gpu_optimizer = tn.SGD(net, **options), tn.SGD(there, **options)
    for _ in range(3):
        grads = {name: {key: generator.standard_normal(a.shape, dtype=np.float32) for key, a in params.items()}
                 for name, params in net.params.items()}
        gpu_grads = {name: {key: gpu.asarray(a) for key, a in own.items()} for name, own in grads.items()}
        strict_cupy.transfers.clear()
        gpu_optimizer.step(gpu_grads)
        check_transfers([Transfer(TO_CPU, 4)])  # finite, one by one
        optimizer.step(grads)
    for path, array in flat(net.params).items():
        same(flat(there.params)[path], array, 1e-6)
        same(flat(gpu_optimizer.velocity)[path], flat(optimizer.velocity)[path], 1e-6)


def test_velocities_move_with_the_optimizers_state(gpu):
    net = tn.Network([("fc", tn.Linear(5, 3))])
    optimizer = tn.SGD(net, 0.1)
    optimizer.step({"fc": {key: np.ones_like(array) for key, array in net["fc"].params.items()}})
    there = tn.SGD(tn.to_gpu(net))
    there.load_state(optimizer.state())
    back = tn.SGD(net)
    back.load_state(there.state())
    for path, v in flat(optimizer.velocity).items():
        same(flat(there.velocity)[path], v)
        assert flat(back.velocity)[path] is not v
        np.testing.assert_array_equal(flat(back.velocity)[path], v)


@pytest.mark.parametrize("layer", [tn.Linear(5, 3), tn.Network([("relu", tn.ReLU()), ("fc", tn.Linear(5, 3))])])
def test_arrays_of_two_libraries_are_told_apart(layer, gpu):
    x = np.ones((2, 5), np.float32)
    with pytest.raises(ArgumentError, match="input is an array of numpy, the parameters are arrays of cupy: to_gpu"):
        tn.to_gpu(layer).forward(x)
    with pytest.raises(ArgumentError, match="input is an array of cupy, the parameters are arrays of numpy"):
        layer.forward(tn.to_gpu(x))
