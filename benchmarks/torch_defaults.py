"""Comparing a layer with PyTorch's, both at PyTorch's default settings, for `gradient_checks.py`."""
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import tinynet as tn
from tinynet.gradcheck.planted.network import AroundIt, Twice
from tinynet.network.params import flat

nn, functional = torch.nn, torch.nn.functional
IMAGES = (2, 6, 6, 4)
# For each layer: the arguments that are PyTorch's defaults, what makes PyTorch's module, and the input's shape.
LAYERS: dict[Any, tuple[dict[str, Any], Any, tuple[int, ...]]] = {
    tn.Linear: ({"in_features": 4, "out_features": 3}, lambda: nn.Linear(4, 3), (5, 4)),
    tn.Conv2d: ({"in_channels": 4, "out_channels": 4, "kernel_size": 3}, lambda: nn.Conv2d(4, 4, 3), IMAGES),
    tn.ReLU: ({}, nn.ReLU, (4, 6)),
    tn.Tanh: ({}, nn.Tanh, (4, 6)),
    tn.Sigmoid: ({}, nn.Sigmoid, (4, 6)),
    tn.Softmax: ({}, lambda: nn.Softmax(dim=-1), (3, 5)),
    tn.Flatten: ({}, nn.Flatten, IMAGES),
    tn.MaxPool2d: ({"kernel_size": 2, "stride": 2}, lambda: nn.MaxPool2d(2), IMAGES),
    tn.AvgPool2d: ({"kernel_size": 2, "stride": 2}, lambda: nn.AvgPool2d(2), IMAGES),
    tn.LocalResponseNorm: ({"alpha": 1e-4 / 5, "k": 1.0}, lambda: nn.LocalResponseNorm(5), IMAGES),  # alpha / 5
    tn.BatchNorm1d: ({"features": 4}, lambda: nn.BatchNorm1d(4), (5, 4)),
    tn.BatchNorm2d: ({"channels": 4}, lambda: nn.BatchNorm2d(4), IMAGES),
    tn.Dropout: ({}, nn.Dropout, (6, 8)),  # in evaluation: in training the two draw masks of their own
}


def has_counterpart(bug: Any) -> bool:
    """PyTorch has no locally connected layer, no normalization within a map and no fire module."""
    return bug.right not in (tn.LocallyConnected2d, tn.SpatialResponseNorm, tn.Fire)


def agrees(bug: Any, right: bool = False) -> bool:
    """Whether the bug, or what it was made from, cannot be told from PyTorch at its default settings.

    The output and all gradients for a random upstream gradient, float32, by torch.testing.assert_close as it comes.
    """
    torch.manual_seed(0)
    compared = comparison(bug, bug.right if right else bug.wrong)
    try:
        compared()
    except Exception:  # an AssertionError, or a crash of the code under test
        return False
    return True


def comparison(bug: Any, kind: Any) -> Callable[[], None]:
    """Return what raises unless `kind`, which is a bug or its right version, does as PyTorch does."""
    if bug.of_optimizer:
        return partial(compare_steps, kind, adam=bug.right is tn.Adam)
    if bug.family == "loss":
        return partial(compare_loss, kind)
    if bug.right in (tn.Network, Twice, AroundIt):
        return lambda: compare_network(bug.make(kind), bug.shape)
    arguments, module, shape = LAYERS[bug.right]
    return lambda: compare(kind(**arguments), module(), shape, train=bug.right is not tn.Dropout)


def compare_network(ours: Any, shape: tuple[int, ...]) -> None:
    """A network layer by layer as nn.Sequential, four images at a time."""
    if isinstance(ours, Twice):
        inner = theirs_of(ours.inner)
        compare(ours, nn.Sequential(inner, nn.Tanh(), inner), shape)
    elif isinstance(ours, AroundIt):
        compare(ours, Residual(theirs_of(ours.inner)), shape)
    else:
        layers = [theirs_of(layer) for layer in ours.layers.values()]
        compare(ours, nn.Sequential(*layers), (4, *shape[1:]))


class Residual(nn.Module):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return x + self.inner(x)


