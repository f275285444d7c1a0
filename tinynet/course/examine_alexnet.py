"""The checks of AlexNet's table, and of the network that is built from one."""
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import layers
from ..layers.base import Layer
from ..models.alexnet import PAPER
from ..network import Network
from .common import pair
from .step import Part, Point

# `build` is checked by the layers that it makes, whatever file these are from.
TINY: list[tuple[Any, ...]] = [
    ("conv1", "conv", 4, 3, 2, 1, 1), ("relu1", "relu"), ("norm1", "lrn"), ("pool1", "max", 3, 2),
    ("conv2", "conv", 6, 3, 1, 1, 2), ("relu2", "relu"), ("flatten", "flatten"), ("fc3", "linear", 7),
    ("relu3", "relu"), ("dropout3", "dropout", 0.4), ("dropout4", "dropout", 0.4), ("fc4", "linear", 3),
]
KINDS = {"conv": ("GroupedConv2d", "Conv2d"), "relu": ("ReLU",), "lrn": ("LocalResponseNorm",), "max": ("MaxPool2d",),
         "flatten": ("Flatten",), "linear": ("Linear",), "dropout": ("Dropout",)}
SHAPE: tuple[int, ...] = (17, 19, 3)
PAPER_PARAMETERS = 60_965_224


def paper_rows() -> list[tuple]:
    """Return the right rows."""
    more: dict[str, tuple] = {
        "conv1": (96, 11, 4, 0, 1), "conv2": (256, 5, 1, 2, 2), "conv3": (384, 3, 1, 1, 1),
        "conv4": (384, 3, 1, 1, 2), "conv5": (256, 3, 1, 1, 2), "fc6": (4096,), "fc7": (4096,), "fc8": (1000,),
        "pool": (3, 2), "dropout": (0.5,),
    }
    rows: list[tuple] = []
    for name in PAPER.split():
        kind = name.rstrip("0123456789")
        rows.append((name, {"fc": "linear", "norm": "lrn", "pool": "max"}.get(kind, kind),
                     *more.get(name, more.get(kind, ()))))
    return rows


