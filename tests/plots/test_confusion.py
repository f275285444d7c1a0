"""What the picture of a confusion matrix shows, for few and for many classes."""
from typing import Any

import numpy as np
import pytest

from tinynet.errors import ArgumentError, ShapeError
from tinynet.plots.confusion import class_errors, confusion_matrix

COUNTS = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def many(classes):
    return np.random.default_rng(0).integers(0, 50, (classes, classes))


def words(axes):
    return [text.get_text() for text in axes.texts]


def names(labels):
    return [label.get_text() for label in labels]


def test_few_classes_have_counts_colours_and_errors():
    picture: Any = confusion_matrix(COUNTS, ["ant", "n02123045_tabby_cat", "an endless name of some class"])
    cells, bars = picture.axes[:2]
    assert {text.get_position(): text.get_text() for text in cells.texts} == {
        (0, 0): "8", (1, 0): "2", (0, 1): "1", (1, 1): "3"}
    assert [text.get_color() for text in cells.texts] == ["white", "black", "black", "white"]
    shares = np.ma.filled(cells.images[0].get_array() ** 2, np.nan)
    np.testing.assert_allclose(shares, [[0.8, 0.2, 0], [0.25, 0.75, 0], [np.nan] * 3])
    assert cells.images[0].get_clim() == (0, 1)
    for labels in (cells.get_xticklabels(), cells.get_yticklabels()):
        assert names(labels) == ["ant", "tabby cat", "an endless name of so\N{HORIZONTAL ELLIPSIS}"]
    assert cells.get_xlabel() == "first guess" and cells.get_ylabel() == "true class"
    assert words(bars) == ["20.0%", "25.0%", "no images"]
    assert [bar.get_width() for bar in bars.patches] == pytest.approx([0.2, 0.25, 0])
    assert names(picture.axes[2].get_yticklabels()) == ["0%", "1%", "5%", "10%", "25%", "50%", "100%"]


def test_errors_of_classes():
    np.testing.assert_allclose(class_errors(COUNTS), [0.2, 0.25, np.nan])


@pytest.mark.parametrize("classes, numbers, ticks", [
    (1, True, 1), (20, True, 20), (21, False, 21), (100, False, 50), (1000, False, 50),
])
def test_many_classes_have_no_numbers_and_fewer_names(classes, numbers, ticks, tmp_path):
    picture: Any = confusion_matrix(many(classes), [f"class_{i}" for i in range(classes)])
    cells, bars = picture.axes[:2]
    assert bool(cells.texts) == bool(bars.texts) == numbers
    assert len(cells.get_xticks()) == len(cells.get_yticks()) == ticks
    assert len(bars.patches) == classes
    step = -(-classes // 50)
    assert names(cells.get_yticklabels()) == [f"class {i}" for i in range(0, classes, step)]
    width, height = picture.get_size_inches()
    assert 3 < height < 14 and 4 < width < 15
    if classes != 1000:
        picture.savefig(tmp_path / "confusion.png")
        assert (tmp_path / "confusion.png").stat().st_size > 5_000


def test_nothing_overlaps_or_leaves_the_picture():
    for classes in (2, 10):
        picture: Any = confusion_matrix(many(classes), [f"an automobile {i}" for i in range(classes)])
        picture.draw_without_rendering()
        cells, bars = picture.axes[:2]
        assert cells.get_window_extent().x1 < bars.get_window_extent().x0
        edge = bars.get_window_extent().x1
        assert all(text.get_window_extent().x1 <= edge for text in bars.texts)
        for row in (cells.get_xticklabels(), cells.get_yticklabels()):
            boxes = [label.get_window_extent() for label in row]
            assert not any(a.overlaps(b) for a, b in zip(boxes, boxes[1:], strict=False))
            assert all(box.x0 >= 0 and box.y0 >= 0 for box in boxes)


@pytest.mark.parametrize("counts, class_names, error, message", [
    (np.zeros((2, 3), int), ["a", "b"], ShapeError, r"shape \(2, 3\), expected \(classes, classes\)"),
    (np.zeros((0, 0), int), [], ShapeError, r"shape \(0, 0\)"),
    (np.zeros((2, 2)), ["a", "b"], ArgumentError, "whole numbers from 0 up, found dtype float64"),
    (np.array([[1, -1], [0, 1]]), ["a", "b"], ArgumentError, "whole numbers from 0 up, found -1"),
    (np.ones((2, 2), int), ["a"], ArgumentError, "got 1 class names for 2 classes"),
])
def test_what_does_not_fit_is_named(counts, class_names, error, message):
    with pytest.raises(error, match=message):
        confusion_matrix(counts, class_names)


def test_the_package_hands_its_pictures_on():
    from tinynet import plots

    assert plots.confusion_matrix is confusion_matrix
    assert all(callable(getattr(plots, name)) for name in plots.__all__)
    with pytest.raises(AttributeError, match="module 'tinynet.plots' has no attribute 'nothing'"):
        _ = plots.nothing
