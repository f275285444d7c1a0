"""What excites a unit: receptive fields against gradients, and patches against maps computed at once."""
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import Preprocessing
from tinynet.errors import ArgumentError, ShapeError
from tinynet.plots.patches import Window, patch_sheet, pixels, receptive_field, strongest_patches


def deep_net() -> Any:
    """Return a network with strides, padding and windows that are not square; smooth, so that no gradient is hidden."""
    return tn.Network([
        ("conv1", tn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0), seed=1)), ("tanh1", tn.Tanh()),
        ("norm1", tn.LocalResponseNorm()), ("pool1", tn.AvgPool2d(2, 2)),
        ("conv2", tn.Conv2d(4, 5, 3, padding=1, seed=2)), ("flatten", tn.Flatten()), ("fc", tn.Linear(5 * 5 * 9, 2)),
    ], input_shape=(20, 19, 3)).astype("float64")


@pytest.mark.parametrize("layer", ["conv1", "tanh1", "norm1", "pool1", "conv2"])
def test_a_unit_depends_on_its_window_and_on_nothing_else(layer):
    net = deep_net()
    part = tn.Network(list(net.layers.items())[: list(net.layers).index(layer) + 1])
    x = np.random.default_rng(0).standard_normal((1, 20, 19, 3))
    with tn.plain():  # sums of rows leave 1e-17 where there is nothing
        compare_with_gradients(part, x, *receptive_field(net, layer))


def compare_with_gradients(part, x, rows, columns):
    y, saved = part.forward(x)
    for row in range(y.shape[1]):
        for column in range(y.shape[2]):
            dy = np.zeros_like(y)
            dy[0, row, column] = 1
            seen = np.abs(part.backward(dy, saved)[0][0]).sum(axis=2) > 0      # (20, 19)
            expected = np.zeros_like(seen)
            expected[pixels(rows, row, 20), pixels(columns, column, 19)] = True
            np.testing.assert_array_equal(seen, expected)


def test_the_fields_of_alexnets_layers_by_hand():
    net: Any = tn.alexnet_medium()
    assert receptive_field(net, "conv1")[0] == Window(0, 4, 11)
    assert receptive_field(net, "pool1")[0] == Window(0, 8, 19)
    assert receptive_field(net, "relu2")[0] == Window(-16, 8, 51)
    assert receptive_field(net, "conv5")[0] == Window(-64, 16, 163)


@pytest.fixture
def trained() -> tuple[Any, np.ndarray]:
    net = deep_net().astype("float32")
    net.preprocessing = Preprocessing(np.full(3, 120.0), (20, 19), (24, 25), deviation=60.0)
    return net, np.random.default_rng(1).integers(0, 256, (70, 24, 25, 3), dtype=np.uint8)


def test_images_without_the_padding_of_the_stored_ones_are_shown_with_it():
    net = deep_net().astype("float32")
    net.preprocessing = Preprocessing(np.full(3, 120.0), (20, 19), (24, 25), padding=2)
    images = np.random.default_rng(1).integers(0, 256, (3, 20, 21, 3), dtype=np.uint8)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    crop = net.preprocessing.central_crop
    np.testing.assert_array_equal(crop(images), crop(padded))
    assert strongest_patches(net, images, "tanh1", 2) == strongest_patches(net, padded, "tanh1", 2)


def test_a_network_with_a_forward_of_its_own_has_no_line_of_layers():
    class Residual(tn.Network):
        def forward(self, x, train=False, save=True):
            y, saved = super().forward(x, train)
            return x + y, saved

    net: Any = Residual([("conv1", tn.Conv2d(3, 3, 3, padding=1))], input_shape=(6, 6, 3), name="residual")
    net.preprocessing = Preprocessing(np.zeros(3), (6, 6))
    with pytest.raises(ArgumentError, match="residual has no line of layers up to conv1: its class Residual has a"):
        strongest_patches(net, np.zeros((2, 6, 6, 3), np.uint8), "conv1", 0)


def test_the_strongest_patches_are_those_of_the_largest_numbers(trained):
    net, images = trained
    found = strongest_patches(net, images, "tanh1", 2, count=5)
    x = net.preprocessing(images)
    maps = net["tanh1"].forward(net["conv1"].forward(x)[0])[0][..., 2]         # (70, h, w)
    best = maps.reshape(70, -1).max(axis=1)
    assert [patch.image for patch in found] == np.argsort(-best, kind="stable")[:5].tolist()
    np.testing.assert_allclose([patch.value for patch in found], np.sort(best)[::-1][:5], rtol=1e-5)
    w, b = net["conv1"].params["w"][..., 2], net["conv1"].params["b"][2]
    for patch in found:  # a patch alone gives the number again
        pixel = (net.preprocessing.central_crop(images)[patch.image, patch.rows, patch.columns] - 120.0) / 60
        padded = np.pad(pixel, ((3 - len(pixel), 0), (0, 0), (0, 0))) if patch.rows.start == 0 else np.pad(
            pixel, ((0, 3 - len(pixel)), (0, 0), (0, 0)))
        assert np.tanh((padded * w).sum() + b) == pytest.approx(patch.value, rel=1e-4)


def test_a_sheet_has_a_block_for_each_channel(trained):
    net, images = trained
    sheet = patch_sheet(net, images, "tanh1", [0, 3], count=4)
    assert [block.get_suptitle() for block in sheet.subfigs] == ["tanh1, channel 0", "tanh1, channel 3"]
    assert [sum(bool(axes.images) for axes in block.axes) for block in sheet.subfigs] == [4, 4]


def test_a_channel_that_is_never_excited_has_an_empty_block(trained):
    net, images = trained
    net["conv1"].params["w"][..., 1] = 0
    sheet = patch_sheet(net, images, "tanh1", [1], count=4)
    assert sheet.subfigs[0].get_suptitle() == "tanh1, channel 1: nowhere above 0" and not any(
        axes.images for axes in sheet.subfigs[0].axes)


@pytest.mark.parametrize("call, error, message", [
    (lambda net, x: receptive_field(net, "conv9"), ArgumentError, "layer 'conv9' does not exist; .*conv1, tanh1"),
    (lambda net, x: receptive_field(net, "fc"), ArgumentError, "flatten is a Flatten, and what is behind it has no"),
    (lambda net, x: receptive_field(tn.squeezenet(), "fire3"), ArgumentError, "fire2 is a Fire, and what it sees is"),
    (lambda net, x: strongest_patches(net, x, "tanh1", 4), ArgumentError, "channel is 4, tanh1 has 0 to 3"),
    (lambda net, x: strongest_patches(net, x, "tanh1", 0, count=0), ArgumentError, "count is 0"),
    (lambda net, x: strongest_patches(deep_net(), x, "tanh1", 0), ArgumentError, "no preprocessing"),
    (lambda net, x: strongest_patches(net, x[:, :-1], "tanh1", 0), ShapeError, "24 x 25"),
    (lambda net, x: patch_sheet(net, x, "tanh1", []), ShapeError, "the list of channels is empty"),
    (lambda net, x: patch_sheet(net, x, "tanh1", [0], count=0), ArgumentError, "count is 0"),
    (lambda net, x: patch_sheet(deep_net(), x, "tanh1", [0]), ArgumentError, "no preprocessing"),
])
def test_wrong_arguments_are_named(trained, call, error, message):
    with pytest.raises(error, match=message):
        call(*trained)
