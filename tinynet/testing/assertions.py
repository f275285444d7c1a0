"""Two assertions for a test suite: gradients against finite differences, and a layer against another implementation."""
from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError
from ..gradcheck import check_gradients
from ..gradcheck.frozen_copy import FrozenCopy, as_input
from ..ops.arrays import Array
from ..ops.checks import check_between, check_count
from .causes import likely_cause
from .comparison import Comparison
from .function_pair import FunctionPair, is_pair
from .layout import Layout


def assert_gradients(
    f: Any, x: Array, *, params: Mapping[str, Array] | None = None, train: bool = True, seed: int = 0
) -> None:
    """Assert that backward is the derivative of forward, by `check_gradients`.

    Parameters
    ----------
    f : Layer, Network, a loss, or (forward, backward)
        What `check_gradients` takes, or two plain functions without any class: `forward(x)` and `backward(dy, x)`, or
        with parameters `forward(x, w, b)` and `backward(dy, x, w, b)`. backward returns dx, or (dx, dw, db), with the
        gradients in the order of forward's arguments. Where forward returns (y, cache), backward is called as
        `backward(dy, cache)`. They get float64, and all that is asked of them is right gradients.
    x : array
        The input; for images (N, H, W, C).
    params : dict of str to array
        For two functions: forward's arguments after x by name, {"w": array}; backward gets them by the same names.
    train : bool
        The training pass (dropout drops, batch statistics), or that of evaluation.
    seed : int
        Draws the upstream gradient and the probes.

    Raises
    ------
    AssertionError
        When a gradient is wrong, or a rule of the contract is broken; and when no gradient could be decided, in a test
        that would otherwise assert nothing. Its text is the report of `check_gradients`.
    ArgumentError
        When there is nothing that can be checked.

    Examples
    --------
    >>> import numpy as np
    >>> import tinynet as tn
    >>> images = np.random.default_rng(0).standard_normal((2, 5, 5, 3))
    >>> tn.testing.assert_gradients(tn.MaxPool2d(3, 2), images)
    >>> tn.testing.assert_gradients((np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2)), images)
    """
    report = check_gradients(as_layer(f, params, "assert_gradients"), x, train=train, seed=seed)
    decided = any(row.verdict in ("right", "wrong") for row in report.rows)
    if not report.passed or not decided:
        raise AssertionError(str(report))


def assert_matches(
    f: Any, reference: Any, x: Array, layout: str = "NHWC", *, params: Mapping[str, Array] | None = None,
    train: bool = True, tolerance: float = 1e-9, seed: int = 0,
) -> None:
    """Assert that a layer gives the outputs and the gradients of another implementation, in float64.

    Compared are y, the gradient of x, and that of each parameter that both have, for a random upstream gradient. The
    reference works with the layer's parameters and running statistics: w may be called weight there, and b bias; where
    the names are others, they go by their order.

    Parameters
    ----------
    f : Layer, Network, or (forward, backward)
        As in `assert_gradients`.
    reference : torch.nn.Module, function, (forward, backward), or Layer
        A module (a copy of it is used), or a function of torch tensors, `lambda x, w, b: F.conv2d(x, w, b)`: it names
        the parameters that it takes. Two functions of NumPy arrays, or another layer.
    x : array
        The input, as the layer takes it.
    layout : "NHWC" or "NCHW"
        How the reference wants arrays. "NCHW" is PyTorch's way: images (N, C, H, W), filters (F, C, KH, KW) for our
        (KH, KW, C, F), weights of a linear layer (out, in) for our (in, out). (Behind a Flatten the images' order stays
        ours: compare a whole network in two parts.)
    params : dict of str to array
        For two functions in place of a layer, as in `assert_gradients`.
    train : bool
        Both in training (batch statistics), or both in evaluation.
    tolerance : float
        The largest difference allowed, as a part of the largest number that the reference has in this array (or of
        0.001, where they are all smaller).
    seed : int
        Draws the upstream gradient.

    Raises
    ------
    AssertionError
        Says which array differs, where, and by how much; and what is likely to be the cause, such as weights transposed
        or images given as (N, H, W, C) to what takes (N, C, H, W).
    ArgumentError
        When the parameters of the two do not belong together, or there is nothing that can be compared.

    Examples
    --------
    >>> import numpy as np
    >>> import tinynet as tn
    >>> rows = np.random.default_rng(0).standard_normal((4, 5))
    >>> layer = tn.Linear(5, 3)
    >>> forward, backward = lambda x, w, b: x @ w + b, lambda dy, x, w, b: (dy @ w.T, x.T @ dy, dy.sum(axis=0))
    >>> tn.testing.assert_matches(layer, (forward, backward), rows)

    With PyTorch: `assert_matches(tn.Conv2d(3, 8, 5), torch.nn.Conv2d(3, 8, 5), images, layout="NCHW")`.
    """
    who = "assert_matches"
    check_between(who, "tolerance", tolerance, 0, 1)
    check_count(who, "seed", seed, 0)
    frozen, x = FrozenCopy(as_layer(f, params, who), train, who=who), as_input(x, who)
    if frozen.is_loss:
        raise ArgumentError(f"{who}: f is the function {frozen.what}, expected a layer, a network or a pair (forward, "
                            "backward)")
    comparison = Comparison(frozen, reference, x, Layout(layout), tolerance, seed)
    if comparison.wrong:
        raise AssertionError(f"{comparison}\n\n{likely_cause(comparison)}".rstrip()) from comparison.error


def as_layer(f: Any, params: Mapping[str, Array] | None, who: str) -> Any:
    """Return what `check_gradients` takes; two functions become one."""
    if is_pair(f):
        forward, backward = f
        return FunctionPair(forward, backward, params or {}, who)
    if params is not None:
        raise ArgumentError(f"{who}: params are for a pair (forward, backward); a {type(f).__name__} has its own")
    return f
