"""A network: layers in a line, by name; itself a layer, so that networks nest."""
import copy
import inspect
import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, cast

import numpy as np

from .. import layers
from ..errors import ArgumentError, ShapeError
from ..layers.as_drawn import redraw
from ..layers.base import Layer
from ..layers.parameter_shapes import check_parameters
from ..ops.arrays import Array, Shape, shape_text
from ..ops.checks import Seed, check_array, check_library, check_seed, check_shape
from ..ops.threads import one_blas_thread
from . import executor
from .check_returned import SavedByLayer, check_backward, check_forward, check_saved
from .json_settings import json_ready
from .params import check_layers, flat
from .summary import Summary
from .unseeded import numbers_of, take_unseeded


class Network(Layer):
    """y = the last layer of ... of the first layer of x.

    Parameters
    ----------
    layers : list of (str, Layer)
        In the order in which they run. Names have no "." and no "/", which join names of nested networks; a layer
        object stands in one place only, in nested networks too.
    name : str
    input_shape : tuple of int, or int, optional
        The shape of one image that the network was made for, (H, W, C) or (features,): for the summary and for
        messages. 784 is (784,).
    notes : sequence of str
        Which choices were made where accounts of the network differ; the summary prints them.
    recipe : dict, optional
        Settings of the training that belongs to the network (rates, decay, schedule), defaults of `fit`, which refuses
        keys that it does not know.
    hint : str
        What to do about images of a wrong size; ends the message about them.
    seed : int, list of int, or None
        Of the layers that were made without a seed: each is drawn from (seed, its index), so that no two begin with
        the same weights, or drop the same units. A layer with a seed, and one whose parameters somebody has replaced
        or edited, or whose dropout has dropped before, stays as it is. None: as 0, and a network around this one draws
        its layers anew, if it is still as it was made.

    Attributes
    ----------
    layers : dict of str to Layer
    preprocessing : tinynet.data.Preprocessing or None
        How images become input; set by `fit`, kept in checkpoints.
    class_names : list of str or None

    Raises
    ------
    ArgumentError
        For an empty list, a bad name, what is no layer, a name or a layer that stands in it twice, a layer with a
        random generator or running statistics that does not say `whole_batch = True`, and a seed or an `input_shape`
        that is none.
    """

    whole_batch = True  # within another network: it cuts the batch itself

    def __init__(
        self, layers: Sequence[tuple[str, Layer]], *, name: str = "network", input_shape: Shape | int | None = None,
        notes: Sequence[str] = (), recipe: dict | None = None, hint: str = "", seed: Seed | None = None,
    ) -> None:
        self.layers: dict[str, Layer] = check_layers(layers)
        self.name, self.notes, self.recipe, self.hint = name, list(notes), copy.deepcopy(recipe or {}), hint
        self.input_shape: Shape | None = None
        if input_shape is not None:
            self.input_shape = check_shape("Network", "input_shape", input_shape)
        self.preprocessing: Any = None
        self.class_names: list[str] | None = None
        seed = check_seed("Network", seed, optional=True)
        self.unseeded = take_unseeded(self.layers)
        self.draw_from(0 if seed is None else seed)
        self.as_drawn: Any = numbers_of(self) if self.unseeded and seed is None else None

    def draw_from(self, seed: Seed) -> None:
        for path, layer in self.unseeded:
            redraw(layer, [*as_list(seed), *path])

    @property
    def is_as_drawn(self) -> bool:
        return self.as_drawn is not None and self.as_drawn == numbers_of(self)

    def forward(self, x: Array, train: bool = False, save: bool = True) -> tuple[Array, Any]:
        """Run all layers.

        Parameters
        ----------
        x : array (N, H, W, C), or (N, features)
            Of the network's dtype.
        train : bool
            True: dropout drops, batch normalization uses the batch.
        save : bool
            False: keep nothing for backward and return None for it, which needs less memory.

        Returns
        -------
        y : array
        saved : dict of str to NamedTuple-like, or None
            What each layer kept, by the layer's name: `saved["norm1"].scale`.

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            When `x` does not fit the network, or a layer breaks the contract: the message names it.
        """
        self.check_input(x)
        saved = SavedByLayer()
        with one_blas_thread():
            for run in self.runs():
                name, layer = next(iter(run.items()))
                saved.input_shapes[name] = x.shape[1:]
                if layer.whole_batch:
                    options = {"save": save} if isinstance(layer, Network) else {}
                    result, shape = layer.forward(x, train, **options), layer.output_shape(x.shape[1:])
                    x, kept = check_forward(name, layer, result, x, tuple(shape))
                    saved[name] = kept if save else None
                else:
                    x, parts = executor.forward(run, x, train, save)
                    saved |= parts
        return x, saved if save else None

    def backward(
        self, dy: Array, saved: Any, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        """Run all layers backward.

        Parameters
        ----------
        dy : array
            The upstream gradient d loss / d y, of the output's shape and dtype.
        saved : dict
            What `forward` returned beside y.
        input_gradient : bool
            False: d loss / d x is not computed, which training does not need.

        Returns
        -------
        dx : array or None
            d loss / d x, of the shape of the input.
        grads : dict
            Nested like `params`: `grads["conv1"]["w"]` is the gradient of `params["conv1"]["w"]`.

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            When `dy` or `saved` does not fit, or a layer breaks the contract: the message names it.
        """
        check_saved(self, saved)
        input_shapes: dict[str, Shape] = getattr(saved, "input_shapes", {})  # none in a dict of the caller's own
        grads: dict[str, Any] = {}
        dx: Array | None = dy
        runs = list(self.runs())
        first = next((i for i, run in enumerate(runs) if any(layer.params for layer in run.values())), len(runs))
        last = 0 if input_gradient else first  # where the pass ends: below the first parameters no gradient is needed
        with one_blas_thread():
            for i in reversed(range(last, len(runs))):
                name, layer = next(iter(runs[i].items()))
                needed = input_gradient or i > first
                if layer.whole_batch:
                    result, shape = layer.backward(dx, saved[name], needed), input_shapes.get(name)
                    dx, grads[name] = check_backward(name, layer, result, dx, shape, needed)
                else:
                    dx, parts = executor.backward(runs[i], dx, [saved[name] for name in runs[i]], needed)
                    grads |= parts
        return (dx if input_gradient else None), {name: grads[name] for name in self.params}

    def runs(self) -> Iterator[dict[str, Layer]]:
        """Yield the layers that a block of images goes through at once, by name; one that needs the batch is alone."""
        for whole_batch, group in groupby(self.layers.items(), lambda item: item[1].whole_batch):
            run = dict(group)
            yield from ({name: layer} for name, layer in run.items()) if whole_batch else (run,)

    @property
    def params(self) -> dict[str, Any]:  # type: ignore[override]
        """The parameters by layer, `params["conv1"]["w"]`; each inner dict is the layer's own."""
        return {name: layer.params for name, layer in self.layers.items() if layer.params}

    @property
    def buffers(self) -> dict[str, Any]:  # type: ignore[override]
        """Running statistics by layer."""
        return {name: layer.buffers for name, layer in self.layers.items() if layer.buffers}

    @property
    def parameter_count(self) -> int:
        """How many numbers training adjusts."""
        return sum(array.size for array in flat(self.params).values())

    @property
    def dtype(self) -> np.dtype | None:
        """The dtype of the first layer that has parameters."""
        return next((layer.dtype for layer in self.layers.values() if layer.dtype is not None), None)

    def __getitem__(self, name: str) -> Layer:
        if name not in self.layers:
            raise ArgumentError(f"layer {name!r} does not exist; {self.name} has {', '.join(self.layers)}")
        return self.layers[name]

    def __contains__(self, name: object) -> bool:
        return name in self.layers

    def __iter__(self) -> Iterator[str]:
        """The layers' names, as of a dict."""
        return iter(self.layers)

    def __repr__(self) -> str:
        rows = "".join(f"    ({name!r}, {layer!r}),\n" for name, layer in self.layers.items())
        return f"Network([\n{rows}], name={self.name!r})"

    def convert_arrays(self, convert: Any) -> None:
        as_drawn = self.is_as_drawn
        for layer in self.layers.values():
            layer.convert_arrays(convert)
        self.as_drawn = numbers_of(self) if as_drawn else None

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return each layer's output shape for one image of `shape`; ShapeError says which layer it does not fit."""
        out: dict[str, Shape] = {}
        shape = current = check_shape(self.name, "the shape", shape)
        for name, layer in self.layers.items():
            try:
                out[name] = tuple(layer.output_shape(current))
            except ShapeError as error:
                # Behind a flatten, and a dropout perhaps, say which images the numbers were.
                before = (s for s in reversed([shape, *out.values()]) if math.prod(s) == math.prod(current))
                images = next((f" ({shape_text(s)})" for s in before if len(s) > len(current)), "")
                raise ShapeError(f"{self.name}, layer {name}: {error}{images}{self.cause(shape, out)}") from None
            current = out[name]
        return out

    def cause(self, shape: Shape, found: dict[str, Shape]) -> str:
        """Say where an image of a wrong size first went another way than the size that the network was made for."""
        if self.input_shape is None or tuple(shape) == self.input_shape:
            return ""
        text = f". The images are {shape_text(shape)}, {self.name} is made for {shape_text(self.input_shape)}"
        for name, expected in self.shapes(self.input_shape).items():
            if found.get(name, expected) != expected:
                text += (f": {name} ({self.layers[name]!r}) gives {shape_text(found[name])} instead of "
                         f"{shape_text(expected)}")
                break
        sizes_differ = tuple(shape[:-1]) != self.input_shape[:-1]  # the hint is about sizes, not about channels
        return f"{text}. {self.hint}" if self.hint and sizes_differ else text

    def output_shape(self, shape: Shape) -> Shape:
        return list(self.shapes(shape).values())[-1]

    def multiply_adds(self, shape: Shape) -> int:
        try:
            inputs = [tuple(shape), *self.shapes(shape).values()]
        except ShapeError:
            if type(self).forward is Network.forward:
                raise
            return 0  # layers not in a line, as two branches: a class with such a forward says itself what it costs
        return sum(layer.multiply_adds(x) for layer, x in zip(self.layers.values(), inputs, strict=False))

    def check_input(self, x: Array) -> None:
        for name, layer in self.layers.items():
            check_parameters(f"{self.name}, layer {name} ({type(layer).__name__})", layer)
        check_array(self.name, x, self.dtype, "the batch of images")
        check_library(self.name, x, next(iter(flat(self.params).values()), x))
        self.check_images(self.name, x)

    def summary(self, input_shape: Shape | int | None = None) -> Summary:
        """Return a table of all layers (output, parameters, multiply-adds, memory) for one image of `input_shape`."""
        return Summary(self, input_shape)

    @property
    def settings(self) -> dict[str, Any]:
        """All that `from_settings` needs to build the same network (with other numbers in it), fit for JSON."""
        return {
            "name": self.name, "input_shape": self.input_shape, "notes": list(self.notes),
            "recipe": copy.deepcopy(self.recipe), "hint": self.hint,
            "layers": [[name, kind_of(layer), json_ready(layer.settings)] for name, layer in self.layers.items()],
        }

    @classmethod
    def from_settings(cls, settings: dict[str, Any], seed: Seed = 0) -> "Network":
        """Build a network from what `settings` gave, with new initial parameters, each layer's from (seed, its index).
        """
        made: list[tuple[str, Layer]] = []
        for index, (name, kind, own) in enumerate(settings["layers"]):
            path = [*as_list(seed), index]
            if kind == "Network":
                made.append((name, cls.from_settings(own, path)))
            elif kind in layers.__all__:
                layer = getattr(layers, kind)
                random = {"seed": path} if "seed" in inspect.signature(layer).parameters else {}
                made.append((name, layer(**own, **random)))
            else:
                raise ArgumentError(
                    f"layer {name!r} is a {kind}, which tinynet does not have, so only its own code can build it: "
                    "build the network yourself, and fill it with tinynet.training.checkpoint.restore_network"
                )
        others = {key: value for key, value in settings.items() if key not in ("layers", "recipe")}
        return cls(made, recipe=with_new_names(settings.get("recipe") or {}), seed=seed, **others)


def layers_in_line(net: Layer, before: str = "", *, backward: bool = False) -> Iterator[tuple[str, Layer]]:
    """Yield the layers in the order in which they run, those of nested networks too, with names like "block.conv1".

    A network whose class has a forward of its own counts as one layer: what runs in it, and when, is known to it alone.
    So does, for who is going `backward` too, one with a backward of its own. A layer that is in no network has the name
    "".
    """
    in_line = isinstance(net, Network) and type(net).forward is Network.forward
    if not in_line or (backward and type(net).backward is not Network.backward):
        yield before, net
        return
    for name, layer in cast(Network, net).layers.items():
        yield from layers_in_line(layer, f"{before}.{name}" if before else name, backward=backward)


def as_list(seed: Seed) -> list[int]:
    """Return the numbers of a seed."""
    return list(seed) if isinstance(seed, list | tuple) else [seed]


def with_new_names(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe with today's names; version 0.1 had "start" for "initialization"."""
    return {"initialization" if key == "start" else key: value for key, value in recipe.items()}


def kind_of(layer: Layer) -> str:
    """Return the class's name for one of tinynet's own, else "module.class", which tells that tinynet lacks it."""
    kind = type(layer)
    ours = kind is Network or getattr(layers, kind.__name__, None) is kind
    return kind.__name__ if ours else f"{kind.__module__}.{kind.__qualname__}"
