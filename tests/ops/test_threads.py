"""Worker threads: the same bits with any number of them, one BLAS thread in each, and nothing that hangs."""
import multiprocessing
import os
import platform
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.small_network import batch, network, step
from threadpoolctl import threadpool_info, threadpool_limits

import tinynet as tn
from tinynet import ops
from tinynet.errors import ArgumentError, ShapeError
from tinynet.network.params import flat
from tinynet.ops import threads


@pytest.fixture(autouse=True)
def default_threads():
    yield
    tn.set_threads()


def test_the_number_of_threads_does_not_change_a_bit():
    x, labels = batch(200)
    results = []
    for n in (1, 2, 3):
        tn.set_threads(n)
        net = network()
        optimizer = [step(net, x, labels) for _ in range(2)]
        results.append([array.tobytes() for scores, dx, grads in optimizer for array in
                        (scores, dx, *(grads[name][key] for name in grads for key in grads[name]))])
    assert results[0] == results[1] == results[2]


def test_a_large_product_does_not_depend_on_the_number_of_threads():
    generator = np.random.default_rng(0)
    a = generator.standard_normal((130, 700), dtype=np.float32)
    b = generator.standard_normal((700, 1300), dtype=np.float32)
    products = []
    for n in (1, 2, 3):
        tn.set_threads(n)
        products.append([ops.matmul(*pair) for pair in ((a, b), (b.T, a.T))])
    np.testing.assert_allclose(products[0][0], a @ b, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(products[0][1], (a @ b).T, rtol=1e-3, atol=1e-3)
    for other in products[1:]:
        assert all(np.array_equal(x, y) for x, y in zip(products[0], other, strict=True))


@pytest.mark.parametrize("shape", [(1030, 7), (7, 1030)])
def test_a_large_product_is_cut_along_its_longer_side(monkeypatch, shape):
    pieces = []
    plain = np.matmul
    monkeypatch.setattr(np, "matmul", lambda a, b, out: pieces.append(out.shape) or plain(a, b, out=out))
    ops.matmul(np.ones((shape[0], 2)), np.ones((2, shape[1])))
    longer = shape.index(1030)
    assert sorted(piece[longer] for piece in pieces) == [6, 512, 512]
    assert {piece[1 - longer] for piece in pieces} == {7}


def blas_threads():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas" and "numpy" in lib["filepath"]}


def test_the_callers_blas_limit_comes_back():
    x, labels = batch(80)
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        step(network(), x, labels)
        assert blas_threads() == before
        with pytest.raises(ShapeError):
            network().forward(x[:, 1:])
        assert blas_threads() == before
        with threads.one_blas_thread(), threads.one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == before


def test_an_error_in_a_worker_reaches_the_caller():
    tn.set_threads(2)

    def fail(item):
        raise RuntimeError(f"item {item}")

    with pytest.raises(RuntimeError, match="item 0"):
        list(threads.map_in_order(fail, range(4)))
    assert list(threads.map_in_order(abs, [-1, -2])) == [1, 2]


def test_a_pool_that_is_closed_leaves_the_work_to_the_caller():
    with ThreadPoolExecutor(1) as pool:
        assert threads.submit(pool, threading.get_ident).result() != threading.get_ident()
    assert threads.submit(pool, threading.get_ident).result() == threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        threads.submit(pool, divmod, 1, 0).result()


def test_a_system_that_starts_no_thread_says_so(monkeypatch):
    def fail(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        threads.submit(ThreadPoolExecutor(1), abs, -1)


@pytest.mark.parametrize("n", [0, -1, 1.5, "2"])
def test_set_threads_refuses_what_is_no_count(n):
    with pytest.raises(ArgumentError, match="set_threads: n is"):
        tn.set_threads(n)


def in_another_thread(function):
    """Return what `function` gives in a thread of its own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_another_python_thread_gets_one_blas_thread_too_and_the_same_bits():
    x, labels = batch(80)

    def inside():
        with threads.one_blas_thread():
            return blas_threads()

    with threadpool_limits(2, user_api="blas"):
        here = step(network(), x, labels)
        assert inside() == in_another_thread(inside) == {1}
        there = in_another_thread(lambda: step(network(), x, labels))
        assert blas_threads() == {2}
    assert np.array_equal(here[0], there[0]) and np.array_equal(here[1], there[1])


def test_overlapping_users_in_two_threads_put_the_callers_limit_back():
    entered, leave = threading.Event(), threading.Event()

    def first():
        with threads.one_blas_thread():
            entered.set()
            leave.wait(10)

    with threadpool_limits(2, user_api="blas"):
        thread = threading.Thread(target=first)
        thread.start()
        assert entered.wait(10)
        with threads.one_blas_thread():  # this thread enters last and leaves last
            leave.set()
            thread.join()
            assert blas_threads() == {1}
        assert blas_threads() == {2}


NESTED = """
import numpy as np
import tinynet as tn

class Inner(tn.Layer):
    def __init__(self):
        super().__init__()
        self.linear = tn.Linear(600, 600)
    def forward(self, x, train=False):
        y, saved = self.linear.forward(x)
        return y, saved

tn.set_threads(2)
net = tn.Network([("inner", Inner())])
print(net.forward(np.ones((128, 600), np.float32))[0].shape)
"""


def test_a_layer_that_shares_out_work_itself_does_not_wait_for_ever():
    done = subprocess.run([sys.executable, "-c", NESTED], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "(128, 600)", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork on this system")
def test_a_process_forked_after_a_forward_computes_too():
    tn.set_threads(2)
    net, (x, _) = network(), batch(140)
    expected, _ = net.forward(x)
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()

    def start():
        with threads.one_blas_thread():  # a forward is under way
            child = context.Process(target=lambda: theirs.send((net.forward(x)[0], blas_threads())))
            child.start()
            return child

    with threadpool_limits(2, user_api="blas"):
        child = start()
    try:
        assert mine.poll(60), "the child hangs"
        scores, blas = mine.recv()
    finally:
        child.kill()
        child.join()
    np.testing.assert_array_equal(scores, expected)
    assert blas == {2}, "the limit of a forward that the child does not run"


@pytest.mark.skipif(np.__version__.startswith("1."), reason="NumPy 1 keeps errstate by thread, NumPy 2 by context")
def test_errstate_around_a_network_holds_in_the_workers():
    tn.set_threads(2)
    net = tn.Network([("norm", tn.LocalResponseNorm())])
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="overflow"):
        net.forward(np.full((70, 2, 2, 3), 1e30, np.float32))


def test_dropout_draws_one_mask_for_the_batch_in_the_calling_thread():
    class Spy:
        def __init__(self, generator):
            self.generator, self.calls = generator, []

        def random(self, shape, dtype):
            self.calls.append((threading.current_thread(), shape))
            return self.generator.random(shape, dtype=dtype)

    tn.set_threads(2)
    dropout = tn.Dropout()
    plain = np.random.default_rng(0).random((140, 27, 27, 4), dtype=np.float32)
    spy = dropout.generator = Spy(dropout.generator)
    net = tn.Network([("conv1", tn.Conv2d(3, 4, 3)), ("relu1", tn.ReLU()), ("dropout1", dropout), ("tanh1", tn.Tanh())])
    _, saved = net.forward(batch(140)[0], train=True)
    assert spy.calls == [(threading.current_thread(), (140, 27, 27, 4))]
    np.testing.assert_array_equal(saved["dropout1"].mask > 0, plain >= 0.5)


def test_other_c_libraries_than_glibc_are_left_alone(monkeypatch):
    assert threads.keep_memory() is (platform.libc_ver()[0] == "glibc")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert threads.keep_memory() is False
    assert tn.set_threads(2) == threads.get_threads() == 2


def test_threads_that_take_turns_at_every_step_of_python_change_no_bit():
    """The nearest to Python without its lock that a Python with it allows; several callers share one network."""
    layers = [("conv1", tn.Conv2d(3, 16, 3, padding=1, seed=1)), ("pool1", tn.MaxPool2d(3, 2)), ("relu1", tn.ReLU()),
              ("conv2", tn.Conv2d(16, 8, 3, padding=1, seed=2)), ("norm2", tn.LocalResponseNorm()),
              ("pool2", tn.AvgPool2d(2, 2)), ("conv3", tn.Conv2d(8, 4, 3, 2, 1, seed=3)),
              ("conv4", tn.Conv2d(4, 4, 2, seed=4)), ("flatten", tn.Flatten()), ("fc5", tn.Linear(4, 3, seed=5))]
    net = tn.Network(layers)
    x = np.random.default_rng(0).standard_normal((130, 17, 17, 3), dtype=np.float32)

    def pass_through(_):
        y, saved = net.forward(x, train=True)
        dx, grads = net.backward(y, saved)
        return [array.tobytes() for array in (y, dx, *flat(grads).values())]

    tn.set_threads(1)
    expected, interval = pass_through(0), sys.getswitchinterval()
    try:
        sys.setswitchinterval(1e-6)
        tn.set_threads(3)
        with ThreadPoolExecutor(4) as callers:
            assert all(found == expected for found in callers.map(pass_through, range(8)))
    finally:
        sys.setswitchinterval(interval)
