"""What is given in place of a layer, a network or a list of layers, and layers whose forward breaks the contract."""
import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError

X, LABELS = np.zeros((2, 4, 4, 3), np.float32), np.array([0, 1])


@pytest.mark.parametrize(("given", "words"), [
    (tn.ReLU, r"the class ReLU, expected a layer .*: ReLU\(\.\.\.\)$"), ("relu", "the text 'relu', expected a layer"),
    (None, "None, expected"), (np.tanh, "a ufunc, expected"), (dict, "the class dict, expected .* tn.Layer$"),
    ([tn.ReLU()], "a list, expected"),
])
def test_what_is_no_layer_is_named(given, words):
    with pytest.raises(ArgumentError, match=f"^Network: layer 'act' is {words}"):
        tn.Network([("flat", tn.Flatten()), ("act", given)])
    with pytest.raises(ArgumentError, match=f"^trace: network is {words}"):
        tn.trace(given, X, LABELS)


def test_a_module_of_pytorch_is_told_from_ours():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")
    for module, name in ((torch.nn.Conv2d(3, 4, 3), "Conv2d"), (torch.nn.ReLU(), "ReLU")):
        with pytest.raises(ArgumentError, match=rf"layer 'a' is a {name} of torch, expected a layer of tinynet's, .*: "
                           rf"tn\.{name}\(\.\.\.\)$"):
            tn.Network([("a", module)])
    with pytest.raises(ArgumentError, match=r"layer 'a' is a GELU of torch, expected .* tn\.Layer$"):
        tn.Network([("a", torch.nn.GELU())])


def test_what_is_no_list_of_layers_is_named():
    with pytest.raises(ArgumentError, match="^Network: layers is a ReLU, expected a list of"):
        tn.Network(tn.ReLU())
    with pytest.raises(ArgumentError, match=r"^Network: layers is a dict, expected .*, list\(layers\.items\(\)\)$"):
        tn.Network({"a": tn.ReLU()})


@pytest.mark.parametrize("given", [lambda net: net.params, lambda net: list(net.params), lambda net: tn.ReLU])
def test_an_optimizer_is_made_for_a_network(given):
    net = tn.Network([("fc", tn.Linear(3, 2))])
    with pytest.raises(ArgumentError, match=r"^SGD: net is (a dict|a list|the class ReLU), expected the network itself "
                       r"\(or a layer\), not its parameters: SGD\(net\)$"):
        tn.SGD(given(net), learning_rate=0.1)
    tn.SGD(net), tn.SGD(net["fc"])


class OutputAlone(tn.Layer):
    """A forward that returns y without saved."""

    def forward(self, x, train=False):
        return 2 * x

    def input_gradient(self, dy, saved):
        return 2 * dy


class OutputAloneOfTheBatch(OutputAlone):
    """The same, with the whole batch."""

    whole_batch = True


@pytest.mark.parametrize("kind", [OutputAlone, OutputAloneOfTheBatch])
def test_a_forward_that_returns_the_output_alone_is_named_wherever_it_runs(kind):
    net = tn.Network([("flat", tn.Flatten()), ("double", kind())])
    for use in (lambda: net.forward(X), lambda: tn.trace(net, X, LABELS), lambda: tn.predict(net, X),
                lambda: tn.fit(net, (X, LABELS), epochs=1, progress=False)):
        with pytest.raises(ArgumentError, match=rf"layer 'double' \({kind.__name__}\): its forward returned an array "
                           r"alone, expected \(y, saved\)"):
            use()
    with pytest.raises(ArgumentError, match=rf"layer '{kind.__name__}' .* returned an array alone"):
        tn.trace(kind(), X, upstream=X)  # two images, which Python would take for a pair
    with pytest.raises(ArgumentError, match=rf"{kind.__name__}\.forward returned ndarray, expected \(array y, saved\)"):
        tn.check_gradients(kind(), X)
