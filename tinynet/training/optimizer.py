"""What the optimizers have in common: gradients that are checked first, weight decay by layer, settings."""
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, NotFiniteError, ShapeError
from ..layers.base import Layer
from ..network.params import flat, kind_text
from ..ops.arrays import Array
from ..ops.checks import check_between
from ..ops.processes import add_gradients
from ..ops.threads import one_blas_thread
from .not_finite import first_not_finite_gradient


class Optimizer:
    """Changes a network's parameters by their gradients; a derived class has the formula and what it keeps.

    Attributes
    ----------
    net : Network or Layer
    learning_rate : float
    weight_decay : float or dict of str to float
    decay_biases : bool
    hyperparameters : tuple of str
        Of the class: its arguments beside the network, kept as attributes of the same names.
    kept_arrays : int
        Of the class: how many arrays of a parameter's size it keeps for each parameter.
    """

    hyperparameters: tuple[str, ...] = ()
    kept_arrays = 0

    def __init__(
        self, net: Layer, learning_rate: float, weight_decay: float | dict[str, float], decay_biases: bool
    ) -> None:
        if not isinstance(net, Layer):
            raise ArgumentError(f"{self.name}: net is {kind_text(net)}, expected the network itself (or a layer), not "
                                f"its parameters: {self.name}(net)")
        self.net = net
        self.learning_rate = check_between(self.name, "learning_rate", learning_rate, 0, float("inf"))
        self.weight_decay = check_decay(self.name, weight_decay, net)
        self.decay_biases = bool(decay_biases)

    def step(self, grads: dict[str, Any]) -> None:
        """Take one step: change the parameters in place, and what is kept for them.

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
        who = f"{self.name}.step"
        if not isinstance(grads, dict):
            raise ArgumentError(f"{who}: grads is a {type(grads).__name__}, expected the dict that backward returns")
        params, gradients = flat(self.net.params), flat(grads)
        check_fit(who, params, gradients)
        grads = add_gradients(grads)  # of several processes' images
        ruined = first_not_finite_gradient(grads)
        if ruined is not None:
            raise NotFiniteError(f"{who}: the gradient of {ruined} is not finite; no parameter was changed")
        with one_blas_thread():  # once, not for each parameter
            self.update(params, flat(grads))

    def update(self, params: dict[tuple[str, ...], Array], gradients: dict[tuple[str, ...], Array]) -> None:
        """Change each parameter by its gradient, which has its shape and dtype; both by path, ("block", "fc1", "w")."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Take the memory that the first step would take."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return all that a checkpoint needs, `settings` among it; arrays are its own, not copies."""
        raise NotImplementedError

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned, on any device; ArgumentError where it does not fit the network."""
        raise NotImplementedError

    def check_state(self, state: dict[str, Any], key: str) -> None:
        """Raise ArgumentError unless a state has all that this kind of optimizer's `state` returns."""
        missing = [name for name in (*self.hyperparameters, key) if name not in state]
        if missing:
            raise ArgumentError(f"{self.name}.load_state: the state has no {', '.join(missing)}, expected what "
                                f"{self.name}.state() returned")

    @property
    def name(self) -> str:
        """Its class, as messages and settings name it."""
        return type(self).__name__

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
        return {"kind": self.name} | {name: getattr(self, name) for name in self.hyperparameters}

    def load_settings(self, state: dict[str, Any]) -> None:
        """Take over what `settings` returned; those of a derived class too."""
        for name in self.settings.keys() - {"kind"}:
            setattr(self, name, state[name])


def around(nested: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return the inner dict that the last name of `path` is in; made where it is missing."""
    for name in path[:-1]:
        nested = nested.setdefault(name, {})
    return nested


def check_decay(who: str, weight_decay: float | dict[str, float], net: Layer) -> float | dict[str, float]:
    """Return the weight decay if it is a number from 0 up, or a dict of such numbers by layers with parameters."""
    if not isinstance(weight_decay, dict):
        return check_between(who, "weight_decay", weight_decay, 0, float("inf"))
    paths = [path[:-1] for path in flat(net.params)]
    known = {".".join(path[:end]): None for path in paths for end in range(1, len(path) + 1)}
    for name in weight_decay:
        if name not in known:
            raise ArgumentError(f"{who}: weight_decay names {name!r}, the network's layers with parameters are "
                                f"{', '.join(known)}")
    return {
        name: check_between(who, f"weight_decay[{name!r}]", value, 0, float("inf"))
        for name, value in weight_decay.items()
    }


def check_fit(who: str, params: dict[tuple[str, ...], Array], gradients: dict[tuple[str, ...], Array]) -> None:
    """Raise unless each parameter has a gradient of its own shape and dtype."""
    for path, w in params.items():
        name, g = ".".join(path), gradients.get(path)
        if isinstance(w, np.generic):
            raise DtypeError(f"{who}: the parameter {name} is a single {type(w).__name__}, which a step cannot "
                             "change in place: make it an array, np.asarray(...)")
        if g is None:
            raise ArgumentError(f"{who}: grads has no gradient for {name}")
        if not hasattr(g, "shape"):
            raise DtypeError(f"{who}: the gradient of {name} is a {type(g).__name__}, expected an array")
        if g.shape != w.shape:
            raise ShapeError(f"{who}: the gradient of {name} has shape {g.shape}, the parameter {w.shape}")
        if g.dtype != w.dtype:
            raise DtypeError(f"{who}: the gradient of {name} is {g.dtype}, the parameter {w.dtype}")
