"""Networks made out of others: with some layers replaced, or left out."""
from collections.abc import Collection, Mapping

from ..layers.base import Layer
from ..network import Network
from ..network.split import recipe_for


def changed(net: Network, layers: Mapping[str, Layer] | None = None, without: Collection[str] = ()) -> Network:
    """Return a network with the same layers but for those given, and without some; ShapeError if they do not fit.

    Its recipe says nothing of layers that are left out.
    Layers that stay are the same objects: use one of the two networks only.
    """
    new = layers or {}
    for name in (*new, *without):
        net[name]  # ArgumentError if the layer does not exist
    kept = {name: new.get(name, layer) for name, layer in net.layers.items() if name not in without}
    made = Network(list(kept.items()), name=net.name, input_shape=net.input_shape, notes=net.notes,
                   recipe=recipe_for(net, kept), hint=net.hint)
    if net.input_shape is not None:
        made.shapes(net.input_shape)
    return made
