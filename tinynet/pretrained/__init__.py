"""Networks that know something: trained, and in the package."""
import os
from collections.abc import Mapping
from contextlib import ExitStack
from importlib import resources
from typing import overload

from ..errors import ArgumentError
from ..network import Network
from ..training.checkpoint import load_checkpoint, load_training_state

SHIPPED = {"alexnet-medium": "alexnet-medium.npz"}  # made by benchmarks/ship_network.py
DEFAULT = "alexnet-medium"  # what `tinynet predict` and `tinynet trace` take where no network is named


class Catalogue(dict[str, str]):
    """Names of pretrained networks, each with a sentence; a notebook shows them line by line."""

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {about}" for name, about in self.items())


@overload
def pretrained(name: None = None) -> Catalogue: ...
@overload
def pretrained(name: str) -> Network: ...


def pretrained(name: str | None = None) -> Network | Catalogue:
    """Return a trained network, or the names of those that there are.

    Parameters
    ----------
    name : str, optional
        "alexnet-medium": one of AlexNet's towers, which knows ten classes of photographs.

    Returns
    -------
    Network
        With float32 parameters, its preprocessing, its class names, and notes on how it was made:
        ``tn.predict(net, net.preprocessing.load_image("photo.jpg")[None])`` gives the classes' probabilities.
    Catalogue
        Without a name: a dict of names, each with a sentence on what the network knows and how well.

    Raises
    ------
    ArgumentError
        For a name that is not among them.
    """
    with ExitStack() as stack:  # of a package that is zipped, the files are unpacked for as long as they are read
        if name is None:
            return Catalogue({each: sentence(load_training_state(shipped(each, stack))) for each in SHIPPED})
        if name not in SHIPPED:
            raise ArgumentError(f"pretrained: name is {name!r}, expected {' or '.join(map(repr, SHIPPED))}")
        return load_checkpoint(shipped(name, stack))


def shipped(name: str, stack: ExitStack) -> os.PathLike:
    """Return the path of a network's checkpoint in the package, until the stack closes."""
    return stack.enter_context(resources.as_file(resources.files(__package__) / SHIPPED[name]))


def sentence(state: Mapping) -> str:
    """Return what a shipped checkpoint says about itself."""
    return state["progress"]["about"]
