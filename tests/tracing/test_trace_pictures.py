"""What the pictures of a network at work show."""
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError, ShapeError
from tinynet.ops import im2col
from tinynet.plots.thumbnails import ABOVE, BELOW, ZERO
from tinynet.tracing.pictures import GREY, activation_maps, gradient_flow, im2col_picture, pixel_maps


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def net(activation=tn.ReLU):
    return tn.Network([
        ("conv1", tn.Conv2d(3, 4, 3)), ("act1", activation()), ("flatten", tn.Flatten()), ("fc2", tn.Linear(64, 5)),
    ])


def frames(axes):
    """Each frame's top, left, height and width, in cells."""
    return [(min(y) + 0.5, min(x) + 0.5, max(y) - min(y), max(x) - min(x))
            for x, y in (line.get_data() for line in axes.lines)]


def test_maps_stand_in_rows_with_a_common_scale_and_a_sign_for_each_colour():
    x = np.zeros((2, 3, 5), np.float32)
    x[0, 0, 0], x[1, 2, 3], x[0, 1, 4] = 2, -2, 2
    sheet = activation_maps(x, "conv1", columns=2).axes[0].images[0].get_array()
    assert sheet.shape == (3 * 3 - 1, 2 * 4 - 1, 3)
    assert tuple(sheet[0, 0]) == ABOVE and tuple(sheet[1 * 3 + 1, 4 + 2]) == BELOW and tuple(sheet[6, 1]) == ABOVE
    assert tuple(sheet[0, 1]) == ZERO and (sheet[2] == GREY).all() and (sheet[:, 3] == GREY).all()
    picture: Any = activation_maps(x, "conv1", count=3)
    assert picture.axes[0].get_title("left") == "conv1: 3 of 5 channels; full colour at 2"


def test_units_stand_in_rows_and_what_is_over_is_grey():
    sheet = activation_maps(np.array([1.0, -1, 0, 1, 1]), columns=3).axes[0].images[0].get_array()
    assert sheet.shape == (2, 3, 3)
    assert [tuple(sheet[0, i]) for i in range(3)] == [ABOVE, BELOW, ZERO] and (sheet[1, 2] == GREY).all()
    zeros = activation_maps(np.zeros(4)).axes[0].images[0].get_array()  # which have a scale too
    assert (zeros == ZERO).all()
    with pytest.raises(ShapeError, match=r"x has shape \(2, 3\)"):
        activation_maps(np.zeros((2, 3)))


@pytest.mark.parametrize("at", [(0, 0), (0, 2), (2, 1)])
def test_the_patch_under_the_frame_is_the_framed_row_of_the_matrix(rng, at):
    layer = tn.Conv2d(2, 3, (3, 2), stride=2, padding=1)
    image = rng.integers(-9, 10, (6, 5, 2)).astype(np.float32)
    picture: Any = im2col_picture(layer, image, at)
    first, patch0, second, patch1, matrix = picture.axes
    row = im2col(image[None], layer.window)[at[0] * 3 + at[1]]
    for axes, c in ((patch0, 0), (patch1, 1)):
        np.testing.assert_array_equal([float(text.get_text()) for text in axes.texts], row[c::2])
    for axes in (first, second):
        assert frames(axes) == [(1, 1, 6, 5), (2 * at[0], 2 * at[1], 3, 2)]
    assert frames(matrix) == [(at[0] * 3 + at[1], 0, 1, 12)]
    written = np.array([float(text.get_text()) for text in matrix.texts]).reshape(9, 12)
    np.testing.assert_array_equal(written, im2col(image[None], layer.window))
    assert matrix.get_ylabel() == "9 rows: 3 x 3 windows"


def test_a_large_matrix_has_colours_only_and_a_pooling_layer_has_windows_too(rng):
    picture: Any = im2col_picture(tn.MaxPool2d(3, 2), rng.standard_normal((21, 21, 1)))
    assert not picture.axes[-1].texts and len(picture.axes[1].texts) == 9


