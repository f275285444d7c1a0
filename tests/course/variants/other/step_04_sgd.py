import numpy as np


class SGD:
    def __init__(self, net, learning_rate=0.01, momentum=0.9, weight_decay=5e-4):
        self.net = net
        self.learning_rate, self.momentum, self.weight_decay = learning_rate, momentum, weight_decay
        self.velocity = {name: np.zeros_like(w) for name, w in net.params.items()}

    def step(self, grads):
        for name, g in grads.items():
            w = self.net.params[name]
            whole = g + self.weight_decay * w
            self.velocity[name] = self.momentum * self.velocity[name] - self.learning_rate * whole
            w[:] = w + self.velocity[name]
