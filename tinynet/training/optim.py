"""The optimizers: stochastic gradient descent with momentum and weight decay, in the paper's form, and Adam."""
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..layers.base import Layer
from ..network.params import flat, is_bias
from ..ops import adam_update, sgd_update
from ..ops.arrays import Array, array_module, to_cpu
from ..ops.checks import check_between, check_count
from .optimizer import Optimizer, around


class SGD(Optimizer):
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
        For a number out of its range, a name in `weight_decay` that no layer with parameters has, and what is no
        network.

    Notes
    -----
    PyTorch keeps the learning rate out of the velocity: u <- momentum u + weight_decay w + g;  w <- w - lr u.
    While the rate is constant v = -lr u, and both walk the same path. They part when it changes: here the old
    velocity keeps its size and dies away within some 1 / (1 - momentum) steps; there a rate divided by 10
    divides the pace by 10 at once.
    """

    hyperparameters = ("learning_rate", "momentum", "weight_decay", "bias_rate", "decay_biases")
    kept_arrays = 1

    def __init__(
        self, net: Layer, learning_rate: float = 0.01, momentum: float = 0.9,
        weight_decay: float | dict[str, float] = 5e-4, bias_rate: float = 1.0, decay_biases: bool = True,
    ) -> None:
        super().__init__(net, learning_rate, weight_decay, decay_biases)
        self.momentum = check_between("SGD", "momentum", momentum, 0, 1)
        self.bias_rate = check_between("SGD", "bias_rate", bias_rate, 0, float("inf"))
        self.velocity: dict[str, Any] = {}

    def update(self, params: dict[tuple[str, ...], Array], gradients: dict[tuple[str, ...], Array]) -> None:
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
        inner, name = around(self.velocity, path), path[-1]
        v = inner.get(name)
        if v is None or v.shape != w.shape or v.dtype != w.dtype:
            inner[name] = array_module(w).zeros(w.shape, w.dtype)
        return inner[name]

    def state(self) -> dict[str, Any]:
        """Return all that a checkpoint needs; the velocities are the optimizer's own arrays, not copies."""
        return self.settings | {"velocity": self.velocity}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned, on any device; ArgumentError where it does not fit SGD or the network."""
        self.check_state(state, "velocity")
        params, velocity = flat(self.net.params), flat(state["velocity"])
        for path, v in velocity.items():
            if path not in params or params[path].shape != v.shape:
                raise ArgumentError(f"SGD: the velocity of {'.'.join(path)} does not fit any parameter of the network")
        SGD(self.net, **{name: state[name] for name in SGD.hyperparameters})  # which checks them
        self.load_settings(state)
        self.velocity = {}
        for path, v in velocity.items():
            own = self.velocity_of(path, params[path])
            own[...] = array_module(own).asarray(to_cpu(v))


class Adam(Optimizer):
    """m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;
    w <- w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) - weight_decay lr w
    (Kingma and Ba 2015, algorithm 1; the decay as in Loshchilov and Hutter 2019, algorithm 2).

    m and v are running means of the gradient and of its square. They begin at zero and are too small at first, by
    factors of 1 - beta^t after t steps, which the divisions take out. Whatever the gradient's size, m over the root of
    v is about 1 where its sign stays and less where it changes, so that a parameter moves by about the learning rate at
    most (Kingma and Ba, section 2.1).

    Parameters
    ----------
    net : Network or Layer
        Its parameters are looked up by name at each step, so that the arrays may be replaced between steps.
    learning_rate : float
        Also an attribute, which may be changed between two steps. A rate that suits SGD is none for Adam: the step of
        SGD has the gradient's size as a factor.
    beta1, beta2 : float, from 0 to below 1
        The parts of the old means that are kept.
    epsilon : float, above 0
        Where gradients are this small, steps are smaller.
    weight_decay : float or dict of str to float
        One number for all layers, or one for each layer by name, as for `SGD`. It is decoupled: it acts on w directly.
        Added to the gradient, as L2 regularization, it would be divided by the root of v like the rest of it, and
        weights with large gradients would hardly decay.
    decay_biases : bool
        False: no decay for parameters called "b" or "..._b".

    Attributes
    ----------
    moments : dict
        Nested like `net.params`, with {"m": array, "v": array, "t": int} for each parameter, t the number of its steps.
        Made when first needed, and anew when the parameter has got another shape or dtype. For float16 the arrays are
        float32: in float16 the square of a gradient of 0.0001 is 0.

    Raises
    ------
    ArgumentError
        For a number out of its range, a name in `weight_decay` that no layer with parameters has, and what is no
        network.

    Notes
    -----
    There is no `bias_rate`: SGD has it because gradients of biases and of weights differ in size, which Adam's steps
    do not depend on. The decay has the learning rate as a factor, as in SGD and in PyTorch's AdamW, and falls with it;
    Loshchilov and Hutter's is ours times the initial learning rate.
    """

    hyperparameters = ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "decay_biases")
    kept_arrays = 2

    def __init__(
        self, net: Layer, learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999,
        epsilon: float = 1e-8, weight_decay: float | dict[str, float] = 0.0, decay_biases: bool = True,
    ) -> None:
        super().__init__(net, learning_rate, weight_decay, decay_biases)
        self.beta1 = check_between("Adam", "beta1", beta1, 0, 0.999999)  # at 1 no gradient would ever get in
        self.beta2 = check_between("Adam", "beta2", beta2, 0, 0.999999)
        self.epsilon = check_between("Adam", "epsilon", epsilon, 1e-30, float("inf"))  # float32 has 1e-30, not 1e-50
        self.moments: dict[str, Any] = {}

    def update(self, params: dict[tuple[str, ...], Array], gradients: dict[tuple[str, ...], Array]) -> None:
        for path, w in params.items():
            *layer, name = path
            decay = 0.0 if is_bias(name) and not self.decay_biases else self.decay_of(".".join(layer))
            own = self.moments_of(path, w)
            own["t"] += 1
            adam_update(w, own["m"], own["v"], gradients[path], float(self.learning_rate), (self.beta1, self.beta2),
                        self.epsilon, decay, own["t"])

    def prepare(self) -> None:
        """Take the memory that the first step would take: two moments for each parameter."""
        for path, w in flat(self.net.params).items():
            self.moments_of(path, w)

    def moments_of(self, path: tuple[str, ...], w: Array) -> dict[str, Any]:
        """Return m, v and t of the parameter `w`, which stands at `path` in `net.params`."""
        inner, name, dtype = around(self.moments, path), path[-1], np.promote_types(w.dtype, "float32")
        own = inner.get(name)
        if own is None or own["m"].shape != w.shape or own["m"].dtype != dtype:
            xp = array_module(w)
            inner[name] = {"m": xp.zeros(w.shape, dtype), "v": xp.zeros(w.shape, dtype), "t": 0}
        return inner[name]

    def state(self) -> dict[str, Any]:
        """Return all that a checkpoint needs; the moments are the optimizer's own arrays, not copies."""
        return self.settings | {"moments": self.moments}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned, on any device; ArgumentError where it does not fit Adam or the network."""
        self.check_state(state, "moments")
        params, saved = flat(self.net.params), flat(state["moments"])
        paths = dict.fromkeys(path[:-1] for path in saved)
        for path in paths:
            if path not in params or any(params[path].shape != saved[*path, key].shape for key in "mv"):
                raise ArgumentError(f"Adam: the moments of {'.'.join(path)} do not fit any parameter of the network")
            check_count("Adam", f"t of {'.'.join(path)}", saved[*path, "t"], least=0)
        Adam(self.net, **{name: state[name] for name in Adam.hyperparameters})  # which checks them
        self.load_settings(state)
        self.moments = {}
        for path in paths:
            own = self.moments_of(path, params[path])
            own["t"] = int(saved[*path, "t"])
            for key in "mv":
                own[key][...] = array_module(own[key]).asarray(to_cpu(saved[*path, key]))


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam}  # as recipes and --optimizer name them
