"""Exercise 10: momentum.

    v <- momentum * v - weight_decay * learning_rate * w - learning_rate * g
    w <- w + v

The update of Krizhevsky et al. 2012, section 5; g is d loss / d w, and v, the velocity, is zero at first.

The first step is right, all later ones are wrong: mend `step`. `tinynet exercise 10 --check` says how far you are.
"""
import numpy as np


class SGD:
    """The update above, for a layer's parameters.

    Parameters
    ----------
    net : Layer
        Its parameters are in the dict `net.params`; the arrays are changed in place.
    learning_rate, momentum, weight_decay : float
    """

    def __init__(self, net, learning_rate=0.01, momentum=0.9, weight_decay=5e-4):
        self.net = net
        self.learning_rate, self.momentum, self.weight_decay = learning_rate, momentum, weight_decay
        self.velocity = {name: np.zeros_like(w) for name, w in net.params.items()}

    def step(self, grads):
        """Take one step; `grads` has a gradient for each name in `net.params`."""
        for name, w in self.net.params.items():
            v, g = self.velocity[name], grads[name]
            v *= -self.momentum
            v -= self.weight_decay * self.learning_rate * w
            v -= self.learning_rate * g
            w += v
