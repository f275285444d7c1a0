"""Moving between NumPy and CuPy, choosing a device, and what is said where there is no GPU."""
import inspect
import re
import sys
import types

import numpy as np
import pytest
from support import strict_cupy

import tinynet as tn
from tinynet import ops
from tinynet.errors import ArgumentError
from tinynet.ops import arrays
from tinynet.ops.arrays import array_module, choose_device, why_no_gpu

MACHINES = {
    "nothing": (False, None, "neither CuPy nor a driver for an NVIDIA GPU is installed"),
    "old driver": (False, 12040, r"there is a driver .* but CuPy is not installed: pip install 'tinynet\[cuda12\]'"),
    "new driver": (False, 13000, r"there is a driver .* but CuPy is not installed: pip install 'tinynet\[cuda13\]'"),
    "CuPy": (True, None, "CuPy is installed, but there is no driver for an NVIDIA GPU"),
    "no card": (True, 12040, "CuPy is installed, but finds no GPU"),
}


@pytest.fixture(params=MACHINES)
def reason(request, monkeypatch, gpu):
    """A machine without a GPU, in one of the ways to lack it; what is to be said about it."""
    has_cupy, driver, text = MACHINES[request.param]
    monkeypatch.setitem(sys.modules, "cupy", gpu if has_cupy else None)  # None: import cupy fails
    monkeypatch.setattr(gpu.cuda, "is_available", lambda: False)
    monkeypatch.setattr(arrays, "driver_version", lambda: driver)
    return text


def small_net():
    return tn.Network([("conv1", tn.Conv2d(3, 4, 3)), ("norm1", tn.BatchNorm2d(4))])


def test_to_gpu_says_why_there_is_none(reason):
    for what in (np.ones(3), small_net()):
        with pytest.raises(ArgumentError, match=f"^to_gpu needs a GPU: {reason}$"):
            tn.to_gpu(what)


def test_to_gpu_takes_arrays_of_numbers(gpu):
    assert all(isinstance(tn.to_gpu(what), gpu.ndarray) for what in (np.ones(3, bool), np.float32(2), gpu.ones(2)))
    for what, found in (
        ([1, 2], "expected an array, a layer or a network, got a list"), (3.5, "a float"),
        (tn.SGD(small_net()), "a SGD"), (np.array(["a"]), "expected an array of numbers, got one of <U1"),
        (np.array([None]), "one of object"),
    ):
        with pytest.raises(ArgumentError, match=f"^to_gpu: .*{found}"):
            tn.to_gpu(what)


def test_asked_for_a_missing_gpu_one_line_says_why(reason, capsys):
    assert choose_device("gpu") == "cpu"
    line, end = capsys.readouterr().err.split("\n")
    assert end == "" and line.startswith("tinynet: computing on the CPU, in NumPy: ")
    assert re.search(reason, line)


@pytest.mark.parametrize("wanted", ["auto", "cpu"])
def test_not_asked_for_a_gpu_nothing_is_said(reason, wanted, capsys):
    assert choose_device(wanted) == "cpu"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_a_gpu_is_used_where_there_is_one(gpu, wanted, capsys):
    assert why_no_gpu() is None and choose_device(wanted) == "gpu"
    assert capsys.readouterr().err == "tinynet: computing on the GPU, Stand-in\n"
    assert choose_device("cpu") == "cpu" and capsys.readouterr().err == ""


def test_a_cupy_without_what_of_cuda_it_needs_is_no_gpu(gpu, monkeypatch, capsys):
    def ones(*args):
        raise RuntimeError("CuPy failed to load libnvrtc.so.12:\n  OSError: libnvrtc.so.12: cannot open")

    monkeypatch.setattr(gpu, "ones", ones, raising=False)
    assert choose_device("gpu") == "cpu"
    assert capsys.readouterr().err == (
        "tinynet: computing on the CPU, in NumPy: CuPy finds a GPU but cannot compute on it (CuPy failed to load "
        "libnvrtc.so.12: OSError: libnvrtc.so.12: cannot open)\n")
    assert choose_device("auto") == "cpu"


def test_a_driver_too_old_for_cupy_is_named_in_cuda_s_words(gpu, monkeypatch):
    def count():
        raise RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient\nfor CUDA runtime version")

    monkeypatch.setattr(arrays, "driver_version", lambda: 11080)
    monkeypatch.setattr(gpu.cuda, "is_available", lambda: False)  # as CuPy's, which keeps the error to itself
    monkeypatch.setattr(gpu.cuda.runtime, "getDeviceCount", count)
    assert why_no_gpu() == ("CuPy is installed, but finds no GPU (cudaErrorInsufficientDriver: CUDA driver version is "
                            "insufficient for CUDA runtime version)")


def test_a_broken_cupy_is_not_called_missing(monkeypatch):
    monkeypatch.delitem(sys.modules, "cupy", raising=False)

    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "cupy":
                raise ImportError("libnvrtc.so.12: cannot open shared object file", name="cupy._core")

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert why_no_gpu() == ("CuPy is installed but cannot be imported (libnvrtc.so.12: cannot open shared object "
                            "file)")


def test_the_driver_says_which_cuda_it_knows(monkeypatch):
    def version(place):
        place._obj.value = 12040

    monkeypatch.setattr(arrays.ctypes, "CDLL", lambda name: types.SimpleNamespace(cuDriverGetVersion=version))
    assert arrays.driver_version() == 12040

    def missing(name):
        raise OSError

    monkeypatch.setattr(arrays.ctypes, "CDLL", missing)
    assert arrays.driver_version() is None


def test_the_array_picks_the_library(gpu):
    x = np.ones((2, 3), np.float32)
    assert array_module(x) is np and array_module(gpu.asarray(x)) is gpu and array_module(3.0) is np


def test_to_cpu_leaves_a_numpy_array_and_fetches_another(gpu):
    x = np.arange(3.0)
    assert tn.to_cpu(x) is x
    np.testing.assert_array_equal(tn.to_cpu(gpu.asarray(x)), x)


def test_to_cpu_of_a_network_is_a_copy():
    net = small_net()
    copied = tn.to_cpu(net)
    np.testing.assert_array_equal(copied["conv1"].params["w"], net["conv1"].params["w"])
    copied["conv1"].params["w"][...] = 0
    assert net["conv1"].params["w"].any()


def test_a_network_goes_to_the_gpu_and_comes_back(gpu):
    net = small_net()
    moved = tn.to_gpu(net)
    arrays = (*moved["conv1"].params.values(), *moved["norm1"].buffers.values())
    assert all(isinstance(array, strict_cupy.ndarray) for array in arrays)
    assert isinstance(net["conv1"].params["w"], np.ndarray), "the network itself stays"
    back = tn.to_cpu(moved)
    for name, array in (net["norm1"].params | net["norm1"].buffers).items():
        np.testing.assert_array_equal((back["norm1"].params | back["norm1"].buffers)[name], array)


def test_both_devices_have_the_same_operations():
    operations = [name for name in ops.__all__ if name not in ("Window", "make_window", "pair")]
    assert len(operations) == 11
    for name in operations:
        signatures = [
            [(p.name, p.default) for p in inspect.signature(getattr(place, name)).parameters.values()]
            for place in (ops, ops.numpy_ops, ops.cuda_ops)
        ]
        assert signatures[0] == signatures[1] == signatures[2], name
