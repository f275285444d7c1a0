"""Checking a backward pass against finite differences of its forward pass."""
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..network import Network
from ..network.params import flat
from ..ops.arrays import Array
from ..ops.checks import check_count
from .contract import Watched
from .diagnosis import explain
from .finite_differences import Evaluations, probe_array
from .float32_pass import float32_faults
from .frozen_copy import FrozenCopy, as_input
from .report import Fault, GradientReport, GradientRow, empty_row
from .snapshots import index_text, named, only_single

EPSILON = float(np.finfo(np.float64).eps)


def check_gradients(f: Any, x: Array, train: bool = True, seed: int = 0) -> GradientReport:
    """Compare every gradient of `f` at `x` with central differences, in float64, and check the contract of a layer.

    The loss is sum(dy * f(x)) for a random upstream gradient dy: an upstream gradient of ones hides mistakes (softmax's
    outputs sum to 1, so a backward of zeros would pass). Each array, the input and every parameter, is
    probed along random directions over all its entries and at single entries. The check works on a frozen copy: the
    layer and its random state stay as they were; dropout's mask and running statistics are the same in all evaluations.

    It also watches that forward and backward change nothing that they were given, that backward gives the same when it
    is called again and when forward has seen another batch since, that the output has the shape that `output_shape`
    says, and that each parameter has a gradient of its own shape and dtype. One more pass, in float32, shows whether
    float32 stays float32; it is left out for a loss, and where the parameters of `f` are float64.

    Parameters
    ----------
    f : Layer, Network, any object with their forward and backward, or a loss
        A loss is a function that takes scores and returns (number, gradient).
    x : array
        The input, real numbers of any dtype, which `f` gets as float64; for images (N, H, W, C).
    train : bool
        Check the training pass (dropout drops, batch statistics) or the evaluation pass.
    seed : int
        Draws the upstream gradient and the probes.

    Returns
    -------
    GradientReport
        `report.passed`; `report.wrong`, the names of what is at fault ("x", "w", "conv1.b", or "forward" and "backward"
        for broken rules); a row for each array with its largest relative error; and a sentence for each fault. Where a
        probe meets a kink (ReLU at zero, a tie in max-pooling) there is no derivative to compare with: another probe
        is drawn, and the verdict is "kink" when that does not help. It is "unmeasured" where no probe changes the
        output by an amount that float64 can show.

    Raises
    ------
    ArgumentError
        When `f` cannot be checked, when `x` is not made of real and finite numbers, or when forward or backward does
        not return the pair that the contract asks for.
    ShapeError
        When a layer does not take x.
    """
    return check(f, x, train, check_count("check_gradients", "seed", seed, 0))


def check(f: Any, x: Array, train: bool, seed: int, explained: bool = True) -> GradientReport:
    """Do what `check_gradients` does; `explained=False` leaves out what kind of mistake it may be."""
    # Two numbers: an input drawn by default_rng(seed) must not equal the upstream gradient, because x.T @ dy would be
    # symmetric then, and a transposed gradient would pass.
    generator = np.random.default_rng([seed, 1])
    x = as_input(x)
    frozen = FrozenCopy(f, train)
    with np.errstate(all="ignore"):  # probes may step where a function has no value
        watched = Watched(frozen, x, generator)
        passes = Evaluations(
            lambda: frozen.output(x, watched.y), watched.y, watched.upstream, rounding(frozen, x, watched.y, generator),
            work=x.size + watched.y.size + sum(array.size for array in named(frozen.params).values()),
        )
        rows: list[GradientRow] = []
        faults: dict[str, str] = {}
        to_explain: dict[str, Array] = {}
        for name, owner, key in arrays_of(frozen, x):
            if not watched.comparable:
                rows.append(empty_row(name, "not checked"))
                continue
            if not owner[key].flags.c_contiguous:
                owner[key] = np.ascontiguousarray(owner[key])  # probes write into it
            array, gradient = owner[key], watched.gradient(name)
            sentence, comparable = form_fault(name, array, gradient)
            row = empty_row(name, "right" if comparable else "wrong")
            if comparable and array.size:
                row = probe_array(name, array, gradient, passes, partial(watched.gradient_of, name), generator)
                if row.verdict == "wrong":
                    sentence, to_explain[name] = "the gradient is wrong.", array
            rows.append(row._replace(verdict="wrong") if sentence else row)
            if sentence:
                faults[name] = sentence
        if watched.comparable:
            watched.faults.extend(float32_faults(f, train, x, watched.upstream, known=faults))
        last_layer = [name.rpartition(".")[0] for name in to_explain][-1:]
        for name, array in to_explain.items() if explained else ():
            if name.rpartition(".")[0] in last_layer:
                faults[name] = explain(name, array, watched, passes, frozen.f, generator)
            else:
                faults[name] = f"the gradient is wrong, perhaps only because of a later layer. {where_to_look(rows)}"
    found = [*watched.faults, *(Fault(name, sentence) for name, sentence in faults.items())]
    return GradientReport(frozen.what, rows, found + extra_gradients(frozen, watched))


def where_to_look(rows: list[GradientRow]) -> str:
    """Say between which parameters of a network the gradients become wrong in the backward pass."""
    last = max(i for i, row in enumerate(rows) if row.verdict == "wrong")
    layer = rows[last].name.rpartition(".")[0]
    right = f", those after it ({rows[last + 1].name} and on) are right" if last + 1 < len(rows) else ""
    return (f"In the backward pass {rows[last].name} is the first that is wrong{right}: look at {layer} and the layers "
            "after it.")


