"""A validation loss that is not finite: where it comes from."""
from typing import Any

import numpy as np
import pytest
from support.branches import Branches, Reversed

import tinynet as tn
from tinynet.errors import NotFiniteError
from tinynet.training.optim import SGD


def net_of_two() -> Any:
    return tn.Network([("fc1", tn.Linear(4, 5, seed=1)), ("drop1", tn.Dropout(0.5)), ("fc2", tn.Linear(5, 3, seed=2))])


def pair(count=6, seed=0):
    images = np.random.default_rng(seed).standard_normal((count, 4)).astype(np.float32)
    return images, np.arange(count) % 3


def test_the_first_layer_is_named_in_evaluation_mode():
    # Ordinary training images, and one in the second validation batch that overflows in the second layer.
    net = net_of_two()
    net["fc2"].params["w"] *= 1e3
    images, labels = pair()
    images[5] = 1e36
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError) as caught:
        tn.fit(net, pair(), (images, labels), epochs=1, batch_size=4, optimizer=SGD(net, 1e-9), progress=False)
    assert "on the validation set the loss is" in str(caught.value)
    assert "fc2 is the first layer whose output is not finite." in str(caught.value)


def test_images_of_the_validation_set_that_are_not_finite_are_told_apart(tmp_path):
    net = net_of_two()
    images, labels = pair()
    images[4, 1] = np.nan
    with pytest.raises(NotFiniteError, match="the validation set cannot be used: the images themselves are not"):
        tn.fit(net, pair(), (images, labels), epochs=1, batch_size=4, run=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]  # it was found before the first step


def with_branches() -> Any:
    return tn.Network([("fc1", tn.Linear(4, 4, seed=1)), ("both", Branches()), ("fc3", tn.Linear(5, 3, seed=2))])


def test_a_network_inside_with_a_forward_of_its_own_is_trained_and_named_as_one_layer():
    tn.fit(with_branches(), pair(), pair(), epochs=1, batch_size=4, progress=False)
    net = with_branches()
    net["both"]["right"].params["w"][0, 0] = np.nan
    with pytest.raises(NotFiniteError, match=r"both is the first layer whose .* \(nor is its parameter right.w"):
        tn.evaluate(net, pair())
    images, labels = pair()
    net = with_branches()
    net["both"]["left"].params["w"] *= 1e36
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError, match="both is the first layer whose output"):
        tn.fit(net, (images * 1e3, labels), epochs=1, batch_size=4, progress=False)


@pytest.mark.parametrize("nested", [False, True])
def test_a_layer_in_a_network_with_a_backward_of_its_own_is_named(nested):
    inner = Reversed([("a", tn.Linear(4, 4, seed=1)), ("b", tn.Linear(4, 3, seed=2))], name="inner")
    inner["b"].params["w"] *= 1e36
    net = tn.Network([("first", tn.ReLU()), ("mid", inner)]) if nested else inner
    images, labels = pair()
    place = "mid.b" if nested else "b"
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError, match=f": {place} is the first layer whose output"):
        tn.fit(net, (np.abs(images) * 1e3, labels), epochs=1, batch_size=4, progress=False)
