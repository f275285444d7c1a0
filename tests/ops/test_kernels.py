"""Every CUDA kernel against its NumPy function, run on the CPU by cuda_on_cpu."""
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cuda_on_cpu
from support.kernel_checks import (
    FILES,
    LAYOUTS,
    check_around,
    check_borders,
    check_far_apart,
    check_maximum,
    check_nearby,
    check_response_norm,
    check_update,
    check_windows,
    in_layout,
    kernels_on_cpu,
    numbers,
)
from support.layer_table import TABLE, draw_case

from tinynet.errors import DtypeError
from tinynet.ops import Window, cuda_ops, make_window
from tinynet.testing.drawn_layers import window_and_image

pytestmark = pytest.mark.skipif(not cuda_on_cpu.have_compiler(), reason="g++, which compiles the kernels, is missing")
dtypes = st.sampled_from(["float32", "float64"])
layouts = st.sampled_from(LAYOUTS)


@pytest.fixture(scope="module", autouse=True)
def on_the_cpu():
    with kernels_on_cpu():
        yield


@st.composite
def images_and_window(draw):
    """A batch (also of one) in some layout, and a window: as large as the image, larger in ceil_mode, with gaps."""
    ceil_mode = draw(st.booleans())
    settings, h, w = window_and_image(draw, lambda kernel: kernel - 1, ceil_mode)
    window = make_window("test", settings["kernel_size"], settings["stride"], settings["padding"], ceil_mode)
    x = numbers((draw(st.integers(1, 3)), h, w, draw(st.integers(1, 5))), draw(dtypes), draw(st.integers(0, 10**6)))
    return in_layout(x, draw(layouts)), window


@given(images_and_window())
def test_windows_laid_out_summed_and_back(drawn):
    check_windows(*drawn)


@given(images_and_window(), st.sampled_from([0.0, 0.2, 1.0]), st.booleans())
def test_maximum_and_its_winner(drawn, nans, ties):
    x, window = drawn
    if ties:
        x[...] = np.round(x)
    x[np.random.default_rng(0).random(x.shape) < nans] = np.nan
    check_maximum(x, window)


@given(st.data(), dtypes, layouts)
def test_convolutions_of_the_layer_tests(data, dtype, layout):
    layer, x = draw_case(data.draw, TABLE["Conv2d"])  # padding beyond the window too
    for channels, _, _ in layer.each_group():
        check_windows(in_layout(x.astype(dtype), layout)[..., channels], layer.window)


@given(st.data(), dtypes, layouts)
def test_response_normalization_of_the_layer_tests(data, dtype, layout):
    layer, x = draw_case(data.draw, TABLE["LocalResponseNorm"])
    x = in_layout(x.astype(dtype), layout)
    check_nearby(x, layer.size, layer.groups)
    check_response_norm(x, layer.size, layer.groups, layer.alpha, layer.beta, layer.k)


@given(st.data(), dtypes, layouts)
def test_sums_around_a_place_of_the_layer_tests(data, dtype, layout):
    layer, x = draw_case(data.draw, TABLE["SpatialResponseNorm"])
    check_around(in_layout(x.astype(dtype), layout), layer.size)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=3), dtypes, layouts)
def test_the_update(shape, dtype, layout):
    check_update(np.zeros(shape, dtype), layout)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_at_every_border(dtype):
    check_borders(dtype)


@pytest.mark.parametrize("channels", [255, 256, 257, 700])
def test_more_channels_than_a_block_has_threads(channels):
    x = numbers((2, 3, 4, channels), "float32")
    window = make_window("test", (2, 3), (1, 2), 1, False)
    check_windows(x, window)
    check_maximum(x, window)
    check_nearby(x, 5, 1)
    check_around(x, 3)


def test_empty_batches_launch_nothing():
    window = make_window("test", 3, 2, 1, False)
    x = np.empty((0, 5, 5, 4), np.float32)
    check_windows(x, window)
    check_maximum(x, window)
    check_around(x, 3)
    y_and_scale = cuda_ops.local_response_norm(x, 5, 1e-4, 0.75, 2.0, 2)
    assert [array.shape for array in y_and_scale] == [x.shape, x.shape]
    assert cuda_ops.nearby_sum(x, 5, 2).shape == x.shape


def test_places_further_apart_than_32_bits_count():
    check_far_apart()


def test_dtypes_without_a_kernel_and_mixed_ones_are_refused():
    x = np.ones((1, 3, 3, 2), np.float16)
    with pytest.raises(DtypeError, match="work on float32 and float64, got float16"):
        cuda_ops.nearby_sum(x, 3)
    with pytest.raises(DtypeError, match="window_max_back: arrays of float32 and float64"):
        cuda_ops.window_max_back(x.astype("f8"), x.astype("f4"), x.astype("f4"), make_window("test", 1, 1, 0, False))


def test_the_files_are_all_there_are():
    assert sorted(path.stem for path in cuda_ops.folder().glob("*.cu")) == FILES


@pytest.mark.parametrize("file", FILES)
def test_a_kernel_says_what_it_computes_and_shares_nothing(file):
    text = (cuda_ops.folder() / f"{file}.cu").read_text()
    assert re.match(r"// .+ = .+|// [mv] <- ", text), "the formula comes first"
    assert re.search("NumPy|plain form", text) and "one thread" in text.lower()
    assert "#include" not in text, "CuPy keeps what it compiled by its text, and would not see a change in another file"
    # What threads could disturb one another by. If one of these is ever needed, test it under the thread sanitizer.
    assert not re.search(r"__shared__|atomic|__syncthreads|__shfl|volatile", text)


def test_blocks_are_even_and_full():
    assert [cuda_ops.even(n) for n in (0, 1, 5, 256, 257, 1000)] == [1, 1, 5, 256, 129, 250]
    assert cuda_ops.over_rows((6, 4, 10)) == ((1, 1), (10, 25))                    # 24 rows, 25 of them in a block


def test_a_thread_of_im2col_for_each_number_that_a_place_sees(monkeypatch):
    launched = []
    monkeypatch.setattr(cuda_ops, "launch", lambda name, grid, block, *args: launched.append((grid, block)))
    cuda_ops.im2col(np.zeros((1, 5, 6, 8), np.float32), Window((3, 2), (1, 1), (0, 0), False))
    assert launched == [((3, 1), (48,))]                                         # 3 rows of output; 3 * 2 * 8 numbers


def test_grid_and_block_cover_every_number_and_stay_within_limits():
    for shape in ((1, 1, 1, 1), (128, 227, 227, 3), (128, 55, 55, 96), (2, 3, 4, 5000), (1, 1, 300, 1)):
        for grid, block in (cuda_ops.over_images(shape), cuda_ops.over_rows(shape)):
            assert math.prod(block) <= cuda_ops.THREADS and grid[1] < 65536
        grid, block = cuda_ops.over_images(shape)
        assert grid[0] == shape[0] * shape[1] and grid[1] * block[1] >= shape[2] and grid[2] * block[0] >= shape[3]
