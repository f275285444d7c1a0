"""A network in two: the layers up to one, and those after it."""
from collections.abc import Collection
from typing import Any

from ..errors import ArgumentError
from .network import Network


def split_network(net: Network, after: str) -> tuple[Network, Network]:
    """Return the layers up to `after`, it among them, and the layers after it, as two networks.

    They have the network's own layers, not copies: what trains `rest` trains `net`. In evaluation
    ``rest.forward(first.forward(x)[0])[0]`` is ``net.forward(x)[0]``.

    Parameters
    ----------
    net : Network
    after : str
        The name of any layer but the last.

    Returns
    -------
    first, rest : Network
        `rest` has the network's recipe, without the weight decay and the initialization of layers that are in `first`.

    Raises
    ------
    ArgumentError
        For a name that is no layer's, for that of the last layer, for what is no network, and for a network whose class
        has a forward of its own, which is no line of layers.
    """
    if not isinstance(net, Network):
        raise ArgumentError(f"split_network: net is a {type(net).__name__}, expected a Network")
    if type(net).forward is not Network.forward:
        raise ArgumentError(f"split_network: {net.name} cannot be cut, as its class {type(net).__name__} has a forward "
                            "of its own")
    _, names = net[after], list(net.layers)  # net[after] raises for an unknown name
    end = names.index(after) + 1
    if end == len(names):
        raise ArgumentError(f"split_network: {after} is the last layer of {net.name}, nothing comes after it")
    pairs = list(net.layers.items())
    first = Network(pairs[:end], name=f"{net.name} up to {after}", input_shape=net.input_shape, hint=net.hint)
    shape = None if net.input_shape is None else first.output_shape(net.input_shape)
    recipe = recipe_for(net, names[end:])
    return first, Network(pairs[end:], name=f"{net.name} after {after}", input_shape=shape, recipe=recipe)


def recipe_for(net: Network, names: Collection[str]) -> dict[str, Any]:
    """Return a network's recipe for some of its layers: without what it says of each of the others."""
    recipe = dict(net.recipe)
    for key in ("weight_decay", "initialization"):
        if isinstance(recipe.get(key), dict):  # by layer, "conv1", or "block.conv1" in a nested network
            recipe[key] = {name: value for name, value in recipe[key].items() if name.partition(".")[0] in names}
    return recipe
