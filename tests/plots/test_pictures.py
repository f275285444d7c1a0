"""What the pictures show, and that they need no display and no pyplot."""
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError, ShapeError
from tinynet.plots import pictures
from tinynet.plots.pictures import filter_grid, first_layer_filters, learning_curve, prediction_sheet


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def rows(validation=True):
    return [{"epoch": i, "learning_rate": 0.01 if i < 4 else 0.001, "train_loss": 3 / i, "train_error": 0.9 / i,
             "validation_loss": 3.1 / i if validation else None, "validation_error": 0.95 / i if validation else None}
            for i in range(1, 7)]


def test_the_curve_has_training_validation_and_where_the_rate_fell(tmp_path):
    picture: Any = learning_curve(rows())
    for axes, name, first in zip(picture.axes, ("loss", "error"), ((3, 3.1), (0.9, 0.95)), strict=True):
        train, validation, fall = axes.lines
        assert axes.get_ylabel() == name
        assert (train.get_ydata()[0], validation.get_ydata()[0]) == first
        assert list(train.get_xdata()) == [1, 2, 3, 4, 5, 6] and list(fall.get_xdata()) == [3.5, 3.5]
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "validation"]
        assert train.get_marker() != validation.get_marker() and train.get_color() != validation.get_color()
    picture.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 10_000
    one: Any = learning_curve(rows()[:1])
    assert one.axes[0].get_xlim() == (0.5, 1.5) and one.axes[0].get_ylim()[1] > 3.1  # a single epoch can be seen
    alone: Any = learning_curve(rows(validation=False))
    assert [text.get_text() for text in alone.axes[0].get_legend().get_texts()] == ["train"]


@pytest.mark.parametrize("name, options, written, begin", [
    ("a.png", {}, "a.png", b"\x89PNG"), ("a", {}, "a.png", b"\x89PNG"), ("a.PDF", {}, "a.PDF", b"%PDF"),
    ("a", {"format": "pdf"}, "a", b"%PDF"), ("a.pdf", {"format": None, "dpi": 50}, "a.pdf", b"%PDF"),
])
def test_a_picture_is_written_as_matplotlib_does_or_not_at_all(name, options, written, begin, tmp_path, monkeypatch):
    def full(number):
        raise OSError(28, "No space left on device")

    picture: Any = learning_curve(rows())
    picture.savefig(tmp_path / name, **options)
    before = (tmp_path / written).read_bytes()
    assert before.startswith(begin) and len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path / written}'"):
        picture.savefig(tmp_path / name, **options)
    assert (tmp_path / written).read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_picture_shows_itself_in_a_notebook():
    assert learning_curve(rows())._repr_png_().startswith(b"\x89PNG")


def test_each_filter_is_scaled_by_itself_and_zero_is_grey(rng):
    weights = rng.standard_normal((3, 2, 3, 5)) * np.array([1e-4, 1, 100, 1, 0])
    grid = filter_grid(weights, columns=2)
    assert grid.shape == (3 * 4 + 1, 2 * 3 + 1, 3)
    for i in range(5):
        top, left = i // 2 * 4 + 1, i % 2 * 3 + 1
        cell, one = grid[top : top + 3, left : left + 2], weights[..., i]
        np.testing.assert_allclose(cell, 0.5 + 0.5 * one / (np.abs(one).max() or 1))
        assert np.abs(cell - 0.5).max() == pytest.approx(0.5 if i < 4 else 0)
    assert (grid[0] == 1).all() and (grid[9:, 4:] == 1).all()  # white between the filters and after the last
    assert filter_grid(weights[:, :, :1], columns=3).ndim == 2


def test_towers_stand_apart(rng):
    net: Any = tn.Network([("conv1", tn.Conv2d(3, 32, 5)), ("conv2", tn.Conv2d(32, 8, 3, groups=2))])
    picture: Any = first_layer_filters(net)
    assert [axes.get_title() for axes in picture.axes] == ["conv1, 5 x 5, tower 1", "conv1, 5 x 5, tower 2"]
    shown = [axes.images[0].get_array() for axes in picture.axes]
    weights = net["conv1"].params["w"]
    np.testing.assert_allclose(shown[0], filter_grid(weights[..., :16], 16))
    np.testing.assert_allclose(shown[1], filter_grid(weights[..., 16:], 16))


def test_filters_on_blue_green_and_red_are_drawn_in_their_colours():
    net: Any = tn.Network([("conv1", tn.Conv2d(3, 4, 5))])
    net.preprocessing = tn.data.Preprocessing(np.zeros(3), 8, channel_order="BGR")
    shown: Any = first_layer_filters(net)
    expected = filter_grid(net["conv1"].params["w"][:, :, ::-1], 4)
    np.testing.assert_allclose(shown.axes[0].images[0].get_array(), expected)


