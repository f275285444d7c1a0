"""The kernels under sanitizers, and planted mistakes: what proves them right would notice if they were wrong."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import cuda_on_cpu, kernel_checks
from support.kernel_checks import check_borders, check_far_apart, kernels_on_cpu, planted

from tinynet.ops import cuda_ops

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not cuda_on_cpu.have_compiler(), reason="g++, which compiles the kernels, is missing"),
]


def run_sanitized(check: str, *mistake: str) -> subprocess.CompletedProcess:
    """Run a check of kernel_checks in a process with sanitizers, with a mistake planted if one is given."""
    kinds = "thread" if check == "races" else "address,undefined"
    return subprocess.run(
        [sys.executable, "-m", "support.kernel_checks", check, *mistake], cwd=Path(__file__).parents[1], text=True,
        env=cuda_on_cpu.sanitized_environment(kinds), capture_output=True, timeout=300,
    )


def test_sanitizers_find_nothing_in_the_drawn_tests():
    run = subprocess.run(
        # Two images 16 GB apart are left out: a sanitized kernel gets a copy of all that lies between.
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "not apart",
         str(Path(__file__).with_name("test_kernels.py"))],
        env=cuda_on_cpu.sanitized_environment("address,undefined"), text=True, capture_output=True, timeout=300,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-3000:]


def test_no_race_where_threads_share_nothing():
    run = run_sanitized("races")
    assert run.returncode == 0, run.stderr[-3000:]


WRONG_RESULTS = {
    "one column too many counts as inside": ("im2col", "w < W", "w <= W"),
    "one row too few above": ("im2col", "0 <= h &&", "0 < h &&"),
    "the layout of the image is taken for granted": ("im2col", "w * step_w", "w * C"),
    "= for += in a gather": ("col2im", "sum += dcols", "sum = dcols"),
    "a window too few": ("col2im", "i >= 0 && p < KH", "i >= 1 && p < KH"),
    "channels and columns exchanged": ("col2im", "p * KW + q", "q * KH + p"),
    "nan does not stay": ("window_max", " || value != value", ""),
    "all that equal the maximum win": ("window_max", "wins && earlier < p * KW + q", "false"),
    "the padding is a 0 that wins": (
        "window_max", "inside && image[((long long)eh * W + ew) * C] ==",
        "(inside ? image[((long long)eh * W + ew) * C] : (real)0) =="),
    "the sum reaches into the next group": ("nearby_sum", "min(last, c + half)", "min(C - 1, c + half)"),
    "one place too few around": ("around_sum", "across <= min(W - 1", "across < min(W - 1"),
    "the decay has the other sign": ("sgd_update", "- decay * w[i]", "+ decay * w[i]"),
    "epsilon is inside the root": ("adam_update", "(sqrt(v[i] / left) + epsilon)", "sqrt(v[i] / left + epsilon)"),
    "the square is of the first moment": ("adam_update", "rest2 * g[i] * g[i]", "rest2 * m[i] * m[i]"),
    "the cross-channel term is left out": ("local_response_norm", " - 2 * alpha * beta * x[here] * sum", ""),
    "float where double is needed": ("local_response_norm", "exp2(e * log2(b))", "exp2((float)(e * log2(b)))"),
}


@pytest.mark.parametrize("mistake", WRONG_RESULTS)
def test_a_wrong_result_is_noticed(mistake):
    file, old, new = WRONG_RESULTS[mistake]
    noticed = pytest.raises(AssertionError, match="Arrays are not equal|Not equal to tolerance")
    with kernels_on_cpu(planted(file, old, new)), noticed:
        for dtype in ("float32", "float64"):
            check_borders(dtype)


def test_an_index_of_32_bits_is_noticed():
    mistake = planted("im2col", "n * step_n", "(int)(n * step_n)")
    with kernels_on_cpu(mistake), pytest.raises(AssertionError, match="Arrays are not equal"):
        check_far_apart()


@pytest.mark.parametrize("old, new, words", [
    ("2 * alpha", "2.0 * alpha", "double"), ("real sum = 0", "double sum = 0", "float-conversion|double"),
])
def test_a_float_that_turns_into_a_double_is_noticed(old, new, words):
    with kernels_on_cpu(planted("local_response_norm", old, new)), pytest.raises(RuntimeError, match=words):
        kernel_checks.check_response_norm(np.ones((1, 1, 1, 3), np.float32), 3, 1, 1.0, 0.75, 2.0)


OUT_OF_BOUNDS = {
    "no bound check of the numbers": ("sgd_update", "if (i >= numbers) return;", ""),
    "no bound check of the columns": ("im2col", "if (column >= columns) return;", ""),
    "a number past the end": ("sgd_update", "i >= numbers", "i > numbers"),
    "no bound check of Adam's numbers": ("adam_update", "if (i >= numbers) return;", ""),
    "a row past the image, which is not used": ("window_max", "h >= H ||", "h > H ||"),
    "a window past the last one": ("col2im", "(h + top) / SH, OH - 1)", "(h + top) / SH, OH)"),
}


@pytest.mark.parametrize("mistake", OUT_OF_BOUNDS)
def test_memory_out_of_bounds_is_noticed(mistake):
    run = run_sanitized("borders", *OUT_OF_BOUNDS[mistake])
    assert run.returncode != 0 and "heap-buffer-overflow" in run.stderr, run.stderr[-2000:]


def test_two_threads_that_write_to_one_place_are_noticed():
    run = run_sanitized("races", "nearby_sum", "y[row * C + c] = sum;", "y[row * C] = sum;")
    assert run.returncode == 66 and "data race" in run.stderr, run.stderr[-2000:]


def test_a_launch_that_a_gpu_would_refuse_or_do_wrong_is_refused():
    code = cuda_ops.source("sgd_update", "float")
    kernel = cuda_on_cpu.RawModule(code).get_function("sgd_update")
    w, v, g = np.zeros((3, 4), np.float32)
    count, rate = np.int64(4), np.float32(0.1)
    good = [w, v, g, count, rate, rate, rate]
    kernel((1,), (4,), tuple(good))
    for place, wrong, words in (
        (0, w.astype("f8"), "w is float64, expected float32"), (0, 1.0, "w is of type float, expected an array"),
        (0, g, "w is written to and overlaps g"), (3, 4, "numbers is of type int, expected a NumPy scalar"),
        (3, np.int32(4), "numbers is int32, expected int64"), (4, 0.1, "rate is of type float"),
        (4, np.float64(0.1), "rate is float64, expected float32"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            kernel((1,), (4,), tuple(wrong if i == place else arg for i, arg in enumerate(good)))
    with pytest.raises(TypeError, match="has 7 parameters, got 6"):
        kernel((1,), (4,), tuple(good[:-1]))
    for grid, block in (((0,), (4,)), ((1, 65536), (4,)), ((1,), (2048,)), ((1,), (64, 32)), (1, (4,)), ((1.0,), (4,))):
        with pytest.raises((TypeError, ValueError), match="sgd_update: "):
            kernel(grid, block, tuple(good))
