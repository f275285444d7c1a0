"""The optimizer: stochastic gradient descent with momentum and weight decay, in the paper's form."""
from typing import Any

from ..errors import ArgumentError, DtypeError, NotFiniteError, ShapeError
from ..layers.base import Layer
from ..network.params import flat, is_bias
from ..ops import sgd_update
from ..ops.arrays import Array, array_module, to_cpu
from ..ops.checks import check_between
from .not_finite import first_not_finite_gradient

HYPERPARAMETERS = ("learning_rate", "momentum", "weight_decay", "bias_rate", "decay_biases")  # of SGD


class SGD:
    """v <- momentum v - weight_decay lr w - lr g;  w <- w + v  (Krizhevsky et al. 2012, section 5).

    Parameters
    ----------
    net : Network or Layer
        Its parameters are looked up by name at each step, so that the arrays may be replaced between steps.
    learning_rate : float
        Also an attribute, which may be changed between two steps.
    momentum : float, from 0 to 1
    weight_decay : float or dict of str to float
        One number for all layers, or one for each layer by name ("block.conv1" for a layer in a nested
        network; "block" holds for all that is in it). Layers that a dict does not name have none.
    bias_rate : float
        The learning rate of biases, parameters called "b" or "..._b", is `bias_rate` times that of the others; their
        decay, which has the learning rate as a factor, goes with it.
    decay_biases : bool
        False: no decay for biases.

    Attributes
    ----------
    velocity : dict
        v, nested like `net.params`; an array in it is made (zeros) when first needed, and made anew when
        its parameter has got another shape or dtype.

    Raises
    ------
    ArgumentError
        For a negative rate, or a name in `weight_decay` that no layer with parameters has.

    Notes
    -----
    PyTorch keeps the learning rate out of the velocity: u <- momentum u + weight_decay w + g;  w <- w - lr u.
    While the rate is constant v = -lr u, and both walk the same path. They part when it changes: here the old
    velocity keeps its size and dies away within some 1 / (1 - momentum) steps; there a rate divided by 10
    divides the pace by 10 at once.
    """

    def __init__(
        self, net: Layer, learning_rate: float = 0.01, momentum: float = 0.9,
        weight_decay: float | dict[str, float] = 5e-4, bias_rate: float = 1.0, decay_biases: bool = True,
    ) -> None:
        self.net = net
        self.learning_rate = check_between("SGD", "learning_rate", learning_rate, 0, float("inf"))
        self.momentum = check_between("SGD", "momentum", momentum, 0, 1)
        self.weight_decay = check_decay(weight_decay, net)
        self.bias_rate = check_between("SGD", "bias_rate", bias_rate, 0, float("inf"))
        self.decay_biases = bool(decay_biases)
        self.velocity: dict[str, Any] = {}

    def step(self, grads: dict[str, Any]) -> None:
        """Take one step: change the parameters and the velocities in place.

        Parameters
        ----------
        grads : dict
            d loss / d parameter, nested like `net.params`, as `net.backward` returns it.

        Raises
        ------
        ArgumentError, ShapeError, DtypeError
            When a gradient is missing or has another shape or dtype than its parameter.
        NotFiniteError
            When a gradient is infinite or nan. In all these cases nothing has been changed.
        """
        if not isinstance(grads, dict):
            raise ArgumentError(f"SGD.step: grads is a {type(grads).__name__}, expected the dict that backward returns")
        params, gradients = flat(self.net.params), flat(grads)
        check_fit(params, gradients)
        ruined = first_not_finite_gradient(grads)
        if ruined is not None:
            raise NotFiniteError(f"SGD.step: the gradient of {ruined} is not finite; no parameter was changed")
        for path, w in params.items():
            *layer, name = path
            rate = float(self.learning_rate)  # a NumPy number would make the float32 arrays' results float64
            decay = self.decay_of(".".join(layer))
            if is_bias(name):
                rate *= self.bias_rate
                decay = decay if self.decay_biases else 0.0
            sgd_update(w, self.velocity_of(path, w), gradients[path], rate, self.momentum, decay)

    def prepare(self) -> None:
        """Take the memory that the first step would take: a velocity for each parameter."""
        for path, w in flat(self.net.params).items():
            self.velocity_of(path, w)

    def velocity_of(self, path: tuple[str, ...], w: Array) -> Array:
        """Return the velocity of the parameter `w`, which stands at `path` in `net.params`."""
        inner = self.velocity
        *layer, name = path
        for step in layer:
            inner = inner.setdefault(step, {})
        v = inner.get(name)
        if v is None or v.shape != w.shape or v.dtype != w.dtype:
            inner[name] = array_module(w).zeros(w.shape, w.dtype)
        return inner[name]

    def decay_of(self, layer: str) -> float:
        """Return the weight decay of a layer, named itself or by the nearest network around it."""
        if not isinstance(self.weight_decay, dict):
            return self.weight_decay
        while layer and layer not in self.weight_decay:
            layer = layer.rpartition(".")[0]
        return self.weight_decay.get(layer, 0.0)

    @property
    def settings(self) -> dict[str, Any]:
        """Its hyperparameters, fit for JSON."""
        return {"kind": type(self).__name__} | {name: getattr(self, name) for name in HYPERPARAMETERS}

    def state(self) -> dict[str, Any]:
        """Return all that a checkpoint needs; the velocities are the optimizer's own arrays, not copies."""
        return self.settings | {"velocity": self.velocity}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned, on any device; ArgumentError where it does not fit SGD or the network."""
        params, velocity = flat(self.net.params), flat(state["velocity"])
        for path, v in velocity.items():
            if path not in params or params[path].shape != v.shape:
                raise ArgumentError(f"SGD: the velocity of {'.'.join(path)} does not fit any parameter of the network")
        SGD(self.net, **{name: state[name] for name in HYPERPARAMETERS})  # which checks them
        for name in self.settings.keys() - {"kind"}:
            setattr(self, name, state[name])
        self.velocity = {}
        for path, v in velocity.items():
            own = self.velocity_of(path, params[path])
            own[...] = array_module(own).asarray(to_cpu(v))


def check_decay(weight_decay: float | dict[str, float], net: Layer) -> float | dict[str, float]:
    """Return the weight decay if it is a number from 0 up, or a dict of such numbers by layers with parameters."""
    if not isinstance(weight_decay, dict):
        return check_between("SGD", "weight_decay", weight_decay, 0, float("inf"))
    paths = [path[:-1] for path in flat(net.params)]
    known = {".".join(path[:end]): None for path in paths for end in range(1, len(path) + 1)}
    for name in weight_decay:
        if name not in known:
            raise ArgumentError(f"SGD: weight_decay names {name!r}, the network's layers with parameters are "
                                f"{', '.join(known)}")
    return {
        name: check_between("SGD", f"weight_decay[{name!r}]", value, 0, float("inf"))
        for name, value in weight_decay.items()
    }


def check_fit(params: dict[tuple[str, ...], Array], gradients: dict[tuple[str, ...], Array]) -> None:
    """Raise unless each parameter has a gradient of its own shape and dtype."""
    for path, w in params.items():
        name, g = ".".join(path), gradients.get(path)
        if g is None:
            raise ArgumentError(f"SGD.step: grads has no gradient for {name}")
        if not hasattr(g, "shape"):
            raise DtypeError(f"SGD.step: the gradient of {name} is a {type(g).__name__}, expected an array")
        if g.shape != w.shape:
            raise ShapeError(f"SGD.step: the gradient of {name} has shape {g.shape}, the parameter {w.shape}")
        if g.dtype != w.dtype:
            raise DtypeError(f"SGD.step: the gradient of {name} is {g.dtype}, the parameter {w.dtype}")
