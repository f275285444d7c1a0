"""Two towers: the paper's figure 2, each process with half of the filters and units (Krizhevsky et al. 2012, 3.5).

Both processes take the whole batch. Convolutions in two groups, normalization and pooling stay inside a tower; in front
of a layer that sees all channels, conv3, fc6 and fc7, the towers give each other what they have, and on the way back
the gradients of it. The last layer's scores are the sum of what both towers' units contribute. A checkpoint has the
whole network, as one process would write it.
"""
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Sigmoid,
    SpatialResponseNorm,
    Tanh,
)
from ..layers.base import Layer
from ..network import Network
from ..ops.arrays import Array, Shape, array_module, shape_text
from ..tables import text_table
from .team import INSTALL, AllStopped, Team
from .tower_layers import BothTowers, LinearOverTowers, TowerDropout

EACH_CHANNEL_ALONE = (ReLU, Tanh, Sigmoid, MaxPool2d, AvgPool2d, SpatialResponseNorm)
MAY_BE_CUT = (*EACH_CHANNEL_ALONE, Conv2d, Linear, LocalResponseNorm, BatchNorm1d, BatchNorm2d, Dropout, Flatten)


class TwoTowers(Team):
    """Two processes, each with one tower of a network.

    Raises
    ------
    ArgumentError
        For another number of processes.
    """

    can_repeat = False

    def __init__(self, comm: Any) -> None:
        super().__init__(comm)
        if self.size != 2:
            raise ArgumentError(f"two towers need two processes, not {self.size}: mpirun -n 2 tinynet train --split "
                                f"towers ... ({INSTALL})")

    def check_network(self, net: Network, batch_size: int) -> None:
        cut(net, self)

    @contextmanager
    def own_network(self, net: Network, optimizer: Any) -> Iterator[Network]:
        tower, last = cut(net, self), last_linear(net)
        state = each_array(optimizer.state(), lambda array, axis: half(array, axis, self.number), last)
        optimizer.net = tower
        optimizer.load_state(state)
        self.whole_net, stopped = net, None
        try:
            yield tower
        except AllStopped as stop:
            stopped = stop
        finally:
            optimizer.net = net
        _, whole = self.whole(tower, optimizer)  # together: after any other error the other process is gone
        optimizer.load_state(whole.state())
        if stopped is not None:
            raise stopped

    def whole(self, net: Network, optimizer: Any) -> tuple[Network, Any]:
        last = last_linear(self.whole_net)

        def joined(array: Array, axis: int | None) -> Array:
            return array if axis is None else self.joined(array, axis)

        for name, layer in self.whole_net.layers.items():
            layer.params |= each_array(net[name].params, joined, last, (name,))
            layer.buffers |= each_array(net[name].buffers, joined, last, (name,))
        state = each_array(optimizer.state(), joined, last)
        return self.whole_net, SimpleNamespace(state=lambda: state)


def cut(net: Network, team: Team) -> Network:
    """Return a process's tower of a network, with exchanges where it needs what the other tower has.

    Parameters
    ----------
    net : Network
        With convolutions in two groups, as `alexnet()` and `alexnet_medium(towers=2)`.
    team : Team
        Says whose tower.

    Raises
    ------
    ArgumentError
        For a network without two towers, or with a layer that cannot be cut; names it.
    """
    last = last_linear(net)
    if not any(isinstance(layer, Conv2d) and layer.groups == 2 for layer in net.layers.values()):
        raise ArgumentError(f"{net.name} has no two towers: expected convolutions in two groups, as in alexnet, and in "
                            "alexnet-medium with towers=2 (--set towers=2)")
    layers: list[tuple[str, Layer]] = []
    split = False  # whether what arrives at a layer is this tower's half of it
    for index, (name, layer) in enumerate(net.layers.items()):
        after = dict(list(net.layers.items())[index:])
        if split and sees_all(layer) and name != last:
            reader = next(each for each, its in after.items() if its.params)
            layers.append((f"both_{reader}", BothTowers(team=team)))
            split = False
        own = own_part(name, layer, team, split, name == last)
        for kind in ("params", "buffers"):
            arrays = getattr(layer, kind)
            setattr(own, kind, each_array(arrays, lambda array, axis: half(array, axis, team.number), last, (name,)))
        layers.append((name, own))
        split = (split or isinstance(layer, Conv2d | Linear)) and name != last
    tower = Network(layers, name=net.name, input_shape=net.input_shape, hint=net.hint, recipe=net.recipe, seed=0)
    tower.preprocessing, tower.class_names = net.preprocessing, net.class_names
    return tower


