"""Does a node of an ONNX file compute what a layer of ours computes? What its attributes mean, and where it differs."""
import math
from typing import Any, NamedTuple

import numpy as np

from .onnx_graph import OPERATOR_SET

WINDOW = {"kernel_shape": None, "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1), "auto_pad": "NOTSET"}
# By operator, the attributes that it may have, and what they are where they are left out.
DEFAULTS: dict[str, dict[str, Any]] = {
    "Conv": WINDOW | {"group": 1},
    "MaxPool": WINDOW | {"ceil_mode": 0, "storage_order": 0},
    "AveragePool": WINDOW | {"ceil_mode": 0, "count_include_pad": 0},
    "LRN": {"size": None, "alpha": 1e-4, "beta": 0.75, "bias": 1.0},
    "Gemm": {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0},
    "BatchNormalization": {"epsilon": 1e-5, "momentum": 0.9, "training_mode": 0, "spatial": 1},
    "Softmax": {"axis": None}, "Concat": {"axis": None}, "Split": {"axis": 0}, "Flatten": {"axis": 1},
    "Transpose": {"perm": None}, "Pad": {"mode": "constant"}, "Relu": {}, "Tanh": {}, "Sigmoid": {},
}
WITHOUT_EFFECT = {  # on the scores
    "momentum": "it is training's", "transB": "the reader of weights turns them", "storage_order": "it is the indices'",
}
LARGEST = 2**16  # windows and padding of a graph that makes sense
MOST_LETTERS = 60  # of a value in a message


class Found(NamedTuple):
    """A node of a file, in plain Python: what it is called, its operator, the arrays, and its attributes."""

    name: str
    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


def differences(
    op: str, attributes: dict[str, Any], found: Found, image_size: tuple[int, ...] | None, operator_set: int
) -> list[str]:
    """Return what is different in a file's node, "group 1 instead of 2"; nothing where both compute the same.

    Parameters
    ----------
    op, attributes
        Of ours.
    found : Found
        Of the file.
    image_size : (H, W), or None
        Of the images that come to ours; None for rows.
    operator_set : int
        The version of ONNX's operators that the file was written for.
    """
    if found.op == "GlobalAveragePool" and op == "AveragePool" and image_size:
        found = found._replace(op=op, attributes={"kernel_shape": tuple(image_size)})
    if found.op != op:
        return [f"operator {found.op} instead of {op}"]
    ours = meaning(op, attributes, image_size, OPERATOR_SET)
    theirs = meaning(op, found.attributes, image_size, operator_set)
    differ = [what for what in {**ours, **theirs} if not equal(ours.get(what), theirs.get(what))]
    return [f"{what} {text(theirs.get(what))} instead of {text(ours.get(what))}"
            for what in differ if what not in WITHOUT_EFFECT]


def meaning(
    op: str, given: dict[str, Any], image_size: tuple[int, ...] | None, operator_set: int
) -> dict[str, Any]:
    """Return the attributes of a node with those left out, in a form that is equal where the results are."""
    said = DEFAULTS[op] | given
    if op == "Softmax":
        # Up to operator set 12 over all axes from `axis` on, later over `axis` alone: the same for rows.
        axis = said["axis"] if said["axis"] is not None else -1 if operator_set >= 13 else 1
        axes = 4 if image_size else 2
        said["axis"] = axis % axes if operator_set >= 13 or axes == 2 else f"{axis} and all that follow"
    elif "kernel_shape" in said:
        said = window_meaning(op, said, image_size or (1, 1))
    return said


def window_meaning(op: str, said: dict[str, Any], image_size: tuple[int, ...]) -> dict[str, Any]:
    """Return the attributes of a window with what they come to: where the windows begin, how many, what a mean counts.

    Padding at the end and ceil_mode are two ways to the same windows.
    """
    kernel, strides, pads = said["kernel_shape"], said["strides"], said.pop("pads")
    if not (isinstance(kernel, tuple) and len(kernel) == len(strides) == 2 and len(pads) == 4 and min(strides) > 0
            and max(kernel + pads) < LARGEST):
        return said | {"pads": pads}  # of lines or volumes, or none at all
    ceil, counts_pads = said.pop("ceil_mode", 0), said.pop("count_include_pad", 0)
    counts, means, steps = [], [], []
    for length, k, stride, before, after in zip(image_size, kernel, strides, pads[:2], pads[2:], strict=True):
        spare = length + before + after - k
        count = spare // stride + 1
        if ceil and spare % stride and count * stride < length + before:
            count += 1
        start = np.arange(max(count, 0)) * stride - before
        first, last = (-before, length + after) if counts_pads else (0, length)
        counts.append(count)
        means.append(tuple((np.minimum(start + k, last) - np.maximum(start, first)).tolist()))
        steps.append(stride if count > 1 else 1)
    said |= {"strides": tuple(steps), "padding at top and left": tuple(pads[:2]), "number of windows": tuple(counts)}
    if op == "AveragePool":
        said["rows and columns that a window's mean counts"] = tuple(means)
    return said


def equal(ours: Any, theirs: Any) -> bool:
    """Compare attributes; numbers that are not whole as float32, which files keep them in."""
    if isinstance(ours, float) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-6)
    return ours == theirs


def text(value: Any) -> str:
    """Write an attribute in a message, its beginning where it is long; a float as float32 has it."""
    written = "none" if value is None else f"{value:.7g}" if isinstance(value, float) else str(value)
    return written if len(written) <= MOST_LETTERS else f"{written[:MOST_LETTERS]}..."
