"""The drawn shapes: the same at every call, and neither too easy nor without pattern."""

import numpy as np
import pytest
from PIL import Image

from tinynet.data import draw_shapes, load_data
from tinynet.data.shapes import OUTLINES
from tinynet.errors import ArgumentError


def test_shapes_form_a_dataset_of_ten_classes():
    data = draw_shapes(500, seed=3)
    assert data.images.shape == (500, 32, 32, 3) and data.images.dtype == np.uint8
    assert len(data.class_names) == 10
    assert np.bincount(data.labels, minlength=10).min() > 25    # 50 expected, deviation 7
    assert data.images.std() > 50 and np.unique(data.images.reshape(500, -1), axis=0).shape[0] == 500


def test_first_images_do_not_depend_on_the_count():
    few, many = draw_shapes(3, seed=5), draw_shapes(8, seed=5)
    assert np.array_equal(few.images, many.images[:3]) and np.array_equal(few.labels, many.labels[:3])
    other = draw_shapes(8, seed=6)
    assert not np.any(np.all(other.images == many.images, axis=(1, 2, 3)))


@pytest.mark.parametrize("size", [16, 33, 227])
def test_the_same_scene_at_every_size(size):
    large, small = draw_shapes(4, size, seed=1), draw_shapes(4, 32, seed=1)
    assert large.images.shape == (4, size, size, 3) and np.array_equal(large.labels, small.labels)
    for one, other in zip(large.images, small.images, strict=True):
        both = [np.asarray(Image.fromarray(image).resize((8, 8), Image.Resampling.BOX)).astype(float)
                for image in (one, other)]
        assert np.abs(both[0] - both[1]).mean() < 8


def test_outlines_stay_inside_the_unit_circle_and_fill_it():
    for name, polygons in OUTLINES.items():
        extent = max(np.abs(polygon).max() for polygon in polygons)
        assert 0.85 < extent < 1.12, name


def test_shapes_stand_out_from_the_background():
    # The disc's middle against the four corners of the image, which no disc reaches.
    data = draw_shapes(300, seed=2)
    discs = data.images[data.labels == data.class_names.index("disc")].astype(int)
    corners = discs[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=1)
    assert np.median(np.abs(discs[:, 15:17, 15:17].mean(axis=(1, 2)) - corners).max(axis=1)) > 90


def test_bad_arguments():
    for arguments, message in (((0,), "count is 0"), ((1.5,), "count is 1.5"), ((1, 15), "size is 15, .* at least 16"),
                               ((1, 228), "size is 228, .* 16 to 227"), ((1, 32, -1), "seed is -1")):
        with pytest.raises(ArgumentError, match=message):
            draw_shapes(*arguments)


def test_load_data_draws_shapes(monkeypatch):
    monkeypatch.setattr("tinynet.data.shapes.load_shapes.__defaults__", (32, 20, 10))
    train, test = load_data("shapes", image_size=24)
    assert train.images.shape == (20, 24, 24, 3) and test.images.shape == (10, 24, 24, 3)
    assert not np.array_equal(train.images[:10], test.images)


def test_a_linear_classifier_stays_far_below_sixty_percent():
    """Softmax regression on the pixels, by gradient descent with momentum, until it fits what it was given."""
    train, test = draw_shapes(1500, seed=0), draw_shapes(1000, seed=1)
    x, x_test = (data.images.reshape(len(data), -1).astype(np.float32) for data in (train, test))
    mean, scale = x.mean(axis=0), x.std(axis=0) * np.sqrt(x.shape[1])
    x, x_test = (x - mean) / scale, (x_test - mean) / scale
    wanted = np.eye(10, dtype=np.float32)[train.labels]
    # The weights are w = x.T @ a all along, since every gradient is x.T @ something: far less to multiply.
    products, test_products = x @ x.T, x_test @ x.T
    a = np.zeros_like(wanted)
    step = np.zeros_like(wanted)
    best = 0.0
    for number in range(501):
        scores = products @ a
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        step = 0.97 * step - 20 * (p - wanted) / len(x)
        a += step
        if number % 25 == 0:
            best = max(best, np.mean((test_products @ a).argmax(axis=1) == test.labels))
    assert np.mean(scores.argmax(axis=1) == train.labels) > 0.95    # it was trained to the end
    assert best < 0.60
