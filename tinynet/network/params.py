"""The layers and parameters of a network, nested ones too: `net.params`, gradients and velocities have one form."""
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from .. import layers
from ..errors import ArgumentError
from ..layers.base import Layer
from ..layers.parameter_shapes import without_init
from ..ops.arrays import Array, array_module


def flat(nested: dict[str, Any], before: tuple[str, ...] = ()) -> dict[tuple[str, ...], Array]:
    """Return the arrays by their path: {"conv1": {"w": array}} becomes {("conv1", "w"): array}."""
    arrays: dict[tuple[str, ...], Array] = {}
    for name, value in nested.items():
        arrays |= flat(value, (*before, name)) if isinstance(value, dict) else {(*before, name): value}
    return arrays


def is_bias(name: str) -> bool:
    """Tell whether a parameter of this name, in its layer, is a bias: "b", or "squeeze_b" of a layer with several."""
    return name == "b" or name.endswith("_b")


def layers_of(net: Layer) -> dict[str, Layer]:
    """Return a network's layers by name; nothing for a single layer.

    A network is what has its layers in a dict called `layers`; a layer's own `layers` may be a number or a list.
    """
    inner = getattr(net, "layers", None)
    is_network = isinstance(inner, dict) and all(isinstance(layer, Layer) for layer in inner.values())
    return inner if inner and is_network else {}


def single_layers(net: Layer, before: tuple[str, ...] = ()) -> Iterator[tuple[str, Layer]]:
    """Yield all layers that are no networks, those in nested networks too, with names like "block.conv1"."""
    inner = layers_of(net)
    if not inner:
        yield ".".join(before), net
    for name, layer in inner.items():
        yield from single_layers(layer, (*before, name))


def all_layers(net: Layer, name: str = "", met: set[int] | None = None) -> Iterator[tuple[str, Layer]]:
    """Yield what `single_layers` does, and behind each the layers that it keeps as attributes, as "block.inner".

    A layer made of layers, such as a residual block, computes with them; each is met once.
    """
    met = set() if met is None else met
    if id(net) in met:
        return
    met.add(id(net))
    inner = layers_of(net)
    if not inner:
        yield name, net
    for own, layer in inner.items():
        yield from all_layers(layer, f"{name}.{own}" if name else own, met)
    for own, value in getattr(net, "__dict__", {}).items():
        parts: Any = value.items() if isinstance(value, dict) else ()
        if isinstance(value, list | tuple):
            parts = enumerate(value)
        for key, layer in [("", value), *((f".{key}", part) for key, part in parts)]:
            if isinstance(layer, Layer):
                yield from all_layers(layer, f"{name}.{own}{key}" if name else f"{own}{key}", met)


def library_of(net: Layer) -> ModuleType:
    """Return the array library of a network's parameters, NumPy or CuPy; NumPy where it has none."""
    return next((array_module(array) for array in flat(net.params).values()), np)


def check_layers(pairs: Sequence[tuple[str, Layer]]) -> dict[str, Layer]:
    """Return the layers by name; ArgumentError for an empty list, a bad name, no layer, or one used twice."""
    if not isinstance(pairs, list | tuple):
        hint = ", list(layers.items())" if isinstance(pairs, dict) else ""
        raise ArgumentError(f"Network: layers is {kind_text(pairs)}, expected a list of (name, layer) pairs{hint}")
    if not pairs:
        raise ArgumentError("Network: the list of layers is empty")
    by_name: dict[str, Layer] = {}
    met: list[Layer] = []  # those of nested networks too
    for pair in pairs:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise ArgumentError(f"Network: expected (name, layer) pairs, got {pair!r}")
        name, layer = pair
        if not name or set(name) & set("./"):
            raise ArgumentError(f"Network: a layer is called {name!r}, expected a name without . and /")
        if name in by_name:
            raise ArgumentError(f"Network: two layers are called {name!r}")
        check_layer(f"Network: layer {name!r}", layer)
        check_whole_batch(name, layer)
        for full_name, single in single_layers(layer, (name,)):
            if any(single is other for other in met):
                raise ArgumentError(f"Network: the layer {full_name!r} stands in the list twice")
            met.append(single)
        by_name[name] = layer
    return by_name


def check_layer(what: str, layer: Any) -> None:
    """Raise ArgumentError unless `layer` is a layer, made by `super().__init__()`; networks are layers too."""
    if not isinstance(layer, Layer):
        name = getattr(layer, "__name__", type(layer).__name__)
        own = isinstance(layer, type) and issubclass(layer, Layer)
        hint = f": {name}(...)" if own else f": tn.{name}(...)" if name in layers.__all__ else ""
        raise ArgumentError(f"{what} is {kind_text(layer)}, expected a layer of tinynet's, a network, or an object of "
                            f"a class of your own that derives from tn.Layer{hint}")
    if not (hasattr(layer, "params") and hasattr(layer, "buffers")):
        raise ArgumentError(f"{what}: {without_init(type(layer))}")


def check_whole_batch(name: str, layer: Layer) -> None:
    """Raise ArgumentError for a layer that would get parts of a batch, in threads, where it needs the batch in order.

    It does for random numbers, which come from one generator, and for running statistics.
    """
    for _, inner in () if layer.whole_batch else all_layers(layer):
        if inner.generator is not None or (inner.whole_batch and getattr(inner, "buffers", None)):
            kept = "" if inner is layer else f" that keeps a {type(inner).__name__}"
            needs = "running statistics are of" if inner.generator is None else "random numbers are drawn for"
            raise ArgumentError(f"Network: layer {name!r} is a {type(layer).__name__}{kept}, whose {needs} the whole "
                                f"batch: set whole_batch = True in the class {type(layer).__name__}")


def kind_text(found: Any) -> str:
    """Say in a few words what was given in place of a layer or a network."""
    if isinstance(found, type):
        return f"the class {found.__name__}"
    if found is None or isinstance(found, str):
        return "None" if found is None else f"the text {found!r}"
    library = type(found).__module__.partition(".")[0]
    return f"a {type(found).__name__}{f' of {library}' if library in ('torch', 'keras', 'tensorflow') else ''}"
