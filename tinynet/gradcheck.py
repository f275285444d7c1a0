"""Checking a backward pass against finite differences of its forward pass."""
import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .errors import ArgumentError
from .layer import Array
from .tables import html_table, text_table

TOLERANCE = 1e-6  # relative; a right backward pass stays below 1e-8, a wrong one is rarely below 1e-3
STEPS = (1e-5, 1e-7)  # times the size of the numbers: two, so that a kink between them shows
DIRECTIONS = 3  # random directions over all entries of an array
ENTRIES = 8  # single entries of an array
ATTEMPTS = 6  # probes drawn anew when one meets a kink


class Row(NamedTuple):
    """The worst probe of one array: its slope from backward (analytic) and from forward (numeric)."""

    name: str
    analytic: float
    numeric: float
    relative_error: float
    verdict: str  # "right", "wrong" or "kink"


class GradientReport:
    """What `check_gradients` found, a row for the input and for each parameter; `print` it."""

    def __init__(self, what: str, rows: list[Row]) -> None:
        self.what, self.rows = what, rows

    @property
    def passed(self) -> bool:
        """Whether no array's gradient is wrong."""
        return all(row.verdict != "wrong" for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def __str__(self) -> str:
        return f"{self.headline()}\n{text_table(*self.table())}"

    def _repr_html_(self) -> str:
        return f"<p>{self.headline()}</p>{html_table(*self.table())}"

    def headline(self) -> str:
        """One line: what was checked and how it ended."""
        wrong = [row.name for row in self.rows if row.verdict == "wrong"]
        found = f"the gradient of {', '.join(wrong)} is wrong" if wrong else "all gradients are right"
        return f"{self.what}: {found}"

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Column names and cells."""
        cells = [
            [row.name, f"{row.analytic:+.9e}", f"{row.numeric:+.9e}", f"{row.relative_error:.1e}", row.verdict]
            for row in self.rows
        ]
        return ["gradient of", "analytic", "numeric", "relative error", "verdict"], cells


def check_gradients(f: Any, x: Array, train: bool = True, seed: int = 0) -> GradientReport:
    """Compare every gradient of `f` at `x` with central differences, in float64.

    The loss is sum(dy * f(x)) for a random upstream gradient dy: an upstream gradient of ones hides mistakes (softmax's
    outputs sum to 1, so a backward of zeros would pass). Each array, the input and every parameter, is
    probed along random directions over all its entries and at single entries. The check works on a copy: the layer and
    its random state stay as they were; dropout's mask and running statistics are the same in all evaluations.

    Parameters
    ----------
    f : Layer, Network, any object with their forward and backward, or a loss
        A loss is a function that takes scores and returns (number, gradient).
    x : array
        The input, any floating-point type; for images (N, H, W, C).
    train : bool
        Check the training pass (dropout drops, batch statistics) or the evaluation pass.
    seed : int
        Draws the upstream gradient and the probes.

    Returns
    -------
    GradientReport
        `report.passed`, and a row for each array with its largest relative error. Where a probe meets a kink (ReLU at
        zero, a tie in max-pooling) there is no derivative to compare with: it is drawn anew, and the verdict is
        "kink" when that does not help.
    """
    generator = np.random.default_rng(seed)
    x = np.array(x, dtype=np.float64)
    held = _Held(f, train)
    y = held.forward(x)
    upstream = generator.standard_normal(y.shape)
    dx, grads = held.backward(x, upstream)

    def loss() -> float:
        return float((held.forward(x) * upstream).sum())

    noise = np.finfo(np.float64).eps * float(np.abs(y * upstream).sum() + 1e-300)
    rows = [_check_array("x", x, dx, loss, noise, generator)]
    for name, owner, key, gradient in _pairs(held.params(), grads):
        array = owner[key] = np.array(owner[key])  # probes write into it
        rows.append(_check_array(name, array, gradient, loss, noise, generator))
    return GradientReport(getattr(f, "name", "") or type(f).__name__, rows)


def check_each_layer(net: Any, x: Array, seed: int = 0) -> GradientReport:
    """Check every layer of a network at what it gets to see when `x` goes in, and then the network as a whole.

    A mistake is then found where it is made, not only in all gradients below it.
    """
    rows, seen = [], np.array(x, dtype=np.float64)
    double = net.astype("float64")
    for name, layer in double.layers.items():
        rows += [row._replace(name=f"{name}.{row.name}") for row in check_gradients(layer, seen, seed=seed).rows]
        seen, _ = layer.forward(seen, train=True)
    whole = check_gradients(net, x, seed=seed).rows
    return GradientReport(net.name, rows + [row._replace(name=f"all layers: {row.name}") for row in whole])


class _Held:
    """A float64 copy of a layer, network or loss, whose random and running state is put back before each pass."""

    def __init__(self, f: Any, train: bool) -> None:
        self.is_loss = not hasattr(f, "forward")
        self.train = train
        self.f = f if self.is_loss else f.astype("float64") if hasattr(f, "astype") else copy.deepcopy(f)
        self.layers = [] if self.is_loss else list(_all_layers(self.f))
        self.start = copy.deepcopy([self._state(layer) for layer in self.layers])

    def forward(self, x: Array) -> Array:
        return np.asarray(self.f(x)[0]) if self.is_loss else self._run(x)[0]

    def backward(self, x: Array, upstream: Array) -> tuple[Array, dict]:
        if self.is_loss:
            return self.f(x)[1] * upstream, {}
        return self.f.backward(upstream, self._run(x)[1])

    def params(self) -> dict:
        return {} if self.is_loss else self.f.params

    def _run(self, x: Array) -> tuple[Array, Any]:
        for layer, (generator, buffers) in zip(self.layers, self.start, strict=True):
            if generator is not None:
                layer.generator.bit_generator.state = generator
            if buffers:
                layer.buffers.update(copy.deepcopy(buffers))
        return self.f.forward(x, train=self.train)

    @staticmethod
    def _state(layer: Any) -> tuple[Any, Any]:
        generator = getattr(layer, "generator", None)
        return None if generator is None else generator.bit_generator.state, getattr(layer, "buffers", None)


def _all_layers(f: Any) -> Iterator[Any]:
    """Yield `f` itself, or the layers of a network, of networks within it too."""
    inner = getattr(f, "layers", None)
    if not isinstance(inner, dict):
        yield f
    else:
        for layer in inner.values():
            yield from _all_layers(layer)


def _pairs(params: dict, grads: dict, prefix: str = "") -> Iterator[tuple[str, dict, str, Array]]:
    """Yield (name, dict that holds the parameter, its key there, its gradient) through nested networks."""
    if set(params) != set(grads):
        raise ArgumentError(f"backward gave gradients of {sorted(grads)}, the parameters are {sorted(params)}")
    for key, value in params.items():
        if isinstance(value, dict):
            yield from _pairs(value, grads[key], f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", params, key, grads[key]


def _check_array(
    name: str, array: Array, gradient: Array, loss: Callable[[], float], noise: float, generator: np.random.Generator
) -> Row:
    """Probe one array, which is changed in place and put back, and return its worst probe."""
    if gradient is None or gradient.shape != array.shape:
        found = None if gradient is None else gradient.shape
        raise ArgumentError(f"the gradient of {name} has shape {found}, {name} itself has {array.shape}")
    original = array.copy()
    middle = loss()
    root_mean_square = float(np.sqrt(np.mean(original**2)))
    unit = root_mean_square if root_mean_square > 0 else 1.0
    typical = float(np.sqrt(np.mean(gradient**2)))

    def probe(direction: Array) -> Row:
        analytic = float((gradient * direction).sum())
        least = typical if np.count_nonzero(direction) == 1 else 0.0  # a single entry may have next to no gradient
        slopes, best = [], None
        for step in STEPS:
            h = step * unit
            array[...] = original + h * direction
            after = loss()
            array[...] = original - h * direction
            before = loss()
            array[...] = original
            numeric = (after - before) / (2 * h)
            size = max(abs(analytic), abs(numeric), least, 1e-300)
            error = abs(analytic - numeric)
            slopes.append(numeric)
            if error <= TOLERANCE * size + 4 * noise / h:
                verdict = "right"
            elif abs(after - 2 * middle + before) / h > 1e-3 * size + 8 * noise / h:
                verdict = "kink"  # the slope just before differs from the slope just after
            else:
                verdict = "wrong"
            if best is None or error / size < best.relative_error:
                best = Row(name, analytic, numeric, error / size, verdict)
            if verdict == "right":
                return best
        assert best is not None
        apart = abs(slopes[0] - slopes[1]) > 1e-4 * max(abs(slopes[0]), abs(slopes[1])) + 8 * noise / (STEPS[1] * unit)
        return best._replace(verdict="kink") if best.verdict == "wrong" and apart else best

    def draw(single: bool) -> Array:
        if not single:
            return generator.standard_normal(array.shape)
        direction = np.zeros(array.shape)
        direction.flat[generator.integers(array.size)] = 1
        return direction

    worst = None
    for number in range(DIRECTIONS + min(ENTRIES, array.size)):
        for _ in range(ATTEMPTS):
            row = probe(draw(single=number >= DIRECTIONS))
            if row.verdict != "kink":
                break
        if worst is None or badness(row) > badness(worst):
            worst = row
    assert worst is not None
    return worst


def badness(row: Row) -> tuple[bool, float]:
    """Return what probes are ranked by: a wrong one before any other, then by the error."""
    return row.verdict == "wrong", row.relative_error
