"""The strategies draw what they promise, and say what to install where hypothesis is missing."""
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.testing import drawn_layers, images, layers, windows


def assert_no_kinks(x):
    """All numbers are different, in float64, and none is 0."""
    assert x.dtype == np.float64 and len(np.unique(x)) == x.size and x.all() and np.abs(x).max() <= 3


@given(images())
def test_images_have_no_ties_and_no_zeros(x):
    assert_no_kinks(x)
    assert x.ndim == 4 and all(1 <= length <= most for length, most in zip(x.shape, (3, 6, 6, 4), strict=True))


@given(images(batch=2, height=(3, 4), width=5, channels=(1, 2)))
def test_images_have_the_sizes_that_were_asked_for(x):
    assert x.shape[0] == 2 and x.shape[1] in (3, 4) and x.shape[2] == 5 and x.shape[3] in (1, 2)


@given(layers(lambda x: tn.Network([("norm", tn.BatchNorm2d(x.shape[3])), ("conv", tn.Conv2d(x.shape[3], 2, 1))])))
def test_a_network_gets_drawn_numbers_in_all_its_layers(drawn):
    net, x = drawn
    assert net.dtype == np.float64 and net["conv"].params["b"].all() and (net["norm"].buffers["running_mean"] > 0).all()
    assert net.forward(x)[0].shape == (*x.shape[:3], 2)


def test_images_of_all_sizes_are_drawn():
    for n in (1, 3):
        for channels in (1, 4):
            assert find(images(), lambda x, n=n, c=channels: len(x) == n and x.shape[3] == c) is not None
    assert find(images(), lambda x: x.shape[1] != x.shape[2]).shape == (1, 1, 2, 1), "the smallest case is shown"


@pytest.mark.parametrize(("sizes", "message"), [
    ({"batch": 0}, "batch is 0, expected a size of at least 1, or"), ({"width": (3, 2)}, r"width is \(3, 2\)"),
    ({"channels": "RGB"}, "channels is 'RGB'"), ({"height": (1, 2, 3)}, r"height is \(1, 2, 3\)"),
])
def test_sizes_that_make_no_sense(sizes, message):
    with pytest.raises(ArgumentError, match=message):
        find(images(**sizes), lambda x: True)


@given(st.data(), st.booleans(), st.booleans())
def test_windows_fit_into_their_images(data, ceil_mode, pooling):
    settings, x = data.draw(windows(ceil_mode=ceil_mode, pooling=pooling))
    assert_no_kinks(x)
    assert set(settings) == {"kernel_size", "stride", "padding"} | ({"ceil_mode"} if ceil_mode else set())
    layer = tn.MaxPool2d(**settings) if pooling else tn.Conv2d(x.shape[3], 2, **settings)
    assert min(layer.output_shape(x.shape[1:])) >= 1
    if pooling:
        assert all(2 * p <= k for p, k in zip(settings["padding"], settings["kernel_size"], strict=True))


@pytest.mark.parametrize("what", [
    lambda settings, x: settings["kernel_size"] == x.shape[1:3],
    lambda settings, x: settings["kernel_size"][0] > x.shape[1] + 2 * settings["padding"][0],
    lambda settings, x: settings["stride"][1] > settings["kernel_size"][1],
    lambda settings, x: settings["kernel_size"][0] != settings["kernel_size"][1],
    lambda settings, x: all(settings["padding"]) and settings["ceil_mode"],
    lambda settings, x: not any(settings["padding"]) and not settings["ceil_mode"],
])
def test_windows_of_all_kinds_are_drawn(what):
    assert find(windows(ceil_mode=True), lambda drawn: what(*drawn)) is not None


@settings(max_examples=100)
@given(layers())
def test_layers_come_with_a_batch_and_random_parameters(drawn):
    layer, x = drawn
    assert_no_kinks(x)
    assert layer.dtype in (None, np.float64)
    layer.forward(x, train=True)
    for array in layer.params.values():
        assert array.all() and len(np.unique(array)) == array.size
    for array in layer.buffers.values():
        assert (array > 0).all()


def test_layers_draw_every_kind_and_only_those_that_were_asked_for():
    kinds, drawn = {getattr(tn, name) for name in tn.layers.__all__}, set()

    @settings(max_examples=400)
    @given(layers(), layers(tn.Conv2d, tn.Linear))
    def collect(one, of_two):
        drawn.add(type(one.layer))
        assert type(of_two.layer) in (tn.Conv2d, tn.Linear)

    collect()
    assert drawn == kinds == set(drawn_layers.DRAWN)


class Scale(tn.Layer):
    """y = w * x"""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.params["w"] = np.ones(channels, np.float32)


@given(layers(lambda x: Scale(x.shape[-1])), layers(lambda x: Scale(x.shape[-1]), x=images().map(lambda x: x[:, 0, 0])))
def test_layers_of_ones_own_are_made_for_a_batch(drawn, rows):
    for (layer, x), ndim in ((drawn, 4), (rows, 2)):
        assert layer.params["w"].shape == x.shape[-1:] and layer.dtype == np.float64 and x.ndim == ndim
        assert (layer.params["w"] != 1).all()


@pytest.mark.parametrize("kind", [Scale, "Conv2d", 3])
def test_a_kind_that_is_none_of_tinynets(kind):
    with pytest.raises(ArgumentError, match=r"is none of tinynet's classes, expected .*: layers\(lambda x: "):
        find(layers(kind), lambda drawn: True)


WITHOUT = """
import sys
sys.modules["hypothesis"] = None
import numpy as np
import tinynet as tn
tn.testing.assert_gradients(tn.ReLU(), np.array([[1.0, -2.0]]))
for use in ("tn.testing.images()", "from tinynet.testing import layers"):
    try:
        exec(use)
    except ImportError as error:
        print(error)
"""


def run(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout


def test_without_hypothesis_only_the_strategies_are_missing():
    sentence = "tinynet.testing's strategies need hypothesis, the extra 'testing': pip install 'tinynet[testing]'\n"
    assert run(WITHOUT) == 2 * sentence


def test_importing_tinynet_imports_neither_hypothesis_nor_torch():
    assert run("import sys, tinynet; print(tinynet.testing.assert_matches.__name__, "
               "*({'hypothesis', 'torch'} & set(sys.modules)))") == "assert_matches\n"
    with pytest.raises(AttributeError, match="module 'tinynet.testing' has no attribute 'assert_right'"):
        tn.testing.assert_right  # noqa: B018
