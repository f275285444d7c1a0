"""A network in two: the same layers, the same numbers."""
import numpy as np
import pytest
from support.branches import Branches
from support.small_network import batch, network

import tinynet as tn
from tinynet.errors import ArgumentError


@pytest.mark.parametrize("after", ["conv1", "norm1", "pool1", "flatten", "relu3", "dropout3"])
def test_one_after_the_other_is_the_whole(after):
    net, (x, _) = network(), batch(7)
    first, rest = tn.split_network(net, after)
    assert [*first.layers, *rest.layers] == list(net.layers) and list(first.layers)[-1] == after
    for part in (first, rest):
        assert all(part[name] is net[name] for name in part.layers)  # not copies
    np.testing.assert_array_equal(rest.forward(first.forward(x)[0])[0], net.forward(x)[0])
    assert first.input_shape == net.input_shape and rest.input_shape == first.output_shape(net.input_shape)


def test_layers_without_a_seed_keep_their_weights():
    net = tn.Network([("fc1", tn.Linear(4, 3)), ("fc2", tn.Linear(3, 3)), ("drop", tn.Dropout())])
    before = {name: net.params[name]["w"].copy() for name in ("fc1", "fc2")}
    state = net["drop"].generator.bit_generator.state
    first, rest = tn.split_network(net, "fc1")
    assert first.input_shape is None and rest.input_shape is None
    for name, w in before.items():
        np.testing.assert_array_equal(net.params[name]["w"], w)
    assert net["drop"].generator.bit_generator.state == state


def test_the_rest_has_the_recipe_without_what_it_says_of_other_layers():
    net = network()
    net.recipe = {"learning_rate": 0.5, "weight_decay": {"conv1": 0.1, "fc4": 0.2}}
    _, rest = tn.split_network(net, "pool1")
    assert rest.recipe == {"learning_rate": 0.5, "weight_decay": {"fc4": 0.2}}
    assert net.recipe["weight_decay"] == {"conv1": 0.1, "fc4": 0.2}
    tn.SGD(rest, weight_decay=rest.recipe["weight_decay"])
    small = tn.alexnet_small()
    _, rest = tn.split_network(small, "pool2")
    assert list(small.recipe["initialization"]) == ["conv1", "conv2", "conv3", "conv4", "fc5"]
    assert list(rest.recipe["initialization"]) == ["conv3", "conv4", "fc5"] and "in conv1" not in str(rest.summary())


@pytest.mark.parametrize(("net", "after", "words"), [
    (network(), "conv9", "layer 'conv9' does not exist; small has conv1, relu1"),
    (network(), "fc4", "fc4 is the last layer of small, nothing comes after it"),
    (tn.ReLU(), "relu", "net is a ReLU, expected a Network"),
    (Branches(), "left", "branches cannot be cut, as its class Branches has a forward of its own"),
])
def test_what_cannot_be_split(net, after, words):
    with pytest.raises(ArgumentError, match=words):
        tn.split_network(net, after)
