"""The prediction of a step's time: counted work against what is really launched, and the README's tables."""
import runpy
from pathlib import Path

import numpy as np
import pytest
from support.kernel_checks import kernels_on_cpu

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.measure.gpu_prediction import H100, predict_kernel, predict_step, step_work
from tinynet.measure.gpu_work import kernel_cost
from tinynet.network import fast_on_gpu
from tinynet.ops import cuda_ops
from tinynet.ops.window import Window


@pytest.fixture
def launched(monkeypatch):
    """Names of the kernels launched, and the bytes of the arrays given to each."""
    calls = []
    launch = cuda_ops.launch

    def note(name, grid, block, *args, **options):
        calls.append((name, sum(arg.nbytes for arg in args if isinstance(arg, np.ndarray))))
        launch(name, grid, block, *args, **options)

    monkeypatch.setattr(cuda_ops, "launch", note)
    return calls


def test_bytes_are_those_of_the_arrays_that_a_kernel_is_given(launched):
    shape, window = (2, 9, 9, 4), Window((3, 3), (2, 2), (0, 0), False)
    x, dy = np.ones(shape, np.float32), np.ones((2, 4, 4, 4), np.float32)
    with kernels_on_cpu():
        cols = cuda_ops.im2col(x, window)
        cuda_ops.col2im(cols, shape, window)
        cuda_ops.window_max_back(dy, x, cuda_ops.window_max(x, window), window)
        cuda_ops.window_sum_back(cuda_ops.window_sum(x, window), shape, window)
        cuda_ops.nearby_sum(x, 3)
        cuda_ops.around_sum(x, 3)
        cuda_ops.local_response_norm_back(x, *cuda_ops.local_response_norm(x, 5, 1.0, 0.75, 2.0, 1), 5, 1.0, 0.75, 1)
        cuda_ops.sgd_update(x, x.copy(), x.copy(), 0.1, 0.9, 0.0)
        cuda_ops.adam_update(x, x.copy(), x.copy(), x.copy(), 0.1, (0.9, 0.999), 1e-8, 0.0, 1)
    with_window = {"im2col", "col2im", "window_max", "window_max_back", "window_sum", "window_sum_back"}
    assert len(launched) == 12
    for name, moved in launched:
        counted, _ = kernel_cost(name, shape, window if name in with_window else None)
        twice = {"sgd_update": 2, "adam_update": 3}.get(name, 0)  # w, v and m are read and written
        assert counted == moved + twice * x.nbytes, name


@pytest.mark.parametrize("worth", [0, fast_on_gpu.WORTH])
def test_a_step_launches_the_kernels_that_are_counted(worth, gpu, launched, monkeypatch):
    monkeypatch.setattr(fast_on_gpu, "WORTH", worth)
    net = tn.Network([
        ("conv1", tn.Conv2d(3, 8, 3)), ("relu1", tn.ReLU()), ("norm1", tn.LocalResponseNorm(groups=2)),
        ("pool1", tn.MaxPool2d(3, 2)), ("conv2", tn.Conv2d(8, 4, 3, padding=1, groups=2)), ("flatten", tn.Flatten()),
        ("dropout", tn.Dropout()), ("fc3", tn.Linear(36, 5)),
    ], input_shape=(9, 9, 3))
    there = tn.to_gpu(net)
    x = gpu.asarray(np.random.default_rng(0).standard_normal((2, 9, 9, 3), dtype=np.float32))
    labels = np.array([0, 1])
    tn.training_step(there, x, labels, tn.SGD(there))  # in which fast implementations are proven
    launched.clear()
    tn.training_step(there, x, labels, tn.SGD(there))
    counted = sorted(work.what for work in step_work(net, 2) if work.what not in ("product", "expression"))
    assert sorted(name for name, _ in launched) == counted


def test_products_are_three_times_the_forward_pass_but_for_the_images_own_gradient():
    net = tn.alexnet()
    products = sum(work.operations for work in step_work(net, 128, fused=False) if work.what == "product")
    forward, conv1 = net.multiply_adds((227, 227, 3)), net["conv1"].multiply_adds((227, 227, 3))
    assert products == pytest.approx(2 * 128 * (3 * forward - conv1))


def test_time_follows_the_rates():
    net, card = tn.alexnet(), (H100.bandwidth, H100.flops)
    step = predict_step(net, 128, *card)
    assert step == pytest.approx(sum(work.seconds(*card) for work in step_work(net, 128)))
    assert predict_step(net, 128, H100.bandwidth / 2, H100.flops / 2) == pytest.approx(2 * step, rel=0.05)
    assert predict_step(net, 128, *card, fused=False) > step
    moved = kernel_cost("sgd_update", (9216, 4096))[0]
    assert moved == 5 * 4 * 9216 * 4096
    assert predict_kernel("sgd_update", (9216, 4096), *card) == pytest.approx(moved / (0.8 * H100.bandwidth))


def test_a_layer_without_a_prediction_is_named():
    net = tn.Network([("tanh1", tn.Tanh())], input_shape=(4,))
    with pytest.raises(ArgumentError, match="layer tanh1: no prediction for Tanh, expected one of Conv2d"):
        list(step_work(net, 1))


def test_the_readme_has_the_tables_of_the_program():
    root = Path(__file__).parents[2]
    text = (root / "kernels" / "README.md").read_text()
    for table in runpy.run_path(str(root / "benchmarks" / "gpu_tables.py"))["tables"]():
        assert table in text, "python benchmarks/gpu_tables.py prints what belongs there"
