"""A mean and a deviation for each channel, the order of colours: as the networks of other programs want them."""
import numpy as np
import pytest

import tinynet as tn
from tinynet.data import Augmentation, PCAColour, Preprocessing
from tinynet.errors import ArgumentError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 12, 14, 3), dtype=np.uint8)
MEAN, DEVIATION = np.array([123.675, 116.28, 103.53]), [58.395, 57.12, 57.375]  # torchvision's, times 255


def test_each_channel_has_its_own_mean_and_deviation():
    made = Preprocessing(MEAN, (10, 10), (12, 14), deviation=DEVIATION)
    expected = (IMAGES[:, 1:11, 2:12] / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(made(IMAGES), expected, atol=1e-5)
    assert made(IMAGES).dtype == np.float32
    np.testing.assert_array_equal(made.ten_crops(IMAGES)[:, 4], made(IMAGES))


def test_blue_comes_first_where_the_network_wants_it_so():
    mean = np.array([104.006, 116.669, 122.679])  # blue, green, red
    made = Preprocessing(mean, (12, 14), channel_order="BGR")
    np.testing.assert_allclose(made(IMAGES), IMAGES[..., ::-1] - mean.astype("f4"), atol=1e-5)
    np.testing.assert_array_equal(Augmentation(crop=False, mirror=False)(IMAGES, made, RNG), made(IMAGES))
    np.testing.assert_array_equal(made.ten_crops(IMAGES)[:, 0], made(IMAGES))
    np.testing.assert_array_equal(made.central_crop(IMAGES), IMAGES)  # for people's eyes: red first


def test_a_mean_image_is_in_the_networks_order_too():
    mean = RNG.uniform(0, 255, (12, 14, 3)).astype("f4")
    made = Preprocessing(mean, (12, 14), channel_order="BGR")
    np.testing.assert_allclose(made(IMAGES), IMAGES[..., ::-1] - mean, atol=1e-5)


def test_pca_colour_shifts_the_same_colours_in_either_order():
    colour = PCAColour([0.2, 0.001, 0.02], np.eye(3))
    both = [Augmentation(crop=False, mirror=False, colour=colour)(
        IMAGES, Preprocessing(np.zeros(3), (12, 14), channel_order=order), np.random.default_rng(1))
        for order in ("RGB", "BGR")]
    np.testing.assert_array_equal(both[0], both[1][..., ::-1])


def test_a_stretched_image_keeps_its_order_of_colours():
    both = [Augmentation(stretch=0.5)(IMAGES, Preprocessing(np.zeros(3), (12, 12), (12, 14), channel_order=order),
                                      np.random.default_rng(1)) for order in ("RGB", "BGR")]
    np.testing.assert_array_equal(both[0], both[1][..., ::-1])


@pytest.mark.parametrize("options", [{}, {"deviation": DEVIATION}, {"channel_order": "BGR"}, {"deviation": 58.0}])
def test_a_checkpoint_keeps_it(options, tmp_path):
    net = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(12 * 14 * 3, 2))], input_shape=(12, 14, 3))
    net.preprocessing = Preprocessing(MEAN, (12, 14), **options)
    tn.save_checkpoint(tmp_path / "net.npz", net)
    found = tn.load_checkpoint(tmp_path / "net.npz").preprocessing
    assert found is not None
    np.testing.assert_array_equal(found(IMAGES), net.preprocessing(IMAGES))
    assert found.state()["settings"] == net.preprocessing.state()["settings"]


def test_a_state_from_before_there_was_an_order_is_rgb():
    state = Preprocessing(MEAN, (12, 14)).state()
    assert "channel_order" not in state["settings"]
    del state["settings"]["resize"]
    assert Preprocessing.from_state(state).channel_order == "RGB"


@pytest.mark.parametrize("options, message", [
    ({"deviation": [1.0, 2.0]}, "deviation is .* one for each of 3"), ({"deviation": [1.0, 0.0, 2.0]}, "deviation is"),
    ({"deviation": float("nan")}, "deviation is nan"), ({"deviation": "58"}, "deviation is '58'"),
    ({"channel_order": "rgb"}, "channel_order is 'rgb', expected 'RGB' or 'BGR'"),
])
def test_settings_that_make_no_sense_are_named(options, message):
    with pytest.raises(ArgumentError, match=message):
        Preprocessing(MEAN, (12, 14), **options)


def test_grey_has_no_order():
    with pytest.raises(ArgumentError, match="one channel, grey"):
        Preprocessing([0.0], (12, 14), channel_order="BGR")
