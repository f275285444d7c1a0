"""Networks of one's own: two branches that see the same input; a line of layers with another way back."""
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


class Reversed(tn.Network):
    """Turns the gradient round on its way back, as domain adaptation does."""

    def backward(self, dy, saved, input_gradient=True):
        dx, grads = super().backward(dy, saved, input_gradient)
        return None if dx is None else -dx, grads