def theirs_of(layer: Any) -> Any:
    """PyTorch's module for a layer of one of the small networks."""
    if isinstance(layer, tn.Linear):
        return nn.Linear(layer.in_features, layer.out_features)
    if isinstance(layer, tn.Conv2d):
        return nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size)
    return {"ReLU": nn.ReLU(), "Tanh": nn.Tanh(), "Flatten": nn.Flatten()}[type(layer).__name__]


def ours_from(theirs: Any) -> Any:
    """A parameter of PyTorch in our order of axes."""
    array = theirs.detach()
    return {4: lambda: array.permute(2, 3, 1, 0), 2: lambda: array.T, 1: lambda: array}[array.ndim]().numpy()


def compare(ours: Any, theirs: Any, shape: tuple[int, ...], train: bool = True) -> None:
    """Raise unless outputs and gradients agree; the parameters start as PyTorch's do."""
    theirs.train(train)
    modules = [m for m in theirs.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d)]
    arrays = list(flat(ours.params).values())
    for array, parameter in zip(arrays, [p for m in modules for p in (m.weight, m.bias)], strict=True):
        array[...] = ours_from(parameter)
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    t = torch.tensor(x, requires_grad=True)
    seen = t.permute(0, 3, 1, 2) if len(shape) == 4 and not isinstance(theirs, nn.Flatten) else t
    expected = run(theirs, seen)
    expected = expected.permute(0, 2, 3, 1) if expected.ndim == 4 else expected
    y, saved = ours.forward(x, train=train)
    torch.testing.assert_close(torch.tensor(np.asarray(y)), expected.detach())
    dy = np.random.default_rng(1).standard_normal(y.shape).astype("float32")
    expected.backward(torch.tensor(dy))
    dx, grads = ours.backward(dy, saved)
    torch.testing.assert_close(torch.tensor(np.array(dx)), t.grad)
    found = list(flat(grads).values())
    for gradient, parameter in zip(found, [p for m in modules for p in (m.weight, m.bias)], strict=True):
        torch.testing.assert_close(torch.tensor(np.array(gradient)), torch.tensor(ours_from(parameter.grad)))


def run(theirs: Any, x: Any) -> Any:
    """Its layers in turn; channels go last before they are flattened, as ours are."""
    if not isinstance(theirs, nn.Sequential):
        return theirs(x)
    for module in theirs:
        x = module(x.permute(0, 2, 3, 1) if isinstance(module, nn.Flatten) and x.ndim == 4 else x)
    return x


def compare_loss(loss: Any) -> None:
    scores = np.random.default_rng(0).standard_normal((4, 5)).astype("float32")
    labels = np.array([2, 0, 4, 4])
    t = torch.tensor(scores, requires_grad=True)
    expected = functional.cross_entropy(t, torch.tensor(labels))
    expected.backward()
    value, gradient = loss(scores, labels)
    torch.testing.assert_close(torch.tensor(np.float32(value)), expected.detach())
    torch.testing.assert_close(torch.tensor(gradient), t.grad)


def compare_steps(kind: Any, adam: bool) -> None:
    """Three steps with PyTorch's defaults: no momentum (in SGD), no decay."""
    net = tn.Network([("fc1", tn.Linear(3, 3)), ("fc2", tn.Linear(3, 2))])
    ours = list(flat(net.params).values())
    theirs = [nn.Parameter(torch.tensor(array.copy())) for array in ours]
    settings = {"weight_decay": 0.0} if adam else {"weight_decay": 0.0, "momentum": 0.0}
    mine = kind(net, learning_rate=0.1, **settings)
    reference = (torch.optim.Adam if adam else torch.optim.SGD)(theirs, lr=0.1)
    generator = np.random.default_rng(0)
    for _ in range(3):
        grads = {name: {key: generator.standard_normal(array.shape).astype("float32") for key, array in arrays.items()}
                 for name, arrays in net.params.items()}
        for parameter, gradient in zip(theirs, flat(grads).values(), strict=True):
            parameter.grad = torch.tensor(gradient.copy())
        reference.step()
        mine.step(grads)
        for array, parameter in zip(ours, theirs, strict=True):
            torch.testing.assert_close(torch.tensor(array), parameter.detach())
