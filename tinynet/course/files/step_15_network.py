"""Step 15 of 17: a network, layers in a line.

    y = last layer( ... second layer( first layer(x) ) )

In forward each layer gets what the one before returned. In backward the layers are visited from the last to the first:
each gets as dy what the one behind it returned as dx. Each layer gets back the `saved` of its own forward.

The network is itself a layer: y, saved = net.forward(x, train) and dx, grads = net.backward(dy, saved), so that the
training step of step 5 and the SGD of step 4 take it as they take a Linear. What `saved` is you choose again.

Parameters get names with the layer's before a dot: {"conv1.w": array, "conv1.b": array, "fc2.w": ...}. These are the
layers' own arrays, not copies: when SGD changes one in place, the layer has it. `grads` has the same names.

Layers without parameters (a ReLU, a pooling) may have no attribute `params` at all: getattr(layer, "params", {}).

To write: three methods.   Uses no earlier step.   Then: tinynet course check 15
"""


class Network:
    """layers : list of (name, layer), in the order in which they run"""

    def __init__(self, layers):
        self.layers = list(layers)

    @property
    def params(self):
        """Return all parameters, {"conv1.w": array, ...}, in the order of the layers."""
        # solution
        return {f"{name}.{key}": array for name, layer in self.layers
                for key, array in getattr(layer, "params", {}).items()}

    def forward(self, x, train=False):
        """Return y and saved."""
        # solution
        saved = []
        for _, layer in self.layers:
            x, of_layer = layer.forward(x, train)
            saved.append(of_layer)
        return x, saved

    def backward(self, dy, saved):
        """Return dx, for the network's input, and grads, {"conv1.w": array, ...}."""
        # solution
        grads = {}
        for (name, layer), of_layer in zip(reversed(self.layers), reversed(saved), strict=True):
            dy, of_params = layer.backward(dy, of_layer)
            grads |= {f"{name}.{key}": array for key, array in of_params.items()}
        return dy, grads
