"""Networks that know something: trained, and in the package."""
from pathlib import Path
from typing import overload

from ..errors import ArgumentError
from ..network import Network
from ..training.checkpoint import load_checkpoint, load_training_state

FOLDER = Path(__file__).parent
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
    if name is None:  # each checkpoint says about itself what it knows
        return Catalogue({each: load_training_state(FOLDER / file)["progress"]["about"]
                          for each, file in SHIPPED.items()})
    if name not in SHIPPED:
        raise ArgumentError(f"pretrained: name is {name!r}, expected {' or '.join(map(repr, SHIPPED))}")
    return load_checkpoint(FOLDER / SHIPPED[name])