@pytest.mark.parametrize("first", [tn.Conv2d(1, 6, 5), tn.Conv2d(3, 7, 3), tn.Conv2d(3, 1, 2)])
def test_one_tower_grey_or_colour(first):
    inner = tn.Network([("conv", first), ("relu", tn.ReLU())])
    picture: Any = first_layer_filters(tn.Network([("block", inner), ("conv2", tn.Conv2d(first.out_channels, 4, 3))]))
    assert len(picture.axes) == 1 and picture.axes[0].get_title().startswith("block.conv, ")


def test_filters_that_cannot_be_shown_are_named():
    with pytest.raises(ArgumentError, match="network has no convolution"):
        first_layer_filters(tn.Network([("fc", tn.Linear(3, 2))]))
    with pytest.raises(ArgumentError, match="the filters of conv1 have 2 channels"):
        first_layer_filters(tn.Network([("conv1", tn.Conv2d(2, 4, 3))]))


def test_the_sheet_has_the_most_probable_classes_and_marks_the_correct_one(rng, tmp_path):
    probabilities = np.array([[0.05, 0.1, 0.4, 0.2, 0.15, 0.1], [0.9, 0.02, 0.02, 0.02, 0.02, 0.02]])
    names = ["ant", "bee", "cat", "dog", "a class whose name is far too long", "fly"]
    images = rng.integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    picture: Any = prediction_sheet(images, probabilities, [3, 5], names)
    above, below = picture.axes[:2], picture.axes[2:]
    np.testing.assert_array_equal(above[0].images[0].get_array(), images[0])
    assert [axes.get_title() for axes in above] == ["dog", "fly"]
    bars = below[0].patches
    np.testing.assert_allclose([bar.get_width() for bar in bars], [0.4, 0.2, 0.15, 0.1, 0.1])
    texts = [text.get_text() for text in below[0].texts]
    assert texts[::2] == ["cat", "dog \N{CHECK MARK}", "a class whose name is…", "bee", "fly"]
    assert texts[1::2] == ["40%", "20%", "15%", "10%", "10%"]
    assert [bool(bar.get_hatch()) for bar in bars] == [False, True, False, False, False]
    assert len({bar.get_facecolor() for bar in bars}) == 2
    assert not any(bar.get_hatch() for bar in below[1].patches)  # the correct class is not among the five
    picture.savefig(tmp_path / "sheet.png")


def test_a_sheet_without_labels_with_few_classes_and_images_of_any_size(rng):
    images = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((5, 5, 1), (8, 6, 3), (4, 9, 1))]
    picture: Any = prediction_sheet(images, np.full((3, 2), 0.5), columns=2)
    assert len(picture.axes) == 8
    drawn = [axes for axes in picture.axes if axes.patches]
    assert len(drawn) == 3 and all(len(axes.patches) == 2 for axes in drawn)
    assert [text.get_text() for text in drawn[0].texts] == ["0", "50%", "1", "50%"]
    assert all(axes.get_title() == "" for axes in picture.axes)


@pytest.mark.parametrize("images, probabilities, names, error, message", [
    (np.zeros((2, 4, 4, 3)), np.ones((2, 3)), None, ShapeError, r"an image is float64 of shape \(4, 4, 3\)"),
    (np.zeros((2, 3, 4, 4), np.uint8), np.ones((2, 3)), None, ShapeError, "expected uint8"),
    (np.zeros((2, 4, 4, 3), np.uint8), np.ones((3, 3)), None, ShapeError, r"expected \(2, classes\)"),
    (np.zeros((0, 4, 4, 3), np.uint8), np.ones((0, 3)), None, ShapeError, "the list of images is empty"),
    (np.zeros((2, 4, 4, 3), np.uint8), np.ones((2, 3)), ["a"], ArgumentError, "1 class names for 3 classes"),
])
def test_what_does_not_fit_on_a_sheet_is_named(images, probabilities, names, error, message):
    with pytest.raises(error, match=message):
        prediction_sheet(images, probabilities, class_names=names)


def test_pyplot_is_never_touched():
    script = """import sys
import numpy as np, tinynet as tn
from tinynet.plots.pictures import first_layer_filters
first_layer_filters(tn.Network([("conv1", tn.Conv2d(3, 4, 3))]))._repr_png_()
sys.exit("matplotlib.pyplot" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_colours_can_be_told_apart_without_red_or_green(rng):
    def seen(colour):  # what is left for the two commonest kinds of colour-blindness: about yellow against blue
        r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return np.array([(r + g) / 2, b])

    for one, two in ((pictures.BLUE, pictures.ORANGE), (pictures.SKY, pictures.ORANGE)):
        assert np.abs(seen(one) - seen(two)).max() > 0.3


def test_a_class_name_is_shown_as_a_person_reads_it():
    assert pictures.short("n02123045_tabby") == "tabby"
    long = pictures.short("n02093428_American_Staffordshire_terrier")
    assert long.startswith("American Staff") and len(long) == pictures.LONGEST_NAME
