"""From loops to fast code: one convolution, conv2 of the paper, in five ways that give the same numbers.

Each rung of the ladder is a few lines and removes one reason for slowness:

1. loops: one multiplication at a time. Python spends its time on the loops, not on the numbers.
2. windows: each output's window at once, with all filters. NumPy loops inside, but on small arrays.
3. im2col: all windows laid out as rows of one matrix, and one product. The BLAS works at its full rate, but the matrix
   is 25 times as large as the image and goes out to memory and back.
4. blocks: the same, a few images at a time, so that the matrix stays in the cache.
5. threads: the blocks shared out among the cores.
"""
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..files import atomic_write, user_path
from ..layers import Conv2d
from ..measure.profiling import median, product_rate
from ..ops import im2col
from ..ops.threads import get_threads, map_in_order, one_blas_thread
from ..tables import text_table

BLOCK = 4  # images
FILTERS_IN_LOOPS, ROWS_IN_LOOPS = 16, 4  # the part of one image that the loops compute; their time is scaled up


def padded(x: np.ndarray, p: int) -> np.ndarray:
    """Zeros of width p around images (N, H, W, C)."""
    return np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))


def loops(x: np.ndarray, w: np.ndarray, rows: int, filters: int) -> np.ndarray:
    """One multiplication and addition at a time: the definition, for the first rows and filters of one image."""
    kh, kw, channels, _ = w.shape
    image, weights = padded(x[:1], kh // 2)[0].tolist(), w.tolist()
    width = x.shape[2]
    y = np.zeros((rows, width, filters))
    for i in range(rows):
        for j in range(width):
            for f in range(filters):
                total = 0.0
                for a in range(kh):
                    for b in range(kw):
                        for c in range(channels):
                            total += image[i + a][j + b][c] * weights[a][b][c][f]
                y[i, j, f] = total
    return y


def windows(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """A window at a time, all filters at once."""
    n, h, width, _ = x.shape
    kh, kw, _, filters = w.shape
    image, matrix = padded(x, kh // 2), w.reshape(-1, filters)
    y = np.empty((n, h, width, filters), x.dtype)
    for k in range(n):
        for i in range(h):
            for j in range(width):
                y[k, i, j] = image[k, i : i + kh, j : j + kw].reshape(-1) @ matrix
    return y


def as_a_product(x: np.ndarray, layer: Conv2d) -> np.ndarray:
    """All windows of all images in one matrix, and one product."""
    w = layer.params["w"]
    cols = im2col(x, layer.window)                                             # (N*OH*OW, KH*KW*C)
    return (cols @ w.reshape(-1, w.shape[3])).reshape(*x.shape[:3], -1)


def in_blocks(x: np.ndarray, layer: Conv2d) -> np.ndarray:
    """The same, a few images at a time."""
    return np.concatenate([as_a_product(x[i : i + BLOCK], layer) for i in range(0, len(x), BLOCK)])


def in_threads(x: np.ndarray, layer: Conv2d) -> np.ndarray:
    """The same, the blocks shared out among threads."""
    blocks = [x[i : i + BLOCK] for i in range(0, len(x), BLOCK)]
    return np.concatenate(list(map_in_order(lambda block: as_a_product(block, layer), blocks)))


def climb(batch: int = 32) -> dict[str, Any]:
    """Time every rung, check that it gives the same numbers, and return milliseconds an image and the limit.

    The convolution is one tower's half of conv2: 128 filters of 5 x 5 x 48 on 27 x 27 positions.
    """
    layer = Conv2d(48, 128, 5, padding=2)
    x = np.random.default_rng(0).standard_normal((batch, 27, 27, 48), dtype=np.float32)
    w = layer.params["w"]
    with one_blas_thread():
        expected = in_blocks(x, layer)
        rungs: dict[str, tuple[Callable[[], np.ndarray], np.ndarray, float]] = {
            "im2col": (lambda: as_a_product(x, layer), expected, batch),
            "blocks": (lambda: in_blocks(x, layer), expected, batch),
            "threads": (lambda: in_threads(x, layer), expected, batch),
        }
        few = x[:2]
        part = expected[0, :ROWS_IN_LOOPS, :, :FILTERS_IN_LOOPS]
        times = {
            "loops": once(lambda: loops(x, w, ROWS_IN_LOOPS, FILTERS_IN_LOOPS), part) / (part.size / expected[0].size),
            "windows": once(lambda: windows(few, w), expected[:2]) / len(few),
        }
        for name, (run, right, images) in rungs.items():
            check(run(), right)
            times[name] = median(run) / images
    operations = 2 * layer.multiply_adds((27, 27, 48))
    rate = product_rate()
    return {
        "convolution": "128 filters of 5 x 5 x 48 on 27 x 27 positions (one tower of conv2)", "batch": batch,
        "threads": get_threads(), "milliseconds_an_image": {name: 1e3 * t for name, t in times.items()},
        "limit_milliseconds": 1e3 * operations / (rate * 1e9), "gflops_limit": rate,
        "loops_note": f"timed on {ROWS_IN_LOOPS} rows and {FILTERS_IN_LOOPS} filters of one image, and scaled up",
        "machine": {"processor": platform.processor() or platform.machine(), "numpy": np.__version__},
    }


def once(run: Callable[[], np.ndarray], expected: np.ndarray) -> float:
    """Time one call, and check what it gives."""
    start = time.perf_counter()
    y = run()
    seconds = time.perf_counter() - start
    check(y, expected)
    return seconds


def check(y: np.ndarray, expected: np.ndarray) -> None:
    """Raise unless both are equal to float32 rounding."""
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-4)


def table(result: dict[str, Any]) -> str:
    """The ladder as text."""
    times = result["milliseconds_an_image"]
    limit = result["limit_milliseconds"]
    rows, before = [], None
    for name, t in times.items():
        rows.append([name, f"{t:,.3f}", "" if before is None else f"{before / t:.1f}", f"{limit / t:.1%}"])
        before = t
    rows.append(["limit", f"{limit:,.3f}", "", "100%"])
    return text_table(["rung", "ms an image", "times faster", "of the limit"], rows, rules=[len(times)])


def run(folder: str | Path) -> dict[str, Any]:
    """Climb, print the table, and leave speed.json and, with matplotlib, speed.png in `folder`."""
    result = climb()
    print(f"{result['convolution']}, batch {result['batch']}, {result['threads']} threads")
    print(table(result))
    print(f"loops: {result['loops_note']}")
    target = user_path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with atomic_write(target / "speed.json") as file:
        file.write(f"{json.dumps(result, indent=1)}\n".encode())
    try:
        from ..plots.pictures import speed_ladder
    except ImportError as error:
        print(f"speed.png is left out: {error}")
    else:
        times = result["milliseconds_an_image"]
        speed_ladder(times, result["limit_milliseconds"]).savefig(target / "speed.png")
    print(f"the results are in {target}")
    return result
