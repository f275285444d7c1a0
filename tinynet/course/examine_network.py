"""The check of a network of layers in a line."""
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..exercises.compare import difference
from ..gradcheck import check_gradients
from .common import pair
from .examine_layers import report_points
from .stand_ins import Affine, Bend, InTraining
from .step import Point


class AsLayer:
    """A student's network with what `check_gradients` asks of a float64 layer."""

    float64_only = True

    def __init__(self, net: Any) -> None:
        self.net = net
        self.buffers: dict[str, np.ndarray] = {}

    def astype(self, dtype: Any) -> "AsLayer":
        return AsLayer(copy.deepcopy(self.net))

    @property
    def params(self) -> dict[str, np.ndarray]:
        return self.net.params

    def forward(self, x: np.ndarray, train: bool = False) -> Any:
        return self.net.forward(x, train=train)

    def backward(self, dy: np.ndarray, saved: Any) -> Any:
        return self.net.backward(dy, saved)


def examine_network(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    size, n = int(generator.integers(3, 5)), int(generator.integers(2, 5))
    layers: list[tuple[str, Any]] = [
        ("fc1", Affine(generator, size, size)), ("tanh1", Bend()), ("twice", InTraining()),
        ("fc2", Affine(generator, size, size)), ("tanh2", Bend()),
    ]
    net = student(list(layers))
    own = {f"{name}.{key}": array for name, layer in layers for key, array in getattr(layer, "params", {}).items()}
    params = net.params
    if not isinstance(params, dict) or list(params) != list(own):
        found = list(params) if isinstance(params, dict) else f"a {type(params).__name__}"
        yield Point("contract", "params", f"net.params has {found}, expected {list(own)}")
        return
    copies = [name for name in own if params[name] is not own[name]]
    yield Point("contract", "params", f"{copies[0]} in net.params is not the layer's own array, expected the array "
                "itself and no copy" if copies else "")
    if copies:
        return
    kept: Any = getattr(net, "layers", None)
    line = isinstance(kept, list | tuple) and [tuple(each) for each in kept if isinstance(each, list | tuple)] == layers
    yield Point("contract", "layers", "" if line else f"net.layers is a {type(kept).__name__}, expected the list of "
                "(name, layer) that the network was made of, as __init__ had it: step 16 and the training read it")
    x, dy = generator.standard_normal((n, size)), generator.standard_normal((n, size))
    for train in (True, False):
        what = "training" if train else "evaluation"
        y, saved_layers = x, []
        for _, layer in layers:
            y, saved = layer.forward(y, train)
            saved_layers.append(saved)
        found, saved = pair(net.forward(x.copy(), train=train), "y and saved")
        yield Point("numbers", f"y, {what}", difference("y", found, y))
        dx, grads = dy, dict[str, np.ndarray]()
        for (name, layer), of_layer in zip(layers[::-1], saved_layers[::-1], strict=True):
            dx, of_params = layer.backward(dx, of_layer)
            grads |= {f"{name}.{key}": array for key, array in of_params.items()}
        found_dx, found_grads = pair(net.backward(dy.copy(), saved), "dx and grads")
        yield Point("gradients", f"dx, {what}", difference("dx", found_dx, dx))
        if not isinstance(found_grads, dict) or set(found_grads) != set(own):
            names = sorted(found_grads) if isinstance(found_grads, dict) else f"a {type(found_grads).__name__}"
            yield Point("gradients", f"grads, {what}", f"backward returned gradients of {names}, expected "
                        f"{sorted(own)}")
            return
        for name, array in own.items():
            yield Point("gradients", f"gradient of {name}, {what}",
                        difference(f"the gradient of {name}", found_grads[name], grads[name]))
            if array is not net.params[name]:
                yield Point("contract", "params", f"{name} was replaced by another array")
    yield from report_points("Network", check_gradients(AsLayer(net), x, seed=int(generator.integers(1000))))
    bend = layers[1][1]
    same = [("a", Affine(generator, size, size)), ("b", bend), ("c", Affine(generator, size, size)), ("d", bend)]
    yield from report_points("one object at two places", check_gradients(AsLayer(student(same)), x))
