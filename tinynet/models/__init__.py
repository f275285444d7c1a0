"""The published networks as tables of layers, and their names on the command line."""
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import ArgumentError
from ..network import Network
from .alexnet import VERSIONS, alexnet
from .cifar import INITIALIZATIONS, cifar_net
from .lenet import lenet5
from .medium import alexnet_medium
from .small import alexnet_small
from .squeezenet import squeezenet

__all__ = ["MODELS", "alexnet", "alexnet_medium", "alexnet_small", "cifar_net", "lenet5", "make_model",
           "squeezenet"]

MODELS: dict[str, Callable[..., Network]] = {
    "alexnet": alexnet,
    **{f"alexnet-{variant}": partial(alexnet, variant) for variant in VERSIONS},
    "alexnet-medium": alexnet_medium,
    "alexnet-small": alexnet_small,
    "lenet5": lenet5,
    "squeezenet": squeezenet,
    "squeezenet-torchvision": partial(squeezenet, "torchvision"),
    **{f"cifar-{name}": partial(cifar_net, name) for name in INITIALIZATIONS},
}


def make_model(name: str, /, classes: int | None = None, seed: int = 0, **switches: Any) -> Network:
    """Return a network by its name on the command line.

    Parameters
    ----------
    name : str
        A key of `MODELS`: "alexnet", "alexnet-VARIANT", "alexnet-small", "lenet5", "cifar-80sec" and so on.
    classes : int, optional
        How many scores the last layer gives; the network's own number if not given.
    seed : int
    switches
        Further arguments of the function behind the name, `activation="tanh"` for `alexnet`.

    Raises
    ------
    ArgumentError
        For an unknown name, an argument that the network does not have, or a value that it does not take.
    """
    if name not in MODELS:
        raise ArgumentError(f"network {name!r} does not exist; tinynet has {', '.join(MODELS)}")
    make = MODELS[name]
    given = getattr(make, "args", ())
    function: Any = getattr(make, "func", make)
    names = list(inspect.signature(function).parameters)[len(given) :]
    for switch in switches:
        if switch not in names:
            raise ArgumentError(f"{name} has no argument {switch!r}; it has {', '.join(names)}")
    if classes is not None:
        switches["classes"] = classes
    return make(seed=seed, **switches)
