"""A network of two layers and drawn gradients for it: what the tests of optimizers step with."""
from typing import Any

import tinynet as tn


def small_net() -> Any:
    return tn.Network([("fc1", tn.Linear(5, 4, seed=1)), ("relu1", tn.ReLU()), ("fc2", tn.Linear(4, 3, seed=2))])


def random_grads(params, generator):
    """Draw a gradient for each array of a network's parameters, at any depth."""
    return {
        name: random_grads(value, generator) if isinstance(value, dict)
        else generator.standard_normal(value.shape).astype(value.dtype)
        for name, value in params.items()
    }
