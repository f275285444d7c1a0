"""What the stand-in for CuPy catches: each test plants a mistake that the real CuPy would meet, or suffer from."""
import copy

import numpy as np
import pytest
from support import strict_cupy
from support.cupy_names import REAL, look_up
from support.strict_cupy import TO_CPU, TO_GPU, Transfer, needs_wheel

from tinynet.ops.arrays import array_module


@pytest.fixture
def x(gpu):
    array = gpu.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    strict_cupy.transfers.clear()
    return array


@pytest.mark.parametrize("mistake", [
    lambda x, host: x + host, lambda x, host: host + x, lambda x, host: x @ host.T, lambda x, host: host < x,
    lambda x, host: x.__iadd__(host), lambda x, host: host.__iadd__(x),
], ids=["plus", "plus, NumPy first", "product", "comparison", "in place", "in place, NumPy first"])
def test_a_numpy_array_in_an_expression(x, mistake):
    with pytest.raises(TypeError):
        mistake(x, np.ones((2, 3), np.float32))


@pytest.mark.parametrize("mistake", [
    lambda xp, x: np.asarray(x), lambda xp, x: np.exp(x), lambda xp, x: np.concatenate([x, x]),
    lambda xp, x: np.sum(x), lambda xp, x: xp.concatenate([x, np.ones((2, 3))]),
    lambda xp, x: xp.maximum(x, np.ones(3)), lambda xp, x: xp.add(x, x, out=np.ones((2, 3))),
    lambda xp, x: np.ones((2, 3)).__setitem__(0, x),
], ids=["asarray", "ufunc", "concatenate", "sum", "two libraries", "cupy of NumPy", "out", "assignment"])
def test_an_array_given_to_the_other_library(gpu, x, mistake):
    with pytest.raises(TypeError):
        mistake(gpu, x)


@pytest.mark.parametrize("mistake", [
    lambda x: x.__setitem__(slice(None), np.ones((2, 3))), lambda x: x.__setitem__(np.ones((2, 3), bool), 0.0),
    lambda x: x[np.array([0, 1])], lambda x: x[[0, 1]], lambda x: x[np.array([0, 1]), :],
], ids=["values", "mask", "index", "list", "index among others"])
def test_numpy_in_brackets(x, mistake):
    with pytest.raises(TypeError, match="Unsupported type"):
        mistake(x)


@needs_wheel
@pytest.mark.parametrize("mistake", [
    lambda xp, x: xp.nditer(x), lambda xp, x: xp.lib.stride_tricks.normalize_axis(x),
    lambda xp, x: x.setflags(write=False), lambda xp, x: xp.float128,
], ids=["function", "function in a module", "method", "dtype"])
def test_a_name_that_cupy_lacks(gpu, x, mistake):
    with pytest.raises(AttributeError):
        mistake(gpu, x)


@needs_wheel
@pytest.mark.parametrize("mistake", [
    lambda xp, x: x.max(axis=0, initial=0), lambda xp, x: xp.max(x, initial=0), lambda xp, x: x.sum(where=x > 0),
    lambda xp, x: xp.add(x, x, where=x > 0), lambda xp, x: xp.mean(x, where=x > 0),
    lambda xp, x: xp.broadcast_to(x, (2, 3), subok=True),
    lambda xp, x: xp.lib.stride_tricks.as_strided(x, (2,), (4,), writeable=False),
], ids=["method max", "max", "method sum", "ufunc", "mean", "broadcast_to", "as_strided"])
def test_a_keyword_that_cupy_lacks(gpu, x, mistake):
    with pytest.raises(TypeError, match="cupy"):
        mistake(gpu, x)


def test_a_part_of_an_array_written_while_another_is_read(x):
    row = x.reshape(-1)
    with pytest.raises(ValueError, match="another part of its memory"):
        row[1:] += row[:-1]
    with pytest.raises(ValueError, match="another part of its memory"):
        row[1:] = row[:-1]
    row += row  # place by place


@pytest.mark.parametrize("look", [float, int, bool, repr, lambda x: f"{x:.1f}", lambda x: x.item(),
                                  lambda x: x.tolist(), lambda x: x.get()])
def test_a_hidden_look_at_a_number_is_counted(x, look):
    look(x[0, 1])
    assert strict_cupy.transfers == [Transfer(TO_CPU, 4)]


def test_a_hidden_wait_for_a_shape_is_counted(x):
    assert x[x > 1].shape == (4,)
    assert strict_cupy.transfers == [Transfer(TO_CPU, 8)]


def test_a_hidden_copy_to_the_gpu_is_counted(gpu, x):
    gpu.asarray(np.zeros(3)), gpu.array([1, 2]), gpu.asarray(x)
    assert strict_cupy.transfers == [Transfer(TO_GPU, 24), Transfer(TO_GPU, 16)]


def test_what_stays_on_the_gpu_is_not_counted(gpu, x):
    y = gpu.maximum(x, 0).sum(axis=1) ** -0.5 + gpu.zeros(2, np.float32)
    y[0], y[...] = 1, 2 * copy.deepcopy(y)
    assert array_module(y) is gpu and y.dtype == np.float32 and len(y) == y.size == 2 and not strict_cupy.transfers


def test_a_sum_is_an_array_without_axes(gpu, x):
    assert isinstance(x.sum(), gpu.ndarray) and x.sum().shape == ()


def test_numbers_keep_the_dtype(x):
    assert (2.0 * x).dtype == np.float32 and (np.float64(2) * x).dtype == np.float64  # as in NumPy 2


def test_memory_is_that_of_living_arrays(gpu):
    pool = gpu.get_default_memory_pool()
    first = gpu.zeros(1000, np.float32)
    view, second = first[10:], gpu.zeros(500, np.float32)
    assert pool.used_bytes() == pool.total_bytes() == 6000
    del first, second
    assert pool.used_bytes() == 4000 and pool.total_bytes() == 6000, "a view keeps all, and the pool too"
    pool.limit = 5000
    with pytest.raises(gpu.cuda.memory.OutOfMemoryError, match="allocating 2,000 bytes"):
        gpu.zeros(500, np.float32)
    del view
    assert pool.used_bytes() == 0


@needs_wheel
def test_all_of_the_stand_ins_own_names_are_cupys(gpu):
    def check(part, before):
        for name, thing in vars(part).items():
            if not name.startswith("__") and name != "library":
                look_up(before + name)
                if isinstance(thing, strict_cupy.Part):
                    check(thing, f"{before}{name}.")

    check(gpu, "")
    for name in ("used_bytes", "total_bytes", "get_limit", "free_all_blocks"):
        assert hasattr(REAL.cuda.MemoryPool, name)
    assert issubclass(REAL.cuda.memory.OutOfMemoryError, MemoryError)
