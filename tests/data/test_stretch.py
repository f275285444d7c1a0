"""The augmentation that makes images wider or higher."""
import json

import numpy as np
import pytest
from PIL import Image

from tinynet.data import Augmentation, Loader, PCAColour, Preprocessing
from tinynet.data.augment import stretched
from tinynet.data.dataset import Dataset
from tinynet.errors import ArgumentError


def dataset(count=9, height=12, width=16, channels=3):
    images = np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)
    return Dataset(images, np.arange(count) % 2, ["a", "b"])


@pytest.mark.parametrize("crop", [True, False])
@pytest.mark.parametrize("pad", [0, 2])
@pytest.mark.parametrize("mean", ["image", "colour"])
def test_without_stretch_the_same_numbers_are_drawn_and_the_same_pixels_taken_as_before(crop, pad, mean):
    data = dataset()
    prepare = Preprocessing.fit(data, (8, 9), mean)
    colour = PCAColour.fit(data)
    out = Augmentation(crop=crop, pad=pad, colour=colour, stretch=0.0)(data.images, prepare, np.random.default_rng(5))
    # As it was before there was stretch, drawn and written out.
    generator, room = np.random.default_rng(5), np.array([12 + 2 * pad - 8, 16 + 2 * pad - 9])
    corners = generator.integers(0, room + 1, (9, 2)) if crop else np.tile(room // 2, (9, 1))
    mirrored = generator.random(9) < 0.5
    padded = np.pad(data.images - prepare.mean, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    expected = np.stack([image[top:top + 8, left:left + 9][:, ::-1 if flip else 1]
                         for image, (top, left), flip in zip(padded, corners, mirrored, strict=True)])
    expected += colour.shift(generator, 9)[:, None, None, :]
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mean", ["image", "colour"])
def test_stretched_images_come_at_the_networks_size_as_float32(channels, mean):
    data = dataset(channels=channels)
    prepare = Preprocessing.fit(data, (12, 16), mean)  # the crop fits, however an image is stretched
    before = data.images.copy()
    out = Augmentation(stretch=0.3)(data.images, prepare, np.random.default_rng(0))
    assert out.shape == (9, 12, 16, channels) and out.dtype == np.float32
    assert data.images.dtype == np.uint8 and np.array_equal(data.images, before)
    assert np.abs(out - prepare(data.images)).max() > 10
    padded = Augmentation(stretch=0.3, pad=3)(data.images, prepare, np.random.default_rng(0))
    assert padded.shape == out.shape


def test_proportions_are_log_uniform_and_no_side_shrinks():
    generator = np.random.default_rng(1)
    sizes = Augmentation(stretch=0.5)._draw_sizes(generator, 20_000, 1000, 2000)
    assert np.all(sizes >= (1000, 2000)) and np.all((sizes == (1000, 2000)).any(axis=1))  # one side stays
    change = np.log(sizes[:, 1] / sizes[:, 0] / 2) / np.log(1.5)
    assert change.min() >= -1.01 and change.max() <= 1.01
    counts = np.histogram(change, bins=8, range=(-1.01, 1.01))[0]
    assert np.abs(counts / 2500 - 1).max() < 0.1


def test_the_pixels_are_those_of_an_enlarged_image():
    data = dataset(count=30)
    for mean in (np.zeros(3), data.images[0]):
        prepare = Preprocessing(mean, (12, 16), (12, 16))
        out = Augmentation(crop=False, mirror=False, stretch=1.0)(data.images, prepare, np.random.default_rng(2))
        sizes = Augmentation(stretch=1.0)._draw_sizes(np.random.default_rng(2), 30, 12, 16)
        for image, got, (height, width) in zip(data.images, out, sizes.tolist(), strict=True):
            wide = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
            top, left = (height - 12) // 2, (width - 16) // 2
            expected = wide[top:top + 12, left:left + 16].astype(np.float32)
            if mean.ndim == 3:
                enlarged = stretched(mean.astype(np.float32), height, width)
                expected -= enlarged[top:top + 12, left:left + 16]
            np.testing.assert_array_equal(got, expected)


def test_the_mean_is_stretched_with_the_image_and_padding_stays_the_mean():
    mean = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    out = Augmentation(stretch=0.6, pad=2)(np.repeat(mean[None], 50, axis=0), Preprocessing(mean, (14, 18)),
                                           np.random.default_rng(0))
    assert np.abs(out).max() <= 1  # uint8 pixels are rounded, the mean is not
    bright = np.full((50, 12, 16, 3), 7, np.uint8)
    out = Augmentation(stretch=0.6, pad=4)(bright, Preprocessing(np.zeros((12, 16, 3)), (20, 24)),
                                           np.random.default_rng(0))
    assert set(np.unique(out)) == {0, 7} and np.all(out[:, 10, 12] == 7)


def test_a_batch_depends_on_seed_epoch_and_index_alone():
    data = dataset()
    prepare = Preprocessing.fit(data, 8)
    augmentation = Augmentation(stretch=0.3)
    first, second, third = (
        [images for images, _ in Loader(data, prepare, 4, augmentation, seed=seed, threads=threads).batches()]
        for seed, threads in ((0, 0), (0, 2), (1, 0)))
    for one, two, other in zip(first, second, third, strict=True):
        np.testing.assert_array_equal(one, two)
        assert not np.array_equal(one, other)


def test_settings_name_it_where_it_is_used():
    assert "stretch" not in Augmentation().settings
    used = Augmentation(stretch=0.25)
    again = Augmentation.from_settings(json.loads(json.dumps(used.settings)))
    assert again.stretch == used.settings["stretch"] == 0.25
    assert Augmentation.from_settings(Augmentation().settings).stretch == 0


@pytest.mark.parametrize("stretch", [-0.1, float("nan"), float("inf"), "much", None, True])
def test_what_is_not_a_number_from_0_up_is_refused(stretch):
    with pytest.raises(ArgumentError, match="Augmentation: stretch is .*, expected a number from 0 up"):
        Augmentation(stretch=stretch)
