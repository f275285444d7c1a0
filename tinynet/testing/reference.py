"""Running another implementation: a module or a function of PyTorch, a pair of functions, another layer."""
import copy
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..gradcheck.frozen_copy import FrozenCopy, in_float64
from ..gradcheck.snapshots import named
from ..network.params import flat
from ..ops.arrays import Array
from .function_pair import FunctionPair, arguments_after_x, is_pair

WHO = "assert_matches"
OUR_NAMES = {"weight": "w", "bias": "b", "running_var": "running_variance"}  # for PyTorch's

# The output, and a function that returns the gradients for an upstream gradient: of x, and by our names of parameters.
Passes = tuple[Array, Callable[[Array], tuple[Any, dict[str, Any]]]]


class Ours(NamedTuple):
    """Our float64 arrays by name, "w" or "conv1.w", in the reference's layout."""

    params: dict[str, Array]
    buffers: dict[str, Array]

    @property
    def all(self) -> dict[str, Array]:
        """Parameters and running statistics."""
        return self.params | self.buffers


def run(reference: Any, x: Array, ours: Ours, train: bool) -> Passes:
    """Run a reference's forward pass in float64.

    Parameters
    ----------
    reference
        As in `assert_matches`.
    x : float64 array
        In the reference's layout.
    ours : Ours
        What it gets as its own.
    train : bool

    Raises
    ------
    ArgumentError
        When the parameters cannot be matched, or the reference is nothing that can be run.
    Exception
        Whatever the reference raises.
    """
    if is_pair(reference):
        return run_pair(reference, x, ours, train)
    if is_module(reference):
        return run_module(reference, x, ours, train)
    if hasattr(reference, "forward") and hasattr(reference, "backward") and not isinstance(reference, type):
        return run_layer(reference, x, ours, train)
    if not callable(reference) or isinstance(reference, type):
        what = f"the class {reference.__name__}" if isinstance(reference, type) else f"a {type(reference).__name__}"
        raise ArgumentError(f"{WHO}: reference is {what}, expected a torch.nn.Module, a function of torch tensors, a "
                            "pair (forward, backward) or a layer")
    return run_function(reference, x, ours)


def matched(theirs: list[str], needed: list[str], ours: Ours, what: str) -> dict[str, str]:
    """Return our name for each of the reference's arrays: the same, or for all that it needs the same order.

    In order, its running statistics are ours that end in the same name, where there are as many. What is not needed and
    has no name of ours is left out.
    """
    pairs = {name: own for name in theirs if (own := our_name(name)) in ours.all}
    if all(name in pairs for name in needed):
        return pairs
    if len(needed) == len(ours.params):
        pairs = dict(zip(needed, ours.params, strict=True))
        endings = {own.rpartition(".")[2] for own in ours.buffers}
        kept = [name for name in theirs if name not in needed and our_name(name).rpartition(".")[2] in endings]
        return pairs | (dict(zip(kept, ours.buffers, strict=True)) if len(kept) == len(ours.buffers) else {})
    raise ArgumentError(f"{WHO}: {what} has the parameters {', '.join(needed)}, the layer has "
                        f"{', '.join(ours.params) or 'none'}: expected the same names, or as many in the same order")


def our_name(name: str) -> str:
    """Return "conv1.w" for "conv1.weight"."""
    before, dot, last = name.rpartition(".")
    return before + dot + OUR_NAMES.get(last, last)


def run_pair(pair: Any, x: Array, ours: Ours, train: bool) -> Passes:
    """Run (forward, backward)."""
    forward, backward = pair
    theirs, needed = arguments_after_x(forward)
    names = matched(list(ours.params) if theirs is None else theirs, needed, ours, "forward of the reference")
    f = FunctionPair(forward, backward, {name: ours.all[own] for name, own in names.items()}, WHO)
    return passes(FrozenCopy(f, train, who=WHO), x, names)


def run_layer(layer: Any, x: Array, ours: Ours, train: bool) -> Passes:
    """Run a layer, or any object with a layer's forward and backward."""
    f = in_float64(layer)
    params = owners(getattr(f, "params", {}))
    owned = params | owners(getattr(f, "buffers", {}))
    names = matched(list(owned), list(params), ours, "the reference")
    for name, own in names.items():
        owner, key = owned[name]
        check_shape(name, owner[key].shape, own, ours.all[own])
        owner[key] = ours.all[own].copy()
    return passes(FrozenCopy(f, train, who=WHO), x, names)


