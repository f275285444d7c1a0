"""Saliency against finite differences, occlusion against covering by hand."""
import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ShapeError
from tinynet.plots.attribution import occlusion, saliency


@pytest.fixture
def images():
    return np.random.default_rng(0).standard_normal((3, 9, 7, 3)).astype(np.float32)


def net(size=(9, 7)):
    inputs = size[0] * size[1] * 4
    return tn.Network([
        ("conv1", tn.Conv2d(3, 4, 3, padding=1)), ("tanh1", tn.Tanh()), ("flatten", tn.Flatten()),
        ("fc2", tn.Linear(inputs, 5)),
    ])


def test_saliency_is_the_slope_of_the_score(images):
    net64, x, classes = net().astype("float64"), images.astype("float64"), np.array([4, 0, 2])
    found = saliency(net64, x, classes)
    assert found.shape == (3, 9, 7)
    for place in ((0, 3, 2), (1, 0, 6), (2, 8, 0)):
        slopes = []
        for channel in range(3):
            scores = []
            for step in (1e-6, -1e-6):
                moved = x.copy()
                moved[(*place, channel)] += step
                scores.append(net64.forward(moved)[0][place[0], classes[place[0]]])
            slopes.append((scores[0] - scores[1]) / 2e-6)
        assert found[place] == pytest.approx(np.abs(slopes).max(), rel=1e-6)


@pytest.mark.parametrize("size, stride", [(3, 1), (4, 2), (1, 1), (2, 4), (20, 3), (1, 6), (2, 9), (1, 30)])
def test_occlusion_covers_a_square_around_each_place(images, size, stride):
    network, image = net(), images[0]
    found = occlusion(network, image, 2, size, stride)
    untouched = tn.Softmax().forward(network.forward(image[None])[0])[0][0, 2]
    assert (np.abs(found - untouched) > 1e-6 * untouched).all(), "every square covers something"
    assert found.shape == (-(-9 // stride), -(-7 // stride))
    for i, j in np.ndindex(found.shape):
        covered = image.copy()
        for row, column in np.ndindex(9, 7):
            middle = (min(i * stride + stride // 2, 8), min(j * stride + stride // 2, 6))
            if 0 <= row - middle[0] + size // 2 < size and 0 <= column - middle[1] + size // 2 < size:
                covered[row, column] = 0
        scores = network.forward(covered[None])[0][0].astype(float)
        assert found[i, j] == pytest.approx(np.exp(scores[2]) / np.exp(scores).sum(), rel=1e-4)


def test_more_places_than_one_batch_stay_in_order(images):
    network = net((20, 18))
    image = np.random.default_rng(1).standard_normal((20, 18, 3)).astype(np.float32)
    whole = occlusion(network, image, 1, size=5, stride=1)
    assert whole.shape == (20, 18) and whole.size > 2 * 128
    covered = image.copy()
    covered[15:20, 11:16] = 0
    assert whole[17, 13] == pytest.approx(tn.Softmax().forward(network.forward(covered[None])[0])[0][0, 1], rel=1e-4)


def test_the_image_stays_as_it_was(images):
    before = images[0].copy()
    occlusion(net(), images[0], 0)
    np.testing.assert_array_equal(images[0], before)


def test_classes_and_shapes_that_do_not_fit_are_named(images):
    with pytest.raises(ShapeError, match="3 whole numbers from 0 to 4"):
        saliency(net(), images, np.array([0, 1, 5]))
    with pytest.raises(ShapeError, match="3 whole numbers"):
        saliency(net(), images, np.array([0]))
    with pytest.raises(ShapeError, match=r"expected one image \(H, W, C\)"):
        occlusion(net(), images, 0)
    with pytest.raises(ShapeError, match=r"expected scores \(N, classes\)"):
        saliency(tn.Conv2d(3, 4, 3), images, np.array([0, 1, 2]))
