import numpy as np


class SGD:
    def __init__(self, net, learning_rate=0.01, momentum=0.9, weight_decay=5e-4):
        self.net = net
        self.learning_rate, self.momentum, self.weight_decay = learning_rate, momentum, weight_decay
        self.velocity = {name: np.zeros_like(w) for name, w in net.params.items()}

    def step(self, grads):
        for name in self.net.params:
            w, v, g = self.net.params[name], self.velocity[name], grads[name]
            for at in np.ndindex(w.shape):
                v[at] = self.momentum * v[at] - self.weight_decay * self.learning_rate * w[at] \
                    - self.learning_rate * g[at]
                w[at] = w[at] + v[at]
