import numpy as np


class SGD:
    def __init__(self, net, learning_rate=0.01, momentum=0.9, weight_decay=5e-4):
        self.net = net
        self.learning_rate, self.momentum, self.weight_decay = learning_rate, momentum, weight_decay
        self.velocity = {name: np.zeros_like(w) for name, w in net.params.items()}

    def step(self, grads):
        for name, w in self.net.params.items():
            v = self.velocity[name]
            v *= self.momentum
            v -= self.learning_rate * self.weight_decay * w
            v -= self.learning_rate * grads[name]
            np.add(w, v, out=w)
