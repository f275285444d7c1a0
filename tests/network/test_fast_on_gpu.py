"""Every fast implementation, of the CPU's and of the GPU's, against the layer itself."""
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn
from tinynet.network import fast_on_gpu
from tinynet.network.fast import fast_implementation, fast_or_own
from tinynet.network.fast_on_gpu import FusedResponseNorm, WinogradOnGpu

drawn = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_on_the_gpu_it_does_what_its_layer_does(dtype, gpu):
    close = {"rtol": 1e-12, "atol": 1e-12} if dtype == "float64" else {"rtol": 2e-5, "atol": 2e-5}

    @drawn
    @given(st.data())
    def compare(data):
        layer, x = draw_case(data.draw, TABLE["LocalResponseNorm"])
        layer, x = layer.astype(dtype), x.astype(dtype)
        there, gpu_x = tn.to_gpu(layer), gpu.asarray(x)
        fast = fast_or_own(there, gpu_x, gpu_x.shape[1:])
        assert type(fast) is FusedResponseNorm
        gpu_y, gpu_saved = fast.forward(gpu_x, True)
        y, saved = layer.forward(x, True)
        dy = np.random.default_rng(0).standard_normal(y.shape).astype(dtype)
        dx, grads = layer.backward(dy, saved)
        gpu_dx, gpu_grads = fast.backward(gpu.asarray(dy), gpu_saved)
        np.testing.assert_allclose(gpu_y.get(), y, **close)
        np.testing.assert_allclose(gpu_dx.get(), dx, **close)
        assert fast.backward(gpu_y, gpu_saved, input_gradient=False)[0] is None
        assert type(gpu_saved) is type(saved) and gpu_grads.keys() == grads.keys()
        plain_dx, _ = there.backward(gpu.asarray(dy), gpu_saved)  # the layer understands what was saved
        np.testing.assert_allclose(plain_dx.get(), dx, **close)

    compare()


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("taps", "padding", "groups", "height"), [
    (3, 1, 1, 13), (3, (1, 0), 2, 6), (4, 0, 1, 9), (5, 2, 2, 27), (5, (4, 1), 3, 1)])
def test_sums_of_rows_on_the_gpu_do_what_the_convolution_does(taps, padding, groups, height, dtype, gpu, monkeypatch):
    monkeypatch.setattr(fast_on_gpu, "WORTH", 0)
    close = {"rtol": 1e-10, "atol": 1e-10} if dtype == "float64" else {"rtol": 1e-4, "atol": 1e-3}
    layer = tn.Conv2d(2 * groups, 3 * groups, (taps, 3), padding=padding, groups=groups).astype(dtype)
    generator = np.random.default_rng(taps)
    layer.params["b"] = generator.standard_normal(3 * groups).astype(dtype)
    x = generator.standard_normal((3, height, 5, 2 * groups)).astype(dtype)
    there, gpu_x = tn.to_gpu(layer), gpu.asarray(x)
    fast = fast_or_own(there, gpu_x, gpu_x.shape[1:])
    assert type(fast) is WinogradOnGpu
    gpu_y, gpu_saved = fast.forward(gpu_x, True)
    y, saved = layer.forward(x, True)
    np.testing.assert_allclose(gpu_y.get(), y, **close)
    dy = generator.standard_normal(y.shape).astype(dtype)
    back = fast_or_own(there, gpu_x, gpu_x.shape[1:], method="backward")
    assert type(back) is WinogradOnGpu, "made anew, without a forward pass"
    (gpu_dx, gpu_grads), (dx, grads) = back.backward(gpu.asarray(dy), gpu_saved), layer.backward(dy, saved)
    np.testing.assert_allclose(gpu_dx.get(), dx, **close)
    for key in grads:
        np.testing.assert_allclose(gpu_grads[key].get(), grads[key], **close)
    assert back.backward(gpu.asarray(dy), gpu_saved, False)[0] is None


def test_sums_of_rows_are_taken_where_the_products_are_large_and_exact(gpu, monkeypatch):
    for conv, size in (  # the paper's conv2 to conv5
        (tn.Conv2d(96, 256, 5, padding=2, groups=2), 27), (tn.Conv2d(256, 384, 3, padding=1), 13),
        (tn.Conv2d(384, 384, 3, padding=1, groups=2), 13), (tn.Conv2d(384, 256, 3, padding=1, groups=2), 13),
    ):
        assert fast_implementation(conv, True, (size, size, conv.in_channels)) is WinogradOnGpu
    assert fast_implementation(tn.Conv2d(3, 96, 11, stride=4), True, (227, 227, 3)) is None
    assert fast_implementation(tn.Conv2d(32, 32, 5, padding=2), True, (16, 16, 32)) is None, "cifar-80sec's conv2"
    assert fast_implementation(tn.Conv2d(64, 64, 3, stride=2), True, (200, 200, 64)) is None
    monkeypatch.setenv("CUPY_TF32", "1")
    assert fast_implementation(conv, True, (13, 13, 384)) is None


def test_layers_on_the_gpu_have_none_of_the_cpu(gpu):
    for layer in (tn.Conv2d(96, 4, 3), tn.Conv2d(3, 4, 5), tn.ReLU()):
        there = tn.to_gpu(layer)
        assert fast_or_own(there, gpu.asarray(np.ones((1, 5, 5, 3), np.float32)), (5, 5, 3)) is there

    class Mine(tn.LocalResponseNorm):
        """A reader's own."""

    mine = Mine()
    assert fast_or_own(mine, gpu.asarray(np.ones((1, 5, 5, 3), np.float32)), (5, 5, 3)) is mine


@given(st.data())
def test_on_the_cpu_it_does_what_its_layer_does(data):
    layer, x = draw_case(data.draw, TABLE["Conv2d"])
    fast = fast_or_own(layer, x, x.shape[1:])
    assert fast is not layer
    y, saved = layer.forward(x)
    np.testing.assert_allclose(fast.forward(x)[0], y, atol=1e-12)
    (dx, grads), (fast_dx, fast_grads) = layer.backward(y, saved), fast.backward(y, saved)
    for found, expected in ((fast_dx, dx), (fast_grads["w"], grads["w"]), (fast_grads["b"], grads["b"])):
        np.testing.assert_allclose(found, expected, atol=1e-10)
