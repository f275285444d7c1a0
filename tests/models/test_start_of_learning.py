"""Two initializations: the paper's text leaves the loss at ln(classes), the default one learns at once."""
import math

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import Preprocessing, draw_shapes
from tinynet.training.preparation import optimizer_from

CHANCE = math.log(10)  # the loss of ten equal probabilities


@pytest.fixture(scope="module")
def shapes():
    drawn = draw_shapes(320)
    return Preprocessing.fit(drawn, 32)(drawn.images), drawn.labels


def losses_of(net, images, labels, steps=60, batch=32):
    """Train with the network's own recipe on the same ten batches again and again; return the loss of each step."""
    optimizer, losses = optimizer_from(net), []
    for step in range(steps):
        some = slice(step * batch % len(images), step * batch % len(images) + batch)
        scores, saved = net.forward(images[some], train=True)
        loss, dscores = tn.softmax_cross_entropy(scores, labels[some])
        optimizer.step(net.backward(dscores, saved, input_gradient=False)[1])
        losses.append(loss)
    return losses


def test_the_default_initialization_falls_below_chance(shapes):
    losses = losses_of(tn.alexnet_small(dropout=None), *shapes)
    assert losses[0] == pytest.approx(CHANCE, abs=0.1)
    assert np.mean(losses[-10:]) < CHANCE - 0.15


def test_the_initialization_of_the_papers_text_stays_at_chance(shapes):
    losses = losses_of(tn.alexnet_small(init="text", dropout=None), *shapes)
    assert losses[0] == pytest.approx(CHANCE, abs=0.1)
    assert np.mean(losses[-10:]) > CHANCE - 0.05 and max(losses) < CHANCE + 0.5