@pytest.mark.parametrize("layer, shape, at, error, message", [
    (tn.ReLU(), (4, 4, 1), (0, 0), ArgumentError, "ReLU has no window"),
    (tn.Conv2d(4, 1, 2), (4, 4, 4), (0, 0), ShapeError, r"\(4, 4, 4\), expected \(H, W, 1 to 3\)"),
    (tn.Conv2d(1, 1, 2), (4, 4, 1), (3, 0), ShapeError, r"window \(3, 0\) does not exist, the output is 3 x 3"),
])
def test_what_has_no_windows_is_named(layer, shape, at, error, message):
    with pytest.raises(error, match=message):
        im2col_picture(layer, np.zeros(shape, np.float32), at)


def test_the_flow_of_gradients_is_their_root_mean_square_by_layer(rng):
    images, labels = rng.standard_normal((2, 6, 6, 3)).astype(np.float32), np.array([0, 3])
    traces = {name: tn.trace(net(kind), images, labels) for name, kind in (("relu", tn.ReLU), ("tanh", tn.Tanh))}
    picture: Any = gradient_flow(traces)
    outputs, weights = picture.axes
    for line, trace in zip(outputs.lines, traces.values(), strict=True):
        expected = [np.sqrt((step.upstream**2).mean()) for step in trace.steps[:-1]]
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-5)
    expected = [np.sqrt((traces["tanh"][name].gradients["w"] ** 2).mean()) for name in ("conv1", "fc2")]
    np.testing.assert_allclose(weights.lines[1].get_ydata(), expected, rtol=1e-5)
    assert [text.get_text() for text in outputs.get_xticklabels()] == ["conv1", "act1", "flatten", "fc2"]
    assert [text.get_text() for text in weights.get_legend().get_texts()] == ["relu", "tanh"]
    assert outputs.get_yscale() == "log"
    assert [text.get_text() for text in weights.get_xticklabels()] == ["conv1", "fc2"]
    alone: Any = gradient_flow(tn.trace(net(), images, upstream=np.zeros((2, 5), np.float32)))
    assert np.isnan(alone.axes[0].lines[0].get_ydata()).all() and alone.axes[0].get_legend() is None
    assert alone._repr_png_().startswith(b"\x89PNG")                           # a panel without any number
    with pytest.raises(ArgumentError, match="same number of layers"):
        gradient_flow({"one": traces["relu"], "other": tn.trace(tn.Flatten(), images, np.array([0, 1]))})


def test_maps_lie_over_the_whole_image(rng):
    image = rng.integers(0, 256, (8, 6, 3), dtype=np.uint8)
    picture: Any = pixel_maps(image, {"saliency": rng.random((8, 6)), "occlusion": rng.random((4, 3))})
    first, *maps = (axes.images[0] for axes in picture.axes if axes.images)
    assert {tuple(shown.get_extent()) for shown in (first, *maps)} == {(-0.5, 5.5, 7.5, -0.5)}
    assert first.get_array().min() == 0 and first.get_array().max() == 1
    with pytest.raises(ShapeError, match=r"map 'saliency' has shape \(1, 8, 6\)"):
        pixel_maps(image, {"saliency": np.zeros((1, 8, 6))})


def test_the_flow_through_weights_has_each_layers_name_below_it(rng):
    """Two networks of as many layers, which learn in other ones, and a fire module's weights have other names."""
    def made(middle):
        net = tn.Network([("fire1", tn.Fire(3, 2, 2, 2)), ("middle", middle), ("flatten", tn.Flatten()),
                          ("fc2", tn.Linear(64, 3))])
        return tn.trace(net, images, upstream=np.ones((2, 3), np.float32))

    images = rng.standard_normal((2, 4, 4, 3)).astype(np.float32)
    picture: Any = gradient_flow({"relu": made(tn.ReLU()), "norm": made(tn.BatchNorm2d(4))})
    weights = picture.axes[1]
    assert dict(zip(weights.get_xticks(), [text.get_text() for text in weights.get_xticklabels()], strict=True)) == {
        0: "fire1", 1: "middle", 3: "fc2"}
    assert [list(line.get_xdata()) for line in weights.lines] == [[0, 3], [0, 1, 3]]
