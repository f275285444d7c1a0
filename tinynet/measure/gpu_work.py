"""What something costs on a GPU: bytes, operations and launches, and the time that follows from a GPU's rates."""
import math
from typing import NamedTuple

from ..ops.arrays import Shape
from ..ops.window import Window

# Assumptions. How much of the published rates is reached, and what a launch takes at least.
OF_BANDWIDTH = 0.8
OF_PRODUCTS = 0.75  # large products in cuBLAS
OF_INSTRUCTIONS = 0.5  # indices are integers, which newer GPUs work on at half the rate
LAUNCH = 4e-6  # seconds, of the GPU, however small the work
# Instructions, counted in what nvcc 13.0 makes for sm_90.
DIVISION = 24  # of integers, with the remainder
POWER = 32  # exp2 and log2
REAL = 4  # bytes of a float32


class Work(NamedTuple):
    """Something that the GPU does in a training step.

    Attributes
    ----------
    part : str
        The layer, or "loss".
    phase : str
        "forward", "backward" or "update".
    what : str
        The kernel's name; "product" (cuBLAS) or "expression" (CuPy).
    bytes : float
        Read and written.
    operations : float
        Floating-point operations of a product; instructions of a kernel.
    launches : int
    """

    part: str
    phase: str
    what: str
    bytes: float
    operations: float
    launches: int = 1

    def seconds(self, bandwidth: float, flops: float) -> float:
        """Return the larger of the times that memory and arithmetic take, at a GPU's published rates."""
        rate = OF_PRODUCTS * flops if self.what == "product" else OF_INSTRUCTIONS * flops / 2  # a multiply-add is two
        return max(self.bytes / (OF_BANDWIDTH * bandwidth), self.operations / rate, self.launches * LAUNCH)


def kernel_cost(name: str, shape: Shape, window: Window | None = None, size: int = 5) -> tuple[float, float]:
    """Return (bytes, instructions) of one launch of a kernel in float32.

    Parameters
    ----------
    name : str
        As in `ops.cuda_ops`.
    shape : tuple of int
        Of the images (N, H, W, C), x or dx; for sgd_update and adam_update of the parameter.
    window : Window
        For kernels that have one.
    size : int
        Of nearby_sum, around_sum and local_response_norm.
    """
    numbers = math.prod(shape)
    if window is None:
        moved, each = {
            "nearby_sum": (2, DIVISION + 5 * size),
            "around_sum": (2, DIVISION + 6 * size**2),
            "sgd_update": (5, 20),
            "adam_update": (7, 70),  # two divisions and a root among them
            "local_response_norm": (3, DIVISION + 5 * size + POWER),
            "local_response_norm_back": (4, DIVISION + (8 + POWER) * size + POWER),
        }[name]
        return REAL * moved * numbers, each * numbers
    seen = math.prod(window.kernel)
    outputs = shape[0] * math.prod(window.output_size((shape[1], shape[2]))) * shape[3]
    by = seen / math.prod(window.stride)  # windows that see a place
    return {
        "im2col": (REAL * (numbers + seen * outputs), 12 * seen * outputs),
        "col2im": (REAL * (numbers + seen * outputs), (3 * DIVISION + 8 * by) * numbers),
        "window_max": (REAL * (numbers + outputs), (DIVISION + 10 * seen) * outputs),
        "window_max_back": (REAL * (2 * numbers + 2 * outputs), (3 * DIVISION + 14 * by) * numbers),
        "window_sum": (REAL * (numbers + outputs), (DIVISION + 10 * seen) * outputs),
        "window_sum_back": (REAL * (numbers + outputs), (3 * DIVISION + 6 * by) * numbers),
    }[name]


def expression(phase: str, passes: float, numbers: int, launches: int = 1) -> Work:
    """Array expressions that go `passes` times over arrays of so many numbers, reading or writing."""
    return Work("", phase, "expression", REAL * passes * numbers, 0, launches)


def product(phase: str, m: int, k: int, p: int) -> Work:
    """(m, k) @ (k, p)."""
    return Work("", phase, "product", REAL * (m * k + k * p + m * p), 2.0 * m * k * p)


def kernel(phase: str, name: str, shape: Shape, window: Window | None = None, size: int = 5) -> Work:
    """One launch of a kernel of ours."""
    return Work("", phase, name, *kernel_cost(name, shape, window, size))