def examine_table(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    right, found = paper_rows(), student()
    if not isinstance(found, list):
        yield Point("numbers", "rows", f"it returned a {type(found).__name__}, expected a list of rows")
        return
    for i, row in enumerate(right):
        if i >= len(found):
            yield Point("numbers", f"row {row[0]}", f"the table ends before {row[0]}: it has {len(found)} rows")
            return
        theirs = found[i]
        if not isinstance(theirs, tuple | list) or tuple(theirs) != row:
            yield Point("numbers", f"row {row[0]}", f"row {i} is {theirs!r}, expected {described(row)}")
            return
        yield Point("numbers", f"row {row[0]}")
    yield Point("numbers", "length", "" if len(found) == len(right) else f"the table goes on behind fc8, with "
                f"{found[len(right)]!r}")


def described(row: tuple) -> str:
    """Say which row is expected, without its numbers: these are in the step's text."""
    return f"a row that begins with {row[:2]!r}" + (f", and {len(row) - 2} numbers" if row[2:] else "")


SHAPES = [
    (("conv1", "conv", 5, 3, 2, 1, 1), (8, 11, 3), (4, 6, 5)), (("conv2", "conv", 4, 5, 1, 0, 2), (9, 7, 2), (5, 3, 4)),
    (("pool1", "max", 3, 2), (8, 13, 6), (3, 6, 6)), (("relu1", "relu"), (4, 5, 6), (4, 5, 6)),
    (("norm1", "lrn"), (4, 5, 6), (4, 5, 6)), (("dropout1", "dropout", 0.5), (40,), (40,)),
    (("flatten", "flatten"), (4, 5, 6), (120,)), (("fc1", "linear", 9), (120,), (9,)),
]


def examine_output_shape(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    for row, shape, expected in SHAPES:
        found = student(row, shape)
        right = isinstance(found, tuple | list) and tuple(found) == expected
        yield Point("numbers", f"row {row!r} at {shape}", "" if right else f"output_shape({row!r}, {shape}) is "
                    f"{found!r}, expected {expected}")


def examine_count(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    small, shape = 0, SHAPE
    for row in TINY:
        small += sum(int(np.prod(each)) for each in weight_shapes(row, shape).values())
        shape = truth_of(row, shape).output_shape(shape)
    for table, images, what, expected in ((TINY, SHAPE, "a small table", small),
                                          (paper_rows(), (227, 227, 3), "the paper's table", PAPER_PARAMETERS)):
        found = student(list(table), images)
        yield Point("numbers", what, "" if isinstance(found, int | np.integer) and found == expected else
                    f"count_parameters of {what} is {found!r}, expected {expected:,}")


def weight_shapes(row: tuple, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a row's parameters, for images of `shape` before it."""
    if row[1] == "conv":
        _, _, filters, kernel, _, _, groups = row
        return {"w": (kernel, kernel, shape[2] // groups, filters), "b": (filters,)}
    return {"w": (shape[0], row[2]), "b": (row[2],)} if row[1] == "linear" else {}


def truth_of(row: tuple, shape: tuple[int, ...]) -> Layer:
    """Return tinynet's layer for a row; one with parameters has zeros, which take no time to draw."""
    kind, settings = row[1], row[2:]
    if kind == "conv":
        filters, kernel, stride, padding, groups = settings
        return layers.Conv2d(shape[2], filters, kernel, stride, padding, groups, std=0.0)
    if kind == "linear":
        return layers.Linear(shape[0], *settings, std=0.0)
    kinds = {"relu": layers.ReLU, "lrn": layers.LocalResponseNorm, "max": layers.MaxPool2d,
             "flatten": layers.Flatten, "dropout": layers.Dropout}
    return kinds[kind](*settings)


def examine_build(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    seed = int(generator.integers(1000))
    net = student(list(TINY), SHAPE, seed=seed)
    pairs = list(getattr(net, "layers", ()))
    names = [pair[0] if isinstance(pair, tuple | list) else pair for pair in pairs]
    yield Point("numbers", "names", "" if names == [row[0] for row in TINY] else
                f"the network's layers are {names}, expected {[row[0] for row in TINY]}")
    if names != [row[0] for row in TINY]:
        return
    made, shape = dict(pairs), SHAPE
    expected: dict[str, Layer] = {}
    for row in TINY:
        name, kind = row[:2]
        layer = made[name]
        expected[name] = truth_of(row, shape)
        yield Point("numbers", f"{name} is a {kind}", "" if type(layer).__name__ in KINDS[kind] else
                    f"{name} is a {type(layer).__name__}, expected a {KINDS[kind][0]}")
        params = getattr(layer, "params", {})
        shapes = {key: array.shape for key, array in params.items()}
        fault = "" if shapes == weight_shapes(row, shape) else (
            f"the parameters of {name} are {shapes}, expected {weight_shapes(row, shape)} for {shape} before it")
        yield Point("numbers", f"parameters of {name}", fault)
        if fault:
            return
        if "w" in params:
            he = np.sqrt(2 / np.prod(shapes["w"][:-1]))
            ratio = params["w"].std() / he
            yield Point("numbers", f"weights of {name}", "" if abs(ratio - 1) < 6 / np.sqrt(2 * params["w"].size) else
                        f"the weights of {name} have {ratio:.3g} times the standard deviation that he_std gives")
            yield Point("numbers", f"biases of {name}", f"the biases of {name} are not 0" if params["b"].any() else "")
            for key, array in params.items():
                expected[name].params[key] = array + (0.25 if key == "b" else 0)
                array[...] = expected[name].params[key]
        shape = expected[name].output_shape(shape)
    x = generator.standard_normal((2, *SHAPE)).astype(np.float32)
    for what, images in (("output", x), ("output for large numbers", 300 * x)):  # LRN divides small ones by 2 ** 0.75
        y, _ = Network(list(expected.items())).forward(images)
        found, _ = pair(net.forward(images, train=False), "y and saved")
        fault = "" if getattr(found, "shape", None) == y.shape and np.allclose(found, y, rtol=1e-3, atol=1e-4) else \
            f"the network's {what} is not that of tinynet's network with these rows and parameters"
        yield Point("numbers", what, fault)
    yield from dropouts(made)
    yield from seeds(student, seed)


def dropouts(made: Mapping[str, Any]) -> Iterator[Point]:
    """What is kept is divided by 1 - p, p as in the row."""
    for name, _, p in (row for row in TINY if row[1] == "dropout"):
        kept = pair(made[name].forward(np.ones((1, 200), np.float32), train=True), "y and saved")[0]
        factors = np.unique(kept[kept != 0])
        right = len(factors) == 1 and np.isclose(factors[0], 1 / (1 - p))
        yield Point("numbers", f"p of {name}", "" if right else
                    f"{name} keeps ones as {', '.join(f'{each:.4g}' for each in factors[:3]) or 'nothing'}, expected "
                    f"{1 / (1 - p):.4g}: its row has p = {p:g}")


def seeds(student: Any, seed: int) -> Iterator[Point]:
    """The same seed gives the same network, another one another; no two layers draw the same."""
    nets = [dict(student(list(TINY), SHAPE, seed=each).layers) for each in (seed, seed, seed + 1)]
    first, again, other = (net["conv2"].params["w"] for net in nets)
    yield Point("numbers", "seed", "two networks with the same seed differ" if not np.array_equal(first, again) else
                "two networks with different seeds are the same" if np.array_equal(first, other) else "")
    one, two = (nets[0][name].params["w"].ravel()[:40] for name in ("conv1", "conv2"))
    same = np.allclose(one / one[0], two / two[0], rtol=1e-3)
    yield Point("numbers", "draws", "conv1 and conv2 have the same draws: take one generator for all layers"
                if same else "")
    x = np.ones((1, 200), np.float32)
    masks = [nets[0][name].forward(x, train=True)[0] for name in ("dropout3", "dropout4")]
    yield Point("numbers", "dropout's seeds", "dropout3 and dropout4 drop the same units: give each a seed of its own"
                if np.array_equal(*masks) else "")


ALEXNET: dict[str, Part] = {
    "paper_table": Part("paper_table", examine_table),
    "output_shape": Part("output_shape", examine_output_shape),
    "count_parameters": Part("count_parameters", examine_count),
    "build": Part("build", examine_build),
}
