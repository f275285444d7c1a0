"""Step 4 of 17: stochastic gradient descent with momentum and weight decay.

    v <- momentum * v - weight_decay * learning_rate * w - learning_rate * g
    w <- w + v

The update that AlexNet was trained with (Krizhevsky et al. 2012, section 5). It is made for each parameter w (an array:
weights or biases) with its gradient g, of the same shape. v, the velocity, has that shape too, is zero before the first
step, and is kept from step to step, in self.velocity.

- Change the arrays in place, `w += v` or `w[...] = w + v`: the network holds the same arrays. `w = w + v` makes a new
  array and leaves the network's as it was.
- Leave the gradients as they are: others may read them.
- The learning rate is a number in self.learning_rate, and may be changed from outside between two steps.

To write: `step`.   Uses no earlier step.   Then: tinynet course check 4
"""
import numpy as np


class SGD:
    """The update above, for all parameters of a layer or of a network.

    net : object with a dict `params` of arrays by name, such as a Linear of step 2: {"w": ..., "b": ...}
    """

    def __init__(self, net, learning_rate=0.01, momentum=0.9, weight_decay=5e-4):
        self.net = net
        self.learning_rate, self.momentum, self.weight_decay = learning_rate, momentum, weight_decay
        self.velocity = {name: np.zeros_like(w) for name, w in net.params.items()}

    def step(self, grads):
        """Change every array in self.net.params by its gradient; `grads` has one for each name."""
        # solution
        for name, w in self.net.params.items():
            v = self.velocity[name]
            v[...] = self.momentum * v - self.learning_rate * (self.weight_decay * w + grads[name])
            w += v
