"""Checking a backward pass against finite differences of its forward pass."""
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from .errors import ArgumentError, DtypeError
from .layer import Array
from .nested import single_layers
from .probes import Row, probe_array
from .tables import html_table, text_table


class GradientReport:
    """What `check_gradients` found, a row for the input and for each parameter; `print` it."""

    def __init__(self, what: str, rows: list[Row]) -> None:
        self.what, self.rows = what, rows

    @property
    def passed(self) -> bool:
        """Whether no array's gradient is wrong; those that could not be decided (`undecided`) do not fail it."""
        return not self.named("wrong")

    @property
    def undecided(self) -> list[str]:
        """The names of arrays all of whose probes met kinks, so that nothing is known of their gradients."""
        return self.named("kink")

    def named(self, verdict: str) -> list[str]:
        """Return the names of the arrays with this verdict."""
        return [row.name for row in self.rows if row.verdict == verdict]

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise ArgumentError(f"no gradient of {name!r} was checked, but of {', '.join(row.name for row in self.rows)}")

    def __str__(self) -> str:
        return f"{self.headline()}\n{text_table(*self.table())}"

    def _repr_html_(self) -> str:
        return f"<p>{self.headline()}</p>{html_table(*self.table())}"

    def headline(self) -> str:
        """One line: what was checked and how it ended."""
        wrong, undecided = self.named("wrong"), self.undecided
        found = f"the gradient of {', '.join(wrong)} is wrong" if wrong else "all gradients are right"
        if undecided:
            found = f"{found if wrong else 'no gradient is wrong'}; not decided for {', '.join(undecided)}: " \
                    "every probe met a kink"
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

    Raises
    ------
    ArgumentError
        When `f` gives another output each time (its random generator is not in `generator`, where the check finds it),
        or a gradient is missing or has another shape than its array.
    DtypeError
        When the output for a float64 input is not float64: differences of float32 numbers show nothing.
    """
    # Two numbers: an input drawn by default_rng(seed) must not equal the upstream gradient, or x.T @ dy would be
    # symmetric, and a transposed gradient pass.
    generator = np.random.default_rng([seed, 1])
    x = np.array(x, dtype=np.float64)
    held = _Held(f, train)
    what = getattr(f, "name", "") or getattr(f, "__name__", "") or type(f).__name__
    y = held.forward(x)
    check_output(what, y, held.forward(x))
    upstream = generator.standard_normal(y.shape)
    dx, grads = held.backward(x, upstream)

    rows = [probe_array("x", x, dx, lambda: held.forward(x), upstream, generator)]
    for name, owner, key, gradient in _pairs(held.params(), grads):
        array = owner[key] = np.array(owner[key])  # probes write into it
        rows.append(probe_array(name, array, gradient, lambda: held.forward(x), upstream, generator))
    return GradientReport(what, rows)


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
        self.layers: list[Any] = [] if self.is_loss else [layer for _, layer in single_layers(self.f)]
        self.start = copy.deepcopy([self._state(layer) for layer in self.layers])

    def forward(self, x: Array) -> Array:
        return np.asarray(self.f(x)[0]) if self.is_loss else self._run(x)[0]

    def backward(self, x: Array, upstream: Array) -> tuple[Array, dict]:
        if self.is_loss:
            return self.f(x)[1] * upstream, {}
        return self.f.backward(upstream, self._run(x)[1])

    def params(self) -> dict:
        return getattr(self.f, "params", {})

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


def check_output(what: str, y: Array, again: Array) -> None:
    """Raise unless two passes over the same input gave the same float64 output."""
    if y.dtype != np.float64:
        raise DtypeError(f"{what}: its output is {y.dtype} for an input of float64, so differences would show nothing")
    if not np.array_equal(y, again, equal_nan=True):
        raise ArgumentError(f"{what} gives another output each time: keep its random generator in `generator`")


def _pairs(params: dict, grads: dict, prefix: str = "") -> Iterator[tuple[str, dict, str, Array]]:
    """Yield (name, dict that holds the parameter, its key there, its gradient) through nested networks."""
    if set(params) != set(grads):
        raise ArgumentError(f"backward gave gradients of {sorted(grads)}, the parameters are {sorted(params)}")
    for key, value in params.items():
        if isinstance(value, dict):
            yield from _pairs(value, grads[key], f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", params, key, grads[key]