def sees_all(layer: Layer) -> bool:
    """Tell whether a layer needs the channels of both towers; a Flatten, because it lays them side by side."""
    return isinstance(layer, Flatten | Linear) or (isinstance(layer, Conv2d) and layer.groups == 1)


def own_part(name: str, layer: Layer, team: Team, split: bool, last: bool) -> Layer:
    """Return a tower's part of a layer, with any numbers; `split`: its input is this tower's half."""
    settings = layer.settings
    if type(layer) not in MAY_BE_CUT:  # the very classes: one derived from them may do something else
        raise ArgumentError(f"layer {name} ({type(layer).__name__}) cannot be cut in two towers: expected one of "
                            f"{', '.join(kind.__name__ for kind in MAY_BE_CUT)}")
    if isinstance(layer, EACH_CHANNEL_ALONE) or (not split and isinstance(layer, Dropout | Flatten)):
        return layer
    if isinstance(layer, Conv2d) and layer.groups == (2 if split else 1):
        ours = {"in_channels": layer.in_channels // (2 if split else 1), "out_channels": layer.out_channels // 2}
        return Conv2d(**settings | ours | {"groups": 1}, seed=0)
    if isinstance(layer, Linear) and last and split:
        return LinearOverTowers(layer.in_features // 2, layer.out_features, team=team)
    if isinstance(layer, Linear) and not split and not last:
        return Linear(layer.in_features, layer.out_features // 2, seed=0)
    if isinstance(layer, LocalResponseNorm) and split and layer.groups == 2:
        return LocalResponseNorm(**settings | {"groups": 1})
    if isinstance(layer, BatchNorm1d | BatchNorm2d) and split:
        channels = "channels" if isinstance(layer, BatchNorm2d) else "features"
        return type(layer)(**settings | {channels: settings[channels] // 2})
    if isinstance(layer, Dropout):
        own = TowerDropout(layer.p, team=team)
        own.generator = layer.generator  # the very one: it is as far in both networks
        return own
    raise ArgumentError(f"layer {name} ({layer!r}) cannot be cut in two towers: expected convolutions and response "
                        "normalization in two groups or, in front of what sees both towers, in one")


def last_linear(net: Network) -> str:
    """Return the name of the layer that gives the scores."""
    return next((name for name, layer in reversed(net.layers.items()) if isinstance(layer, Linear)), "")


def each_array(
    value: Any, function: Callable[[Array, int | None], Array], last: str, path: tuple[str, ...] = ()
) -> Any:
    """Return nested dicts with `function(array, axis)` for each array.

    The axis is the one along which the towers have their halves: that of filters, units or channels, which is the last;
    in the layer called `last` that of its inputs, and None for its biases, which both have. A path leads there: of
    parameters (layer, name), of what optimizers keep more.
    """
    if isinstance(value, dict):
        return {key: each_array(inner, function, last, (*path, key)) for key, inner in value.items()}
    if not hasattr(value, "shape"):
        return value
    return function(value, -1 if last not in path else 0 if "w" in path else None)


def half(array: Array, axis: int | None, number: int) -> Array:
    """Return a copy of a tower's half of an array along an axis; of all of it for None."""
    return array.copy() if axis is None else array_module(array).split(array, 2, axis)[number].copy()


class Crossing(NamedTuple):
    """Numbers of one image that a tower sends to the other in front of a layer, and gradients that it sends back."""

    layer: str
    shape: Shape
    forward: int
    back: int


def crossings(net: Network) -> list[Crossing]:
    """Return what crosses between the two towers of a network, for one image and from one tower."""
    tower, found = cut(net, Team()), []
    shape = tuple(tower.input_shape or ())
    for name, layer in tower.layers.items():
        if isinstance(layer, BothTowers):
            found.append(Crossing(name.removeprefix("both_"), shape, math.prod(shape), math.prod(shape)))
        shape = tuple(layer.output_shape(shape))
        if isinstance(layer, LinearOverTowers):
            found.append(Crossing(name, shape, math.prod(shape), 0))
    return found


def crossing_table(net: Network, batch_size: int = 128) -> str:
    """Return a table of the bytes that cross in one step, beside what data parallel would send, in float32."""
    rows, total = [], 0.0
    for name, shape, forward, back in crossings(net):
        sent = [4 * batch_size * numbers / 1e6 for numbers in (forward, back)]
        total += sum(sent)
        rows.append([name, shape_text(shape), *(f"{each:.2f}" for each in (*sent, sum(sent)))])
    parameters = 4 * net.parameter_count / 1e6
    rows += [["sum", "", "", "", f"{total:.2f}"], ["data parallel", "all gradients", "", "", f"{parameters:.2f}"]]
    return text_table(["before", "one image", "MB forward", "MB back", "MB"], rows, rules=[len(rows) - 2])
