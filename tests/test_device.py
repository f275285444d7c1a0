"""Moving between NumPy and CuPy, and what is said where there is no GPU."""
import sys
import types

import numpy as np
import pytest

import tinynet as tn
from tinynet.device import array_module, why_no_gpu
from tinynet.errors import ArgumentError


class OnGpu:
    """Stands for a CuPy array: it is no NumPy array, and `get` copies it to one."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = np.array(array), array.shape, array.dtype

    def get(self):
        return self.array.copy()


@pytest.fixture
def fake_cupy(monkeypatch):
    cuda = types.SimpleNamespace(is_available=lambda: True)
    module = types.SimpleNamespace(ndarray=OnGpu, asarray=OnGpu, cuda=cuda)
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


def small_net():
    return tn.Network([("conv1", tn.Conv2d(3, 4, 3)), ("norm1", tn.BatchNorm2d(4))])


def test_without_cupy_to_gpu_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # import cupy fails
    assert why_no_gpu() == "CuPy is not installed"
    with pytest.raises(ArgumentError, match="to_gpu needs a GPU: CuPy is not installed"):
        tn.to_gpu(np.ones(3))


def test_without_a_driver_to_gpu_says_so(fake_cupy):
    assert why_no_gpu() is None
    fake_cupy.cuda.is_available = lambda: False
    with pytest.raises(ArgumentError, match="to_gpu needs a GPU: CuPy is installed but finds no GPU driver"):
        tn.to_gpu(small_net())


def test_the_array_picks_the_library(fake_cupy):
    x = np.ones((2, 3), np.float32)
    assert array_module(x) is np and array_module(OnGpu(x)) is fake_cupy


def test_to_cpu_leaves_a_numpy_array_and_fetches_another():
    x = np.arange(3.0)
    assert tn.to_cpu(x) is x
    np.testing.assert_array_equal(tn.to_cpu(OnGpu(x)), x)


def test_to_cpu_of_a_network_is_a_copy():
    net = small_net()
    twin = tn.to_cpu(net)
    np.testing.assert_array_equal(twin["conv1"].params["w"], net["conv1"].params["w"])
    twin["conv1"].params["w"][...] = 0
    assert net["conv1"].params["w"].any()


def test_a_network_goes_to_the_gpu_and_comes_back(fake_cupy):
    net = small_net()
    moved = tn.to_gpu(net)
    assert all(isinstance(a, OnGpu) for a in (*moved["conv1"].params.values(), *moved["norm1"].buffers.values()))
    assert isinstance(net["conv1"].params["w"], np.ndarray), "the network itself stays"
    back = tn.to_cpu(moved)
    for name, array in (net["norm1"].params | net["norm1"].buffers).items():
        np.testing.assert_array_equal((back["norm1"].params | back["norm1"].buffers)[name], array)
