class Network:
    def __init__(self, layers):
        self.layers = list(layers)
        self.arrays = {}
        for name, layer in self.layers:
            self.arrays.update({f"{name}.{key}": (layer, key) for key in getattr(layer, "params", ())})

    @property
    def params(self):
        return {name: layer.params[key] for name, (layer, key) in self.arrays.items()}

    def forward(self, x, train=False):
        tape = []
        for name, layer in self.layers:
            x, saved = layer.forward(x, train)
            tape.append((name, layer, saved))
        return x, tape

    def backward(self, dy, tape):
        grads, tape = {}, list(tape)
        while tape:
            name, layer, saved = tape.pop()
            dy, own = layer.backward(dy, saved)
            grads.update((f"{name}.{key}", own[key]) for key in own)
        return dy, {name: grads[name] for name in self.arrays}
