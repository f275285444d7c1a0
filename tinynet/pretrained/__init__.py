"""Networks that know something: trained, and in the package or fetched with `tinynet download`."""
from pathlib import Path
from typing import overload

from ..errors import ArgumentError
from ..network import Network
from ..training.checkpoint import load_checkpoint, load_training_state
from ..weights import load_weights
from .cache import state, whole
from .trained import DEFAULT, SHIPPED, TRAINED, error_text

__all__ = ["DEFAULT", "SHIPPED", "TRAINED", "Catalogue", "pretrained"]
FOLDER = Path(__file__).parent


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
        "alexnet-medium": one of AlexNet's towers, which knows ten classes of photographs, in the package.
        "alexnet-torchvision", "alexnet-caffe", "squeezenet-torchvision": ImageNet's 1,000 classes; `tinynet download
        NAME` fetches them.

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
    WeightsError
        For a network that was not fetched yet, with the command that does so; or whose file is damaged.
    """
    if name is None:
        return Catalogue({each: about(each) if each in SHIPPED else f"{about(each)}; {state(each)}"
                          for each in TRAINED})
    if name not in TRAINED:
        raise ArgumentError(f"pretrained: name is {name!r}, expected {' or '.join(map(repr, TRAINED))}")
    if name in SHIPPED:
        return load_checkpoint(FOLDER / SHIPPED[name])
    net = load_weights(name, whole(name))
    net.notes.append(f"Pretrained: {about(name)}.")
    return net


def about(name: str) -> str:
    """Return a sentence on a trained network: what it knows and how well; one in the package says so about itself."""
    if name in SHIPPED:
        return load_training_state(FOLDER / SHIPPED[name])["progress"]["about"]
    trained = TRAINED[name]
    return f"{trained.origin}; knows {trained.knows}; error {error_text(name)} (published); license: {trained.license}"