def passes(frozen: FrozenCopy, x: Array, names: Mapping[str, str]) -> Passes:
    """Run the forward pass of a frozen copy, whose arrays are called otherwise than ours."""
    y, saved = frozen.forward(x)

    def backward(dy: Array) -> tuple[Any, dict[str, Any]]:
        dx, grads = frozen.backward(dy, saved)
        return dx, {names[name]: gradient for name, gradient in named(grads).items() if name in names}

    return y, backward


def owners(nested: dict[str, Any]) -> dict[str, tuple[dict, str]]:
    """Return by each array's name the dict that holds it, and its key there."""
    found = {}
    for path in flat(nested):
        owner = nested
        for key in path[:-1]:
            owner = owner[key]
        found[".".join(path)] = owner, path[-1]
    return found


def is_module(reference: Any) -> bool:
    """Whether it is a torch.nn.Module; whoever has one has imported torch."""
    torch: Any = sys.modules.get("torch")
    return torch is not None and isinstance(reference, torch.nn.Module)


def run_module(module: Any, x: Array, ours: Ours, train: bool) -> Passes:
    """Run a copy of a torch.nn.Module that has our parameters and running statistics."""
    import torch

    module = copy.deepcopy(module).cpu().double().train(train)
    params, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    names = matched([*params, *buffers], list(params), ours, "the reference")
    with torch.no_grad():
        for name, own in names.items():
            tensor, array = (params | buffers)[name], ours.all[own]
            check_shape(name, tuple(tensor.shape), own, array)
            tensor.copy_(torch.tensor(array))
    inputs = torch.tensor(x, requires_grad=True)
    return tensor_passes(module(inputs), inputs, {names[name]: tensor for name, tensor in params.items()})


def run_function(function: Callable, x: Array, ours: Ours) -> Passes:
    """Run a function of torch tensors, which PyTorch finds the gradients of."""
    try:
        import torch
    except ImportError as missing:
        raise ArgumentError(f"{WHO}: reference is a function, whose gradients PyTorch finds: pip install "
                            "'tinynet[reference]', or give a pair (forward, backward)") from missing
    inputs = torch.tensor(x, requires_grad=True)
    params = {own: torch.tensor(array, requires_grad=True) for own, array in ours.params.items()}
    tensors = params | {own: torch.tensor(array) for own, array in ours.buffers.items()}
    theirs, needed = arguments_after_x(function)
    if theirs is None:  # a function written in C, which takes them one after the other
        return tensor_passes(function(inputs, *params.values()), inputs, params)
    names = matched(theirs, needed, ours, "the reference")
    y = function(inputs, **{name: tensors[own] for name, own in names.items()})
    return tensor_passes(y, inputs, {own: params[own] for own in names.values() if own in params})


def tensor_passes(y: Any, x: Any, params: Mapping[str, Any]) -> Passes:
    """Return the output of PyTorch's, and its backward pass."""
    import torch

    if not isinstance(y, torch.Tensor):
        raise ArgumentError(f"{WHO}: the reference returned a {type(y).__name__}, expected a torch.Tensor; a reference "
                            "in NumPy is a pair (forward, backward)")
    wanted = {"": x, **params}

    def backward(dy: Array) -> tuple[Any, dict[str, Any]]:
        grads = torch.autograd.grad(y, list(wanted.values()), torch.tensor(dy), allow_unused=True) \
            if y.requires_grad else [None] * len(wanted)
        found = {name: np.zeros(tensor.shape) if gradient is None else gradient.numpy()
                 for (name, tensor), gradient in zip(wanted.items(), grads, strict=True)}
        return found.pop(""), found

    return y.detach().numpy(), backward


def check_shape(name: str, shape: tuple[int, ...], own: str, value: Array) -> None:
    """Raise ValueError unless an array of ours fits into the reference's."""
    if shape != value.shape:
        raise ValueError(f"its {name} has shape {shape}, {own} has {value.shape}")
