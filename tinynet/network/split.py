"""A network in two: the layers up to one, and those after it."""
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
        `rest` has the network's recipe, without the weight decay of layers that are in `first`.

    Raises
    ------
    ArgumentError
        For a name that is no layer's, and for that of the last layer.
    """
    if not isinstance(net, Network):
        raise ArgumentError(f"split_network: net is a {type(net).__name__}, expected a Network")
    _, names = net[after], list(net.layers)  # net[after] raises for an unknown name
    end = names.index(after) + 1
    if end == len(names):
        raise ArgumentError(f"split_network: {after} is the last layer of {net.name}, nothing comes after it")
    pairs = list(net.layers.items())
    first = Network(pairs[:end], name=f"{net.name} up to {after}", input_shape=net.input_shape, hint=net.hint)
    shape = None if net.input_shape is None else first.output_shape(net.input_shape)
    rest = Network(pairs[end:], name=f"{net.name} after {after}", input_shape=shape, recipe=net.recipe)
    decay = net.recipe.get("weight_decay")
    if isinstance(decay, dict):  # by layer, "conv1", or "block.conv1" in a nested network
        rest.recipe["weight_decay"] = {
            name: value for name, value in decay.items() if name.partition(".")[0] in rest.layers}
    return first, rest
