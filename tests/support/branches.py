"""A network whose layers are not in a line: two branches see the same input."""
import numpy as np

import tinynet as tn


class Branches(tn.Network):
    """y = [left(x), right(x)], for rows."""

    def __init__(self, features=4):
        super().__init__([("left", tn.Linear(features, 3)), ("right", tn.Linear(features, 2))], name="branches")

    def forward(self, x, train=False, save=True):
        both = {name: layer.forward(x, train) for name, layer in self.layers.items()}
        y = np.concatenate([y for y, _ in both.values()], axis=1)
        return y, {name: saved for name, (_, saved) in both.items()} if save else None

    def backward(self, dy, saved, input_gradient=True):
        (left, of_left), (right, of_right) = (
            layer.backward(np.ascontiguousarray(part), saved[name], input_gradient)
            for (name, layer), part in zip(self.layers.items(), (dy[:, :3], dy[:, 3:]), strict=True)
        )
        return left + right if input_gradient else None, {"left": of_left, "right": of_right}

    def output_shape(self, shape):
        return (5,)
