"""`tinynet gpu-check` over the stand-in for CuPy: that it looks at everything, and notices what is wrong."""
import re
import sys

import numpy as np
import pytest
from support.kernel_checks import FILES

import tinynet as tn
from tinynet import cli, layers
from tinynet.errors import ArgumentError, GpuMemoryError
from tinynet.layers.base import Layer
from tinynet.measure import gpu_check, gpu_compare, profiling
from tinynet.models import alexnet
from tinynet.ops import cuda_ops


@pytest.fixture
def small(gpu, monkeypatch):
    """Rates measured on little, and a network of which a check takes a second."""
    monkeypatch.setattr(profiling.gpu_rates, "__defaults__", (16, 1))
    monkeypatch.setattr(profiling, "REPEATS", 1)
    monkeypatch.setattr("tinynet.cli.commands.make_model", lambda name: tn.alexnet_small(size=32))


def command(capsys):
    code = cli.main(["gpu-check", "--batch-size", "2"])
    return code, *capsys.readouterr()


def test_all_is_compared_and_timed(small, capsys):
    code, out, err = command(capsys)
    assert code == 0 and err == "" and "Stand-in: copies" in out and "WRONG" not in out
    net = tn.alexnet_small(size=32)
    for name in net.layers:
        line = re.search(rf"^{name} .*$", out, re.MULTILINE)
        assert line and re.search(r"\d\.\d{3} +\d+\.\d{3}$", line[0]), "measured and predicted"
    for pattern in ("conv2: col2im ", "pool1: window_max_back ", "fc5: sgd_update ", "fc5: adam_update ",
                    "alexnet-small: a training step "):
        assert re.search(rf"^{pattern} *(0|\de-\d\d) ", out, re.MULTILINE), pattern
    assert re.search(r"^Softmax .* right *$", out, re.MULTILINE)


def test_it_has_every_layer_and_every_kernel():
    assert {type(layer).__name__ for layer, _ in gpu_compare.LAYERS} == set(layers.__all__)
    kernels = {case.kernel for case in gpu_compare.kernel_cases(tn.alexnet_small(size=32))}
    fused = {"local_response_norm", "local_response_norm_back"}  # the layer's, which has a line of its own
    named = set(re.findall(r'launch\("(\w+)"', open(cuda_ops.__file__).read()))
    assert kernels | fused == named and set(FILES) <= named


def test_kernels_are_run_at_the_papers_shapes(monkeypatch):
    for kind in ("conv", "linear"):
        monkeypatch.setattr(f"tinynet.layers.{kind}.random_weights",
                            lambda shape, *rest: np.broadcast_to(np.float32(0), shape))
    cases = {(case.where, case.kernel): case.shape for case in gpu_compare.kernel_cases(alexnet())}
    assert cases["conv1", "im2col"] == (227, 227, 3) and cases["conv2", "col2im"] == (27, 27, 48)
    assert cases["pool1", "window_max_back"] == (55, 55, 96) and cases["fc6", "sgd_update"] == (9216, 4096)
    assert cases["fc6", "adam_update"] == (9216, 4096)


@pytest.mark.filterwarnings("ignore:layer '.*differ by")  # the proof before use notices it too
@pytest.mark.parametrize(("kernel", "mistake", "named"), [
    ("col2im", lambda result: result * 1.001, "conv2: col2im"),
    ("nearby_sum", lambda result: result + float("nan"), "norm1: nearby_sum"),
    ("window_max_back", lambda result: result[:, ::-1], "MaxPool2d"),
    ("im2col", lambda result: result.astype("float64"), "conv1: im2col"),
    ("local_response_norm_back", lambda result: 1.01 * result, "norm1"),
], ids=["a thousandth", "nan", "upside down", "another dtype", "a fused kernel"])
def test_a_wrong_kernel_is_noticed(small, kernel, mistake, named, monkeypatch, capsys):
    module = sys.modules["tinynet.network.fast_on_gpu"] if kernel.startswith("local") else cuda_ops
    right = getattr(module, kernel)
    monkeypatch.setattr(module, kernel, lambda *args: mistake(right(*args)))
    if kernel == "im2col":  # later layers would refuse the type
        monkeypatch.setattr(gpu_check, "LAYERS", [])
        same = gpu_check.ComparedItem("", {"float32": 0.0, "float64": 0.0})
        for name in ("compare_in_net", "compare_step"):
            monkeypatch.setattr(gpu_check, name, lambda *args: same)
    code, out, err = command(capsys)
    assert code == 2 and re.search(rf"^{re.escape(named)}.*WRONG", out, re.MULTILINE)
    assert err.startswith("tinynet: the GPU's results differ from NumPy's for: ") and named in err


