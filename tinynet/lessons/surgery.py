"""Networks made out of others: with some layers exchanged, or left out."""
from collections.abc import Collection, Mapping

from ..layers.base import Layer
from ..network import Network


def changed(net: Network, layers: Mapping[str, Layer] | None = None, without: Collection[str] = ()) -> Network:
    """Return a network with the same layers but for those given by name, and without some; ShapeError if it breaks.

    Layers that stay are the same objects: use one of the two networks only.
    """
    new = layers or {}
    made = Network(
        [(name, new.get(name, layer)) for name, layer in net.layers.items() if name not in without],
        name=net.name, input_shape=net.input_shape, notes=net.notes, recipe=net.recipe, hint=net.hint,
    )
    missing = [name for name in [*new, *without] if name not in net.layers]
    if missing:
        net[missing[0]]  # raises: there is no such layer
    if net.input_shape is not None:
        made.shapes(net.input_shape)
    return made