def extra_gradients(frozen: FrozenCopy, watched: Watched) -> list[Fault]:
    """Name gradients of what is not a parameter."""
    known = named(frozen.params)
    extra = [name for name in watched.grads if name not in known]
    if not extra:
        return []
    return [Fault("backward", f"it gives a gradient of {', '.join(extra)}, which is not a parameter; "
                  f"the parameters are {', '.join(known) or 'none'}.")]


def check_each_layer(net: Any, x: Array, seed: int = 0) -> GradientReport:
    """Check every layer of a network at the input that it gets when `x` goes in, and then the network as a whole.

    A mistake is then found in the layer that makes it, not only in all gradients below.

    Parameters
    ----------
    net : Network
    x : array
        A batch for its first layer.
    seed : int
        Of what `check_gradients` draws.

    Returns
    -------
    GradientReport
        A row for each array of each layer, "conv1.w", and behind them "all layers: conv1.w" of the network.

    Raises
    ------
    ArgumentError
        For what is no network, or an input that is empty or not of finite numbers.
    ShapeError
        When the network does not take x.
    """
    if not isinstance(net, Network):
        raise ArgumentError(f"check_each_layer: net is a {type(net).__name__}, expected a Network; a layer alone "
                            "is for check_gradients")
    rows: list[GradientRow] = []
    faults: list[Fault] = []

    def add(report: GradientReport, before: str) -> None:
        rows.extend(row._replace(name=before + row.name) for row in report.rows)
        faults.extend(fault._replace(name=before + fault.name) for fault in report.faults)

    seen = as_input(x, "check_each_layer")
    double = net.astype("float64")
    for name, layer in net.layers.items():
        add(check_gradients(layer, seen, seed=seed), f"{name}.")
        seen, _ = double.layers[name].forward(seen, train=True)
    add(check(net, x, True, seed, explained=not faults), "all layers: ")  # if there are, they are the explanation
    return GradientReport(net.name, rows, faults)


def arrays_of(frozen: FrozenCopy, x: Array) -> Iterator[tuple[str, dict, str]]:
    """Yield its name, the dict that holds it and its key there: for the input, and for each parameter."""
    yield "x", {"x": x}, "x"
    for path in flat(frozen.params):
        owner = frozen.params
        for key in path[:-1]:
            owner = owner[key]
        yield ".".join(map(str, path)), owner, path[-1]


def rounding(frozen: FrozenCopy, x: Array, y: Array, generator: np.random.Generator) -> Array:
    """How far each output may be off: by its own last digit, or by what the last digits of input and parameters change.

    The second is more where large numbers cancel, as in batch normalization of an input far from zero. Neither is
    enough where forward passes through larger numbers than it returns, as log(1 + tiny) does: there it is what the
    sixth difference of outputs at even steps leaves (More and Wild 2011, "Estimating computational noise"), up to the
    rounding of numbers like the input's or of 1.
    """
    off = EPSILON * np.abs(y)
    arrays = [owner[key] for _, owner, key in arrays_of(frozen, x)]
    before = [array.copy() for array in arrays]
    for _ in range(2):
        for array, original in zip(arrays, before, strict=True):
            # Away from 0 only: int(1 - 1e-16) is 0, which is another row of an embedding and not rounding.
            array[...] = original * (1 + EPSILON * generator.choice([0, 2], size=array.shape))
        off = np.fmax(off, np.abs(frozen.output(x, y) - y))
    most = 4 * EPSILON * (1 + float(np.abs(x).max()))
    for part in (1e-4, 1e-6):
        outputs = []
        for step in range(7):
            for array, original in zip(arrays, before, strict=True):
                array[...] = original * (1 + part * step)
            outputs.append(frozen.output(x, y).copy())
        left = np.abs(np.diff(outputs, n=6, axis=0)[0]) / math.sqrt(924)  # 924: sum of the squares of 1, 6, 15 ...
        off = np.fmax(off, np.minimum(left, most))
    for array, original in zip(arrays, before, strict=True):
        array[...] = original
    return off


def form_fault(name: str, array: Array, gradient: Any) -> tuple[str, bool]:
    """Say what is wrong with the form of a gradient, "" if nothing is; and whether its numbers can be compared."""
    if gradient is None:
        sentence = "backward gives None for dx." if name == "x" else "backward gives no gradient of it."
        return sentence, False
    if not isinstance(gradient, np.ndarray | np.generic):
        return f"its gradient is a {type(gradient).__name__}, expected an array.", False
    if gradient.shape != array.shape:
        return f"its gradient has shape {gradient.shape}, {name} itself has {array.shape}.", False
    bad = np.argwhere(~np.isfinite(gradient))
    if len(bad):
        first = f"{name}{index_text(bad[0])}"
        return f"its gradient is not finite in {len(bad)} of {gradient.size} entries, the first of them {first}.", False
    if gradient.dtype != array.dtype:
        return f"its gradient is {gradient.dtype}, {name} itself is {array.dtype}.", True
    if only_single(gradient):
        return "its gradient is float64 with the precision of float32: backward computes in float32.", True
    return "", True