def test_a_wrong_layer_is_noticed(small, monkeypatch, capsys):
    right = layers.Tanh.input_gradient
    monkeypatch.setattr(layers.Tanh, "input_gradient", lambda self, dy, saved: right(self, dy, saved) * (
        1 if isinstance(dy, np.ndarray) else 2))
    code, out, err = command(capsys)
    assert code == 2 and err == "tinynet: the GPU's results differ from NumPy's for: Tanh\n"


def test_a_wrong_step_is_noticed(small, monkeypatch, capsys):
    right = gpu_compare.softmax_cross_entropy

    def other(scores, labels):
        loss, dscores = right(scores, labels)
        return loss, dscores if isinstance(scores, np.ndarray) else 1.01 * dscores

    monkeypatch.setattr(gpu_compare, "softmax_cross_entropy", other)
    code, out, err = command(capsys)
    assert code == 2 and err.endswith("for: alexnet-small: a training step\n")


def test_a_maximum_that_rounding_decides_otherwise_is_no_mistake_in_float32(small, monkeypatch, capsys):
    right = cuda_ops.window_max_back

    def other_winner(dy, x, y, window):
        dx = right(dy, x, y, window)
        if dy.dtype == np.float32 and x.shape[0] == 2 and x.shape[3] == 32:  # pool1, in the step and in its own lines
            sizes = np.abs(dx.get())
            place = np.unravel_index(np.abs(sizes - np.median(sizes[sizes > 0])).argmin(), dx.shape)
            beside = (*place[:2], place[2] - 1 if place[2] else 1, place[3])
            dx[place], dx[beside] = dx[beside].copy(), dx[place].copy()
        return dx

    monkeypatch.setattr(cuda_ops, "window_max_back", other_winner)
    code, out, err = command(capsys)
    step = re.search(r"^alexnet-small: a training step .*$", out, re.MULTILINE)[0]
    assert " right " in step and float(step.split()[4]) > 1e-3, step
    assert "pool1: window_max_back" in err, "which has one and the same input on both sides"


def test_without_a_gpu_it_says_why(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cupy", None)
    code, out, err = command(capsys)
    assert code == 2 and out == "" and re.fullmatch(r"tinynet: gpu-check needs a GPU: .*CuPy.*\n", err)


def test_a_batch_that_does_not_fit_is_explained(small, gpu):
    memory = gpu.get_default_memory_pool()
    memory.limit = 20_000_000
    with pytest.raises(GpuMemoryError, match="with a batch of 300 inputs"):
        gpu_check.step_seconds(tn.alexnet_small(size=32), 300)


def test_the_layers_are_left_as_they_were(small):
    before = [repr(layer) for layer, _ in gpu_compare.LAYERS]
    drop = next(layer for layer, _ in gpu_compare.LAYERS if isinstance(layer, layers.Dropout))
    state = drop.generator.bit_generator.state
    for layer, shape in gpu_compare.LAYERS:
        assert gpu_compare.layer_difference(layer, shape, "float64") < 1e-11
        assert isinstance(layer, Layer)
    assert [repr(layer) for layer, _ in gpu_compare.LAYERS] == before and drop.generator.bit_generator.state == state


def test_a_network_without_prediction_is_refused_at_once(small):
    with pytest.raises(ArgumentError, match="no prediction for Tanh"):
        gpu_check.check(tn.lenet5())
