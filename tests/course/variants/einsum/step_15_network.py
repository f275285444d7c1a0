from itertools import chain


class Network:
    def __init__(self, layers):
        self.layers = tuple(layers)

    @property
    def params(self):
        pairs = ([(f"{name}.{key}", array) for key, array in vars(layer).get("params", {}).items()]
                 for name, layer in self.layers)
        return dict(chain.from_iterable(pairs))

    def forward(self, x, train=False):
        def run(x, layers):
            if not layers:
                return x, ()
            y, saved = layers[0][1].forward(x, train)
            last, others = run(y, layers[1:])
            return last, (saved, *others)
        return run(x, self.layers)

    def backward(self, dy, saved):
        def run(layers, saved):
            if not layers:
                return dy, {}
            d, grads = run(layers[1:], saved[1:])
            name, layer = layers[0]
            dx, own = layer.backward(d, saved[0])
            return dx, grads | {f"{name}.{key}": array for key, array in own.items()}
        return run(self.layers, saved)
