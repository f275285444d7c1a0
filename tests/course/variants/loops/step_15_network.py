class Network:
    def __init__(self, layers):
        self.layers = list(layers)

    @property
    def params(self):
        found = {}
        for name, layer in self.layers:
            if hasattr(layer, "params"):
                for key in layer.params:
                    found[name + "." + key] = layer.params[key]
        return found

    def forward(self, x, train=False):
        saved = {}
        for i in range(len(self.layers)):
            x, saved[i] = self.layers[i][1].forward(x, train=train)
        return x, saved

    def backward(self, dy, saved):
        grads = {}
        for i in range(len(self.layers) - 1, -1, -1):
            name, layer = self.layers[i]
            dy, own = layer.backward(dy, saved[i])
            for key in own:
                grads[name + "." + key] = own[key]
        return dy, grads
