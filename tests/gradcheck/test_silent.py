"""The gradient checker raises no alarm at what is right: any layer, any settings, numbers of any scale."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn

INPUTS = {
    "as drawn": lambda x: x,
    "tiny": lambda x: 1e-9 * x,
    "large": lambda x: 1e6 * x,
    "far from zero": lambda x: x + 1e5,
    "of many sizes": lambda x: x * 10.0 ** (np.arange(x.size).reshape(x.shape) % 7 - 3),
    "with ties and zeros": lambda x: np.round(2 * x),
    "zeros": lambda x: 0 * x,
    "all equal": lambda x: 0 * x + 0.3,
    "from float32": lambda x: x.astype(np.float32),
    "saturating": lambda x: 40 * x,
}


@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=30)
@given(data=st.data())
def test_silence_on_all_layers(name, data):
    layer, x = draw_case(data.draw, TABLE[name])
    x = INPUTS[data.draw(st.sampled_from(sorted(INPUTS)))](x)
    report = tn.check_gradients(layer, x, train=data.draw(st.booleans()), seed=data.draw(st.integers(0, 99)))
    assert report.passed, f"{layer}\n{report}"


@given(data=st.data())
def test_silence_on_the_loss_at_scores_of_all_sizes(data):
    n, classes = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 6))
    generator = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    scores = generator.standard_normal((n, classes)) * data.draw(st.sampled_from([0, 1e-6, 1, 30, 1000]))
    labels = generator.integers(classes, size=n)
    report = tn.check_gradients(lambda s: tn.softmax_cross_entropy(s, labels), scores)
    assert report.passed, str(report)


@pytest.mark.parametrize("seed", range(6))
def test_silence_on_whole_networks(seed):
    generator = np.random.default_rng(seed)
    net = tn.Network([
        ("conv", tn.Conv2d(2, 4, 3, padding=1, groups=2, seed=seed)), ("relu", tn.ReLU()),
        ("norm", tn.LocalResponseNorm(alpha=1.0)), ("pool", tn.MaxPool2d(3, 2)), ("batch", tn.BatchNorm2d(4)),
        ("flatten", tn.Flatten()), ("drop", tn.Dropout(0.5, seed=seed)), ("fc", tn.Linear(36, 3, seed=seed)),
    ])
    images = generator.standard_normal((3, 8, 8, 2))
    for x in (images, 100 * images, np.round(images), 0 * images):
        report = tn.check_gradients(net, x, train=bool(seed % 2))
        assert report.passed, str(report)
