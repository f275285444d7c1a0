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

    rows = [_check_array("x", x, dx, lambda: held.forward(x), upstream, generator)]
    for name, owner, key, gradient in _pairs(held.params(), grads):
        array = owner[key] = np.array(owner[key])  # probes write into it
        rows.append(_check_array(name, array, gradient, lambda: held.forward(x), upstream, generator))
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
    name: str, array: Array, gradient: Array, forward: Callable[[], Array], upstream: Array,
    generator: np.random.Generator,
) -> Row:
    """Probe one array, which is changed in place and put back, and return its worst probe."""
    if gradient is None or gradient.shape != array.shape:
        found = None if gradient is None else gradient.shape
        raise ArgumentError(f"the gradient of {name} has shape {found}, {name} itself has {array.shape}")
    probe = _Probe(name, array, gradient, forward, upstream)
    rows = []
    for number in range(DIRECTIONS + min(ENTRIES, array.size)):
        for _ in range(ATTEMPTS):
            if number < DIRECTIONS:
                direction = generator.standard_normal(array.shape)
            else:
                direction = np.zeros(array.shape)
                direction.flat[generator.integers(array.size)] = 1
            rows.append(probe(direction))
            if rows[-1].verdict != "kink":
                break
    smooth = [row for row in rows if row.verdict != "kink"] or rows
    return max(smooth, key=lambda row: (row.verdict == "wrong", row.relative_error))


class _Probe:
    """Compares the slope of the loss along a direction, from backward and from forward."""

    def __init__(
        self, name: str, array: Array, gradient: Array, forward: Callable[[], Array], upstream: Array
    ) -> None:
        self.name, self.array, self.gradient, self.forward, self.upstream = name, array, gradient, forward, upstream
        self.original = array.copy()
        self.output = forward().copy()  # a layer may return a view of its input, which the probes change
        self.typical = float(np.sqrt(np.mean(gradient**2)))  # a single entry may have next to no gradient
        self.noise = float(np.finfo(np.float64).eps * np.abs(self.output * upstream).sum())  # rounding in a loss

    def __call__(self, direction: Array) -> Row:
        analytic = float((self.gradient * direction).sum())
        unit = self.unit(direction)
        slopes: list[float] = []
        best: Row | None = None
        for step in STEPS:
            h = step * unit
            after, before = self.loss(h, direction), self.loss(-h, direction)
            numeric = (after - before) / (2 * h)
            slopes.append(numeric)
            size = max(abs(analytic), abs(numeric), self.typical if np.count_nonzero(direction) == 1 else 0, 1e-300)
            error = abs(analytic - numeric)
            if error <= TOLERANCE * size + 4 * self.noise / h:
                return Row(self.name, analytic, numeric, error / size, "right")
            bend = abs(after - 2 * float((self.output * self.upstream).sum()) + before) / h
            kink = bend > 1e-3 * size + 8 * self.noise / h  # the slope just before differs from the slope just after
            if best is None or error / size < best.relative_error:
                best = Row(self.name, analytic, numeric, error / size, "kink" if kink else "wrong")
        assert best is not None
        apart = abs(slopes[0] - slopes[1]) > 1e-4 * max(map(abs, slopes)) + 8 * self.noise / (STEPS[1] * unit)
        return best._replace(verdict="kink") if apart else best

    def loss(self, step: float, direction: Array) -> float:
        """The loss at so many steps along the direction."""
        return float((self.moved(step, direction) * self.upstream).sum())

    def moved(self, step: float, direction: Array) -> Array:
        """The output at so many steps along the direction."""
        self.array[...] = self.original + step * direction
        output = self.forward().copy()
        self.array[...] = self.original
        return output

    def unit(self, direction: Array) -> float:
        """The length along the direction that would change the output about as much as it is large."""
        trial = 1e-6 * float(np.sqrt(np.mean(self.original**2)) or 1)
        change = float(np.abs(self.moved(trial, direction) - self.output).max())
        size = float(np.abs(self.output).max())
        return trial * size / change if change and size else 1e6 * trial
