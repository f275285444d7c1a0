"""What is likely to be the cause where a layer and a reference differ: each function tries one, and says so or not."""
from collections.abc import Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np

from ..errors import TinynetError
from ..gradcheck.check import check
from ..gradcheck.report import GradientReport
from ..ops.arrays import Array
from .comparison import Comparison
from .layout import IMAGES, Layout

CHANNELS_LAST = (0, 2, 3, 1)


def likely_cause(comparison: Comparison) -> str:
    """Return a sentence with the likely cause of what a `Comparison` found; "" where none is known."""
    for cause in (numpy_function, other_layout, order_of_output, order_of_images, order_of_parameters, times_a_number,
                  wrong_gradients):
        sentence = cause(comparison)
        if sentence:
            return f"Likely cause: {sentence}"
    return ""


def numpy_function(comparison: Comparison) -> str | None:
    """The reference is a function of NumPy arrays, and got a tensor."""
    if isinstance(comparison.error, RuntimeError) and "numpy" in str(comparison.error):
        return "the reference computes in NumPy, which finds no gradients: give it as a pair (forward, backward)."
    return None


def other_layout(comparison: Comparison) -> str | None:
    """The reference takes its arrays in the other layout."""
    c = comparison
    other = Layout(c.layout.other_name)
    try:
        again = Comparison(c.frozen, c.reference, c.x, other, c.tolerance, c.seed)
    except TinynetError:
        return None
    if again.wrong:
        return None
    takes = {
        "NCHW": "images as (N, C, H, W) and weights as (F, C, KH, KW) or (out, in)",
        "NHWC": "images as (N, H, W, C) and weights as (KH, KW, C, F) or (in, out)",
    }[other.name]
    return f'the reference takes {takes}: with layout="{other.name}" all arrays agree.'


def order_of_output(comparison: Comparison) -> str | None:
    """The output has the right numbers at other indices."""
    ours, theirs = comparison.ours["y"], comparison.theirs.get("y")
    if theirs is None or comparison.same(ours, theirs) or ours.size != theirs.size or ours.ndim > 4:
        return None
    for axes in permutations(range(theirs.ndim)):
        other = theirs.transpose(axes)
        if other.shape == ours.shape and comparison.same(ours, other):
            return f"y has the reference's numbers in another order: as if its axes were {axes} of the reference's."
        if comparison.same(ours, other.reshape(ours.shape)):
            return "y has the reference's numbers in another order: a reshape where a transpose belongs?"
    return None


def order_of_images(comparison: Comparison) -> str | None:
    """The layer reads its images as (N, C, H, W), or their channels from the other end."""
    x = comparison.x
    if x.ndim != 4 or "y" not in comparison.wrong:
        return None
    y = output(comparison, x.transpose(CHANNELS_LAST), comparison.params)
    if y is not None and y.ndim == 4 and comparison.same(comparison.ours["y"], y.transpose(IMAGES)):
        return "the layer reads its images as (N, C, H, W), and got (N, H, W, C)."
    y = output(comparison, x[..., ::-1], comparison.params)
    if y is not None and x.shape[3] > 1 and comparison.same(comparison.ours["y"], y):
        return "the layer reads the channels in reverse order (RGB as BGR)."
    return None


def order_of_parameters(comparison: Comparison) -> str | None:
    """The layer uses a parameter with its axes swapped, or flipped."""
    if "y" not in comparison.wrong:
        return None
    for name, array in comparison.params.items():
        for what, other in other_orders(array):
            y = output(comparison, comparison.x, comparison.params | {name: other})
            if y is not None and comparison.same(comparison.ours["y"], y):
                return f"forward uses {name} {what}: y agrees when the reference gets it so."
    return None


def other_orders(array: Array) -> Iterator[tuple[str, Array]]:
    """Yield a parameter's numbers in other orders of the same shape, and what was done."""
    if array.ndim > 4:
        return
    for axes in list(permutations(range(array.ndim)))[1:]:
        shape = tuple(array.shape[axis] for axis in axes)
        text = "transposed" if array.ndim == 2 else f"with its axes as {axes}"
        if shape == array.shape:
            yield text, array.transpose(axes)
        yield f"{text}, but by a reshape", array.reshape(shape).transpose(np.argsort(axes))
        yield f"{text}, but by a reshape", array.transpose(axes).reshape(array.shape)
    along = [axis for axis, length in enumerate(array.shape) if length > 1]
    for count in range(1, len(along) + 1):
        for chosen in combinations(along, count):
            yield f"flipped along axis {' and '.join(map(str, chosen))}", np.flip(array, chosen)


def times_a_number(comparison: Comparison) -> str | None:
    """Forward forgets a parameter, or uses a multiple of it."""
    if "y" not in comparison.wrong:
        return None
    for name, array in comparison.params.items():
        for what, other in ((f"leaves {name} out", 0 * array), (f"leaves {name} out", np.ones_like(array)),
                            (f"uses {name} twice", 2 * array), (f"uses -{name}", -array)):
            y = output(comparison, comparison.x, comparison.params | {name: other})
            if y is not None and comparison.same(comparison.ours["y"], y):
                return f"forward {what}: so does the reference give this y."
    return None


def wrong_gradients(comparison: Comparison) -> str | None:
    """One of the two has a backward that is not the derivative of its forward: the gradient check says what kind."""
    c = comparison
    if "y" in c.wrong or c.error is not None:
        return None
    report = checked(c.frozen.f, c)
    if report is not None and not report.passed:
        return "\n".join(f"{fault.name}: {fault.sentence}" for fault in report.faults)
    if report is not None and report.undecided:
        return (f"forward agrees, and finite differences cannot decide the gradient of {', '.join(report.undecided)} "
                "here: at a kink (ReLU at 0, a tie in max-pooling) the two may choose differently.")
    return ("forward agrees, and the layer's backward agrees with finite differences of it: is the reference's "
            f"gradient of {', '.join(c.wrong)} wrong? At a kink (ReLU at 0, a tie in max-pooling) both may be right.")


def checked(f: Any, comparison: Comparison) -> GradientReport | None:
    """Return the gradient check's report, None where it cannot be made."""
    try:
        return check(f, comparison.x, comparison.frozen.train, comparison.seed)
    except Exception:  # it calls f in other ways than the comparison did
        return None


def output(comparison: Comparison, x: Array, params: dict[str, Array]) -> Array | None:
    """Return the reference's output for other arrays; None where it does not take them."""
    try:
        return comparison.run(x, params)[0]
    except Exception:  # of any kind, from another implementation
        return None
